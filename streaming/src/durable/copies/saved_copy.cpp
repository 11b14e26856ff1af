#include "durable/copies/saved_copy.h"

#include "durable/checksum.h"
#include "durable/envelope.h"
#include "durable/files.h"
#include "rivulet/serialization/stored.h"
#include "rivulet/stream/durable/checkpoint.h"

#include <algorithm>
#include <cstdio>

namespace rivulet::detail {
namespace {

constexpr std::size_t kCopiedBytes = 1 << 20; // at a time
constexpr std::string_view kHalfMade = ".partial", kNamePrefix = "epoch-";

/// Reads a file from its beginning to its end.
template <class Use> SavedFile eachPart(rocksdb::Env& env, const std::string& path, const Use& use) {
    std::unique_ptr<rocksdb::SequentialFile> file;
    require(env.NewSequentialFile(path, &file, rocksdb::EnvOptions()), "open", path);
    SavedFile read;
    std::string space(kCopiedBytes, '\0');
    for (;;) {
        rocksdb::Slice part;
        require(file->Read(space.size(), &part, space.data()), "read", path);
        if (part.empty()) return read;
        read.size += part.size();
        read.checksum = crc32c(part.ToStringView(), read.checksum);
        use(part);
    }
}

SavedFile copyFile(rocksdb::Env& env, const std::string& from, const std::string& to) {
    rocksdb::EnvOptions options;
    options.use_mmap_writes = false;
    std::unique_ptr<rocksdb::WritableFile> file;
    require(env.NewWritableFile(to, &file, options), "create", to);
    const SavedFile copied =
        eachPart(env, from, [&](const rocksdb::Slice& part) { require(file->Append(part), "write", to); });
    require(file->Sync(), "sync", to);
    require(file->Close(), "close", to);
    return copied;
}

/// Tables, and the values that lie beside them, are written once and then only read.
bool isImmutable(const std::string& name) { return name.ends_with(".sst") || name.ends_with(".blob"); }

/// What a database has beside its content: of one process.
bool isIncidental(const std::string& name) { return name == "LOCK" || name.starts_with("LOG"); }

SavedFile addFile(rocksdb::Env& env, const std::string& from, const std::string& to, const std::string& name) {
    if (isImmutable(name) && env.LinkFile(from, to).ok()) return eachPart(env, to, [](const rocksdb::Slice&) {});
    return copyFile(env, from, to);
}

} // namespace

std::string savedCopyName(const WitnessRecord& witness) {
    char name[64];
    std::snprintf(name, sizeof name, "epoch-%06llu-batch-%010llu", static_cast<unsigned long long>(witness.epoch),
                  static_cast<unsigned long long>(witness.batch));
    return name;
}

SavedContents makeSavedCopy(rocksdb::Env& env, const CopySource& source, const std::string& path,
                            const std::string& before, const SavedContents& beforeContents) {
    const auto slash = path.find_last_of('/');
    const std::string folder = slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    const std::string building = path + std::string(kHalfMade), state = building + "/state";
    createDirectories(env, folder);
    if (env.FileExists(building).ok()) removeFolder(env, building);
    require(env.CreateDir(building), "create", building);
    require(env.CreateDir(state), "create", state);
    SavedContents contents{source.witness, source.time, {}};
    for (const auto& name : namesIn(env, source.database)) {
        if (isIncidental(name)) continue;
        const std::string to = state + "/" + name;
        const auto known = std::find_if(beforeContents.files.begin(), beforeContents.files.end(),
                                        [&](const SavedFile& file) { return file.name == name; });
        SavedFile file;
        if (isImmutable(name) && known != beforeContents.files.end() &&
            env.LinkFile(before + "/state/" + name, to).ok())
            file = *known;
        else
            file = addFile(env, source.database + "/" + name, to, name);
        file.name = name;
        contents.files.push_back(std::move(file));
    }
    syncDirectory(env, state);
    writeAtomically(env, building + "/IDENT", source.identity);
    writeAtomically(env, building + "/witness", Witness::textOf(source.witness));
    ByteWriter out;
    out(contents);
    writeAtomically(env, building + "/" + kContentsName, enveloped(Stored::contents, out.view()));
    require(env.RenameFile(building, path), "rename to", path);
    syncDirectory(env, folder);
    removeFolder(env, source.database);
    return contents;
}

std::optional<SavedContents> readSavedContents(rocksdb::Env& env, const std::string& path) {
    const std::string file = path + "/" + kContentsName;
    const auto text = readFile(env, file);
    if (!text) return std::nullopt;
    SavedContents contents;
    ByteReader in(opened(Stored::contents, *text, "checkpoint: '" + file + "'"));
    in(contents);
    in.finish();
    return contents;
}

std::vector<std::string> verifySavedCopy(rocksdb::Env& env, const std::string& path, const SavedContents& contents) {
    std::vector<std::string> wrong;
    for (const SavedFile& file : contents.files) {
        const std::string at = path + "/state/" + file.name;
        if (!env.FileExists(at).ok()) {
            wrong.push_back("'" + at + "' is not there");
            continue;
        }
        const SavedFile found = eachPart(env, at, [](const rocksdb::Slice&) {});
        if (found.size != file.size || found.checksum != file.checksum)
            wrong.push_back("'" + at + "' has changed: expected " + std::to_string(file.size) +
                            " bytes with checksum " + std::to_string(file.checksum) + ", found " +
                            std::to_string(found.size) + " with " + std::to_string(found.checksum));
    }
    return wrong;
}

std::string newestSavedCopy(rocksdb::Env& env, const std::string& path) {
    if (env.FileExists(path + "/" + kContentsName).ok()) return path;
    if (env.FileExists(path).ok()) {
        auto names = namesIn(env, path);
        std::reverse(names.begin(), names.end());
        for (const auto& name : names)
            if (!name.ends_with(kHalfMade) && env.FileExists(path + "/" + name + "/" + kContentsName).ok())
                return path + "/" + name;
    }
    throw RecoveryError("checkpoint: '" + path +
                        "', from which the directory is to begin, is no savepoint, and there is none in it; give "
                        ".from the path of a savepoint, or of a folder that has some");
}

SavedContents restoreSavedCopy(rocksdb::Env& env, const std::string& path, const std::string& database) {
    const auto contents = readSavedContents(env, path);
    if (!contents) throw RecoveryError("checkpoint: '" + path + "' is no savepoint: it has no file contents");
    require(env.CreateDir(database), "create", database);
    for (const SavedFile& file : contents->files) {
        const std::string from = path + "/state/" + file.name;
        const SavedFile copied = copyFile(env, from, database + "/" + file.name);
        if (copied.size != file.size || copied.checksum != file.checksum)
            throw CorruptionError("checkpoint: '" + from + "' is damaged: expected " + std::to_string(file.size) +
                                  " bytes with checksum " + std::to_string(file.checksum) + ", found " +
                                  std::to_string(copied.size) + " with " + std::to_string(copied.checksum) +
                                  "; take another savepoint");
    }
    syncDirectory(env, database);
    return *contents;
}

void retainSavedCopies(rocksdb::Env& env, const std::string& folder, std::size_t kept) {
    std::vector<std::string> whole;
    for (const auto& name : namesIn(env, folder)) {
        if (!name.starts_with(kNamePrefix)) continue; // not ours
        if (env.FileExists(folder + "/" + name + "/" + kContentsName).ok() && !name.ends_with(kHalfMade))
            whole.push_back(name);
        else
            removeFolder(env, folder + "/" + name); // what a kill has left
    }
    for (std::size_t i = 0; i + kept < whole.size(); ++i) {
        // What says that it is whole goes first: a kill leaves nothing that looks so.
        const std::string at = folder + "/" + whole[i];
        require(env.DeleteFile(at + "/" + kContentsName), "delete", at + "/" + kContentsName);
        removeFolder(env, at);
    }
}

} // namespace rivulet::detail
