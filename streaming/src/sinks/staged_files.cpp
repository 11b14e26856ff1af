#include "durable/checksum.h"
#include "rivulet/file_system.h"
#include "rivulet/log.h"
#include "rivulet/serialization/stored.h"
#include "rivulet/sinks/files.h"

#include <charconv>
#include <cstdio>
#include <sstream>

namespace rivulet::detail {
namespace {

std::string tenDigits(std::uint64_t batch) {
    const std::string digits = std::to_string(batch);
    return std::string(digits.size() < 10 ? 10 - digits.size() : 0, '0') + digits;
}
std::string inHex(std::uint32_t x) {
    char text[9];
    std::snprintf(text, sizeof text, "%08x", unsigned(x));
    return text;
}
std::optional<std::uint64_t> numberOf(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}
std::string nameOf(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

std::string readSmall(FileSystem& files, const std::string& path) {
    const auto file = files.openRead(path);
    std::string text(file->sizeBytes(), '\0');
    text.resize(file->readAt(0, text));
    return text;
}
void writeSynced(FileSystem& files, const std::string& path, std::string_view text) {
    const auto file = files.openWrite(path);
    file->write(text);
    file->sync();
    file->close();
}

/// Which checkpoint and which process a sink's files belong to, as a line of text.
struct Owner {
    std::string application;
    std::uint64_t epoch = 0;
};
std::optional<Owner> readOwner(FileSystem& files, const std::string& path) {
    if (!files.exists(path)) return std::nullopt;
    const std::string text = readSmall(files, path);
    std::istringstream in(text);
    std::string checkpoint, epoch;
    Owner owner;
    if (!(in >> checkpoint >> owner.application >> epoch >> owner.epoch) || checkpoint != "checkpoint" ||
        epoch != "epoch")
        throw CorruptionError("'" + path + "' is damaged: expected 'checkpoint <id> epoch <number>', found '" + text +
                              "'; write that line again with the checkpoint's id, which `IDENT` in its directory has");
    return owner;
}

struct Prepared {
    std::uint64_t epoch = 0;
    std::uint32_t checksum = 0; // of the manifest
};
Prepared readPrepared(std::string_view bytes) {
    Prepared prepared;
    ByteReader in(bytes);
    in(prepared.epoch, prepared.checksum);
    in.finish();
    return prepared;
}

} // namespace

StagedFiles::StagedFiles(const char* operation, const std::string& directory, std::string uid,
                         std::source_location where)
    : files_(FileSystem::forUri(directory, where)),
      directory_(FileSystem::pathOf(directory, where)),
      uid_(std::move(uid)),
      hidden_(directory_ + "/." + uid_) {
    if (directory_.empty())
        throw UsageError(std::string(operation) + ": the directory has no name; say where the batches are to be",
                         where);
    if (uid_.find('/') != uid_.npos || uid_.starts_with('.') || uid_.starts_with('_'))
        throw UsageError(std::string(operation) + ": the uid '" + uid_ +
                             "' cannot be the name of files that readers see; it must have no '/', and not begin with "
                             "'.' or '_'",
                         where);
}

std::string StagedFiles::published(std::uint64_t batch) const {
    return directory_ + "/" + uid_ + "-" + tenDigits(batch);
}
std::string StagedFiles::staged(std::uint64_t epoch, std::uint64_t batch) const {
    return hidden_ + "/" + std::to_string(epoch) + "-" + tenDigits(batch);
}

// ---- the start of a process

/// The order is what keeps an earlier process out that still lives (F13): the owner is written before leftovers are
/// removed, and that process looks at the owner before it renames what it has staged. So either it sees the new owner,
/// or what it renames was there before the removal, and if it is gone the rename fails.
void StagedFiles::open(const SinkStart& start) {
    claim(start);
    removeLeftovers(start);
    refuseLater(start);
}

void StagedFiles::claim(const SinkStart& start) {
    const std::string path = hidden_ + "/owner";
    const auto owner = readOwner(*files_, path);
    if (owner && owner->application != start.application)
        throw RecoveryError("sink '" + uid_ + "': the batches '" + uid_ + "-...' in '" + directory_ +
                            "' belong to another checkpoint (" + owner->application + ", this one is " +
                            start.application + "); write to another directory, or remove them and '" + hidden_ + "'");
    application_ = start.application;
    epoch_ = owner ? std::max(start.epoch, owner->epoch + 1) : start.epoch;
    if (!owner) {
        files_->createDirectories(hidden_);
        files_->syncDirectory(directory_);
        const auto slash = directory_.find_last_of('/');
        files_->syncDirectory(slash == directory_.npos ? "." : slash == 0 ? "/" : directory_.substr(0, slash));
    }
    writeSynced(*files_, path + ".new", "checkpoint " + application_ + " epoch " + std::to_string(epoch_) + "\n");
    files_->rename(path + ".new", path);
    files_->syncDirectory(hidden_);
}

void StagedFiles::removeLeftovers(const SinkStart& start) {
    std::map<std::string, std::uint64_t> needed;
    for (const auto& [batch, prepared] : start.prepared)
        needed.emplace(nameOf(staged(readPrepared(prepared).epoch, batch)), batch);
    for (const FileStatus& entry : files_->list(hidden_)) {
        const std::string name = nameOf(entry.path);
        if (name != "owner" && !needed.contains(name)) files_->removeAll(entry.path);
    }
}

void StagedFiles::refuseLater(const SinkStart& start) const {
    for (const FileStatus& entry : files_->list(directory_)) {
        const std::string name = nameOf(entry.path);
        if (!name.starts_with(uid_ + "-")) continue;
        const auto batch = numberOf(std::string_view(name).substr(uid_.size() + 1));
        if (batch && *batch > start.lastBatch)
            throw RecoveryError(
                "sink '" + uid_ + "': '" + entry.path +
                "' is of a later batch than the checkpoint, "
                "which is at batch " +
                std::to_string(start.lastBatch) +
                ": it is an older copy. Go on from a later one; or, to have the batches after it written "
                "anew, remove them");
    }
}

// ---- a batch is staged

class StagedFiles::StagedPart final : public TextOutput::Part {
  public:
    StagedPart(StagedFiles& owner, int partition, int attempt)
        : owner_(owner),
          partition_(partition),
          attempt_(attempt) {}

    void write(std::string_view text) override {
        if (text.empty()) return;
        if (!out_) out_ = owner_.files_->openWrite(attemptPath());
        out_->write(text);
        info_.bytes += text.size();
        info_.checksum = crc32c(text, info_.checksum);
    }
    void commit() override {
        if (!out_) return;
        out_->sync();
        out_->close();
        owner_.files_->rename(attemptPath(), path());
        owner_.add(partition_, info_);
    }

  private:
    std::string path() const {
        char name[32];
        std::snprintf(name, sizeof name, "/part-%05d", partition_);
        return owner_.stage_ + name;
    }
    std::string attemptPath() const { return path() + ".attempt-" + std::to_string(attempt_); }

    StagedFiles& owner_;
    const int partition_, attempt_;
    std::unique_ptr<OutputFile> out_;
    PartInfo info_;
};

void StagedFiles::begin(std::uint64_t batch) {
    stage_ = staged(epoch_, batch);
    parts_.clear();
    files_->removeAll(stage_);
    files_->createDirectories(stage_);
}

std::unique_ptr<TextOutput::Part> StagedFiles::openPart(int partition, int attempt) {
    return std::make_unique<StagedPart>(*this, partition, attempt);
}

void StagedFiles::add(int partition, const PartInfo& info) {
    std::lock_guard lock(mutex_);
    parts_[partition] = info;
}

std::string StagedFiles::finish(const BatchContext& batch) {
    if (parts_.empty()) {
        files_->removeAll(stage_);
        return {};
    }
    std::string manifest = "batch " + std::to_string(batch.id) + "\ntime " +
                           std::to_string(batch.time.time_since_epoch().count()) + "\nepoch " + std::to_string(epoch_) +
                           "\n";
    for (const auto& [partition, info] : parts_) {
        char line[64];
        std::snprintf(line, sizeof line, "part-%05d %llu %08x\n", partition,
                      static_cast<unsigned long long>(info.bytes), unsigned(info.checksum));
        manifest += line;
    }
    const std::uint32_t checksum = crc32c(manifest);
    for (const FileStatus& entry : files_->list(stage_)) // attempts that have failed
        if (entry.path.find(".attempt-") != entry.path.npos) files_->removeAll(entry.path);
    writeSynced(*files_, stage_ + "/_manifest", manifest + "crc32c " + inHex(checksum) + "\n");
    files_->syncDirectory(stage_);
    files_->syncDirectory(hidden_);
    ByteWriter out;
    out(epoch_, checksum);
    return std::move(out).text();
}

void StagedFiles::abort(std::uint64_t batch) noexcept {
    try {
        files_->removeAll(staged(epoch_, batch));
    } catch (...) {
        logWarn("sink '" + uid_ + "': cannot remove what was staged for batch " + std::to_string(batch) +
                ", which the next start does: " + messageOf(std::current_exception()));
    }
}

// ---- and published

void StagedFiles::requireOwner(std::uint64_t batch) const {
    const auto owner = readOwner(*files_, hidden_ + "/owner");
    if (owner && owner->application == application_ && owner->epoch == epoch_) return;
    throw FencedError("sink '" + uid_ + "': another process has taken over the batches in '" + directory_ +
                      "' (epoch " + std::to_string(owner ? owner->epoch : 0) + ", this one is of epoch " +
                      std::to_string(epoch_) + "), so batch " + std::to_string(batch) +
                      " is left to it, and this process ends");
}

void StagedFiles::finalize(std::uint64_t batch, std::string_view bytes) {
    const Prepared prepared = readPrepared(bytes);
    const std::string from = staged(prepared.epoch, batch), to = published(batch);
    requireOwner(batch);
    if (files_->exists(to)) { // an earlier process has come so far
        const std::string manifest = readSmall(*files_, to + "/_manifest");
        if (!manifest.ends_with("crc32c " + inHex(prepared.checksum) + "\n"))
            throw IoError("sink '" + uid_ + "': '" + to + "' is there already, with other files than batch " +
                          std::to_string(batch) + " of the checkpoint has; remove it, and the batch takes its place");
        files_->removeAll(from); // where `to` was restored from a copy, both may be there
    } else if (files_->exists(from)) {
        files_->rename(from, to);
    } else {
        requireOwner(batch); // who may have removed it
        throw IoError(
            "sink '" + uid_ + "': batch " + std::to_string(batch) + " was committed, and its files are neither at '" +
            from + "' nor at '" + to +
            "': somebody has removed them; bring them back, or give checkpoint() the option .dropState = {\"" + uid_ +
            "\"}, which leaves the batch out");
    }
    // The checkpoint forgets the batch only after this.
    files_->syncDirectory(directory_);
}

} // namespace rivulet::detail
