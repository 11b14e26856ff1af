#include "rivulet/file_stream.h"

#include "rivulet/log.h"
#include "rivulet/serialization/stored.h"

#include <set>

namespace rivulet {
namespace detail {
namespace {

std::string_view nameOf(std::string_view path) {
    while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
    return path.substr(path.rfind('/') + 1);
}

bool isVisible(const std::string& path) { return !nameOf(path).starts_with('.'); }

Duration wholeBatches(Duration least, Duration batch) { return (least + batch - Duration(1)) / batch * batch; }

/// Text files keep their lines fused, so they have a node of their own.
class TextFileNode final : public StreamNode<FilesRdd>, public FileInput {
  public:
    TextFileNode(const std::shared_ptr<StreamCore>& core, CallSite site, FileChoice choice)
        : StreamNode<FilesRdd>(core, site, core->batchDuration(), {}),
          FileInput(std::move(choice)) {}

  protected:
    std::optional<FilesRdd> compute(Time time) override {
        const auto& engine = core()->context().engine();
        auto made = makeLineage(engine, "TextFileRDD", site());
        made->setName(choice().directory());
        return FilesRdd(std::move(made), TextPipe(TextInput::ofFiles(*engine, *choice().at(time))));
    }
};

/// A piece of a file of records.
struct RecordsPiece {
    std::string path;
    std::uint64_t begin = 0;
    std::size_t sizeBytes = 0;
};

struct ReadPiece {
    std::size_t recordBytes;
    std::vector<std::string> operator()(const RecordsPiece& piece) const {
        std::string bytes(piece.sizeBytes, '\0');
        const auto file = FileSystem::forUri(piece.path)->openRead(FileSystem::pathOf(piece.path));
        const std::size_t read = file->readAt(piece.begin, bytes);
        if (read < piece.sizeBytes)
            throw CorruptionError("binaryRecordsStream: " + piece.path + " ends at byte " +
                                  std::to_string(piece.begin + read) + ", though it had " +
                                  std::to_string(piece.begin + piece.sizeBytes) +
                                  " when it was listed: rename files into the directory when they are complete");
        std::vector<std::string> records;
        records.reserve(piece.sizeBytes / recordBytes);
        for (std::size_t at = 0; at < bytes.size(); at += recordBytes) records.push_back(bytes.substr(at, recordBytes));
        return records;
    }
};

struct ReadRecords {
    std::size_t recordBytes;
    RDD<std::string> operator()(const Context& sc, const std::vector<FileStatus>& files) const {
        constexpr std::size_t kPieceBytes = 1 << 20;
        const std::size_t most = std::max<std::size_t>(1, kPieceBytes / recordBytes) * recordBytes;
        std::vector<RecordsPiece> pieces;
        for (const FileStatus& file : files) {
            if (file.sizeBytes % recordBytes != 0)
                throw CorruptionError("binaryRecordsStream: " + file.path + " has " + std::to_string(file.sizeBytes) +
                                      " bytes, which is no multiple of the record's " + std::to_string(recordBytes));
            for (std::uint64_t at = 0; at < file.sizeBytes; at += most)
                pieces.push_back({file.path, at, std::size_t(std::min<std::uint64_t>(most, file.sizeBytes - at))});
        }
        if (pieces.empty()) return sc.emptyRDD<std::string>();
        const int slices = int(pieces.size());
        return sc.parallelize(std::move(pieces), slices).flatMap(ReadPiece{recordBytes});
    }
};

} // namespace

FileChoice::FileChoice(StreamCore& core, const char* operation, std::string directory, FileStreamOptions options)
    : batch_(core.batchDuration()),
      operation_(operation),
      directory_(std::move(directory)),
      filter_(options.filter ? std::move(options.filter) : isVisible),
      ignoreUpTo_(options.newFilesOnly ? core.clock().now() : Time()),
      window_(wholeBatches(core.context().conf().getDuration("rivulet.streaming.fileStream.minRememberDuration"),
                           core.batchDuration())) {}

void FileChoice::choose(Time time) {
    // Late batches may have been merged into this one: its look reaches as far back as that of the first of them.
    const Time first = lastListed_ ? std::min(time, *lastListed_ + batch_) : time;
    const Time after = first - window_;
    {
        std::lock_guard lock(*mutex_);
        chosen_.erase(chosen_.begin(), chosen_.upper_bound(after));
    }
    std::vector<FileStatus> files;
    try {
        files = list(std::max(ignoreUpTo_, after), time);
        lastListed_ = time;
    } catch (const IoError& error) {
        logWarn(std::string(operation_) + ": " + error.what() + "; the files are looked for again in the next batch");
    }
    auto chosen = std::make_shared<const std::vector<FileStatus>>(std::move(files));
    std::lock_guard lock(*mutex_);
    chosen_.insert_or_assign(time, std::move(chosen));
}

namespace {

/// What of a file is stored.
using StoredFile = std::tuple<std::string, std::uint64_t, Time>; // path, size, modified

} // namespace

std::string FileChoice::position() const {
    std::map<Time, std::vector<StoredFile>> chosen;
    for (const auto& [time, files] : chosen_) {
        auto& stored = chosen[time];
        for (const FileStatus& file : *files) stored.emplace_back(file.path, file.sizeBytes, file.modified);
    }
    ByteWriter out;
    out(ignoreUpTo_, lastListed_, chosen);
    return std::move(out).text();
}

void FileChoice::restore(std::string_view position) {
    std::map<Time, std::vector<StoredFile>> chosen;
    ByteReader in(position);
    in(ignoreUpTo_, lastListed_, chosen);
    in.finish();
    std::lock_guard lock(*mutex_);
    chosen_.clear();
    for (const auto& [time, files] : chosen) {
        std::vector<FileStatus> restored;
        for (const auto& [path, sizeBytes, modified] : files) restored.push_back({path, sizeBytes, modified, false});
        chosen_[time] = std::make_shared<const std::vector<FileStatus>>(std::move(restored));
    }
}

ChosenFiles FileChoice::at(Time time) const {
    std::lock_guard lock(*mutex_);
    const auto found = chosen_.find(time);
    return found == chosen_.end() ? std::make_shared<const std::vector<FileStatus>>() : found->second;
}

std::string FileChoice::pathsAt(Time time) const {
    std::string paths;
    const auto chosen = at(time);
    for (const FileStatus& file : *chosen) paths += (paths.empty() ? "" : "\n") + file.path;
    return paths;
}

std::vector<FileStatus> FileChoice::list(Time after, Time time) const {
    std::set<std::string_view> known;
    for (const auto& [batch, files] : chosen_)
        for (const FileStatus& file : *files) known.insert(file.path);
    std::vector<FileStatus> chosen;
    const auto fileSystem = FileSystem::forUri(directory_);
    auto directories = fileSystem->glob(FileSystem::pathOf(directory_));
    if (directories.empty())
        throw IoError("directory '" + directory_ + "' does not exist: create it, or correct the path");
    for (const FileStatus& directory : directories) {
        if (!directory.isDirectory) continue;
        for (FileStatus& file : fileSystem->list(directory.path))
            if (!file.isDirectory && file.modified > after && file.modified <= time && !known.contains(file.path) &&
                filter_(file.path))
                chosen.push_back(std::move(file));
    }
    return chosen;
}

} // namespace detail

TextFileStream textFileStream(const StreamingContext& ssc, const std::string& directory, FileStreamOptions options,
                              std::source_location where) {
    const auto& core = ssc.core();
    core->requireOpen("textFileStream", where);
    auto node = std::make_shared<detail::TextFileNode>(
        core, CallSite{"textFileStream", where},
        detail::FileChoice(*core, "textFileStream", directory, std::move(options)));
    core->add(std::shared_ptr<detail::Input>(node));
    return TextFileStream(detail::NodeRecipe<detail::StreamNode<detail::FilesRdd>>(std::move(node)));
}

TextFileStream textFileStream(const StreamingContext& ssc, const std::string& directory, bool newFilesOnly,
                              std::source_location where) {
    FileStreamOptions options;
    options.newFilesOnly = newFilesOnly;
    return textFileStream(ssc, directory, std::move(options), where);
}

DStream<std::string> binaryRecordsStream(const StreamingContext& ssc, const std::string& directory, int recordBytes,
                                         FileStreamOptions options, std::source_location where) {
    if (recordBytes < 1)
        throw UsageError("binaryRecordsStream: records of " + std::to_string(recordBytes) +
                             " bytes were asked for; a record has at least 1",
                         where);
    return detail::fileStreamOf<std::string>(ssc, "binaryRecordsStream", directory, std::move(options),
                                             detail::ReadRecords{std::size_t(recordBytes)}, where);
}

} // namespace rivulet
