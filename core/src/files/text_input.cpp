#include "rivulet/conf.h"
#include "rivulet/file_system.h"
#include "rivulet/rdd/source.h"

#include <mutex>

namespace rivulet::detail {
namespace {

struct TextLimits {
    std::uint64_t partitionBytes, blockBytes, lineBytes;
};

TextLimits limitsOf(const Conf& conf) {
    return {std::uint64_t(conf.getBytes("rivulet.files.maxPartitionBytes")),
            std::uint64_t(conf.getBytes("rivulet.files.blockBytes")),
            std::uint64_t(conf.getBytes("rivulet.files.maxLineBytes"))};
}

/// A line belongs to the split in which its first byte lies; the split's reader reads on past the end to complete it.
struct Split {
    FileStatus file;
    std::uint64_t begin, end;
};

class SplitLines final : public LineBlocks {
  public:
    SplitLines(const Split& split, const TextLimits& limits)
        : split_(split),
          limits_(limits),
          file_(FileSystem::forUri(split.file.path)->openRead(FileSystem::pathOf(split.file.path))),
          position_(split.begin > 0 ? split.begin - 1 : 0),
          skipping_(split.begin > 0) {
        reserve(std::min(limits.blockBytes, split.end - position_ + kCompletion));
    }

    bool next(std::string_view& block) override {
        block = {};
        while (!done_) {
            if (skipping_)
                skip();
            else if (take(block))
                return !done_;
            if (!done_ && (skipping_ || heldSize() == scanned_)) read();
        }
        return false;
    }

  private:
    static constexpr std::uint64_t kCompletion = 4096; // room to complete the last line without another read

    /// The offset in the file of the first byte that is held.
    std::uint64_t heldFrom() const { return position_ - (filled_ - from_); }
    const char* held() const { return buffer_.get() + from_; }
    std::size_t heldSize() const { return filled_ - from_; }

    /// Drops the line that belongs to the split before.
    void skip() {
        const char* newline = static_cast<const char*>(std::memchr(held(), '\n', heldSize()));
        if (newline) {
            from_ += std::size_t(newline - held()) + 1;
            skipping_ = false;
            done_ = heldFrom() >= split_.end;
        } else {
            from_ = filled_;
            done_ = atEnd_;
        }
    }

    /// Takes the complete lines that are held; false where none is complete.
    bool take(std::string_view& block) {
        const char* stop = nullptr;
        if (position_ >= split_.end) { // the last line of the split ends at the first newline from its last byte on
            const std::size_t lastByte = std::size_t(split_.end - 1 - heldFrom());
            const std::size_t from = std::max(lastByte, scanned_);
            if (from < heldSize()) stop = static_cast<const char*>(std::memchr(held() + from, '\n', heldSize() - from));
            if (stop || atEnd_)
                done_ = true;
            else if (scanned_ < lastByte) // the lines before it need not wait for it
                stop = static_cast<const char*>(
                    ::memrchr(held() + scanned_, '\n', std::min(lastByte, heldSize()) - scanned_));
            if (!stop && atEnd_) stop = held() + heldSize() - 1;
        } else if (heldSize() > scanned_) {
            stop = static_cast<const char*>(::memrchr(held() + scanned_, '\n', heldSize() - scanned_));
        }
        if (!stop) {
            scanned_ = heldSize();
            return done_;
        }
        const std::size_t size = std::size_t(stop + 1 - held());
        block = std::string_view(held(), size);
        from_ += size;
        scanned_ = 0;
        return true;
    }

    void read() {
        if (from_ > 0) { // what was handed out is no longer in use
            std::memmove(buffer_.get(), held(), heldSize());
            filled_ -= from_;
            from_ = 0;
        }
        if (filled_ == capacity_) {
            // Room for a line of the limit with its terminator; what fits a block is never too long.
            const std::uint64_t most = std::max(limits_.lineBytes + 2, limits_.blockBytes);
            if (capacity_ >= most)
                throw IoError("a line of '" + split_.file.path + "' that begins at byte " + std::to_string(heldFrom()) +
                              " has more than " + std::to_string(limits_.lineBytes) +
                              " bytes: raise rivulet.files.maxLineBytes, or read the file in another form");
            reserve(std::min(std::max<std::uint64_t>(capacity_ * 2, limits_.blockBytes), most));
        }
        const std::size_t got = file_->readAt(position_, std::span(buffer_.get() + filled_, capacity_ - filled_));
        if (got == 0) {
            if (position_ < split_.file.sizeBytes)
                throw IoError("'" + split_.file.path + "' ends at byte " + std::to_string(position_) + " but had " +
                              std::to_string(split_.file.sizeBytes) +
                              " bytes when it was listed: it was truncated while it was read");
            atEnd_ = true;
        }
        position_ += got;
        filled_ += got;
    }

    void reserve(std::uint64_t capacity) {
        auto grown = std::make_unique_for_overwrite<char[]>(capacity);
        if (filled_ > 0) std::memcpy(grown.get(), buffer_.get(), filled_);
        buffer_ = std::move(grown);
        capacity_ = capacity;
    }

    const Split split_;
    const TextLimits limits_;
    std::unique_ptr<InputFile> file_;
    std::unique_ptr<char[]> buffer_;
    std::size_t capacity_ = 0, from_ = 0, filled_ = 0;
    std::size_t scanned_ = 0; // held bytes that are known to have no newline
    std::uint64_t position_;  // in the file, of the next byte to read
    bool skipping_, atEnd_ = false, done_ = false;
};

class FileTextInput final : public TextInput {
  public:
    FileTextInput(std::string uris, int minPartitions, TextLimits limits, std::source_location where)
        : uris_(std::move(uris)),
          minPartitions_(minPartitions),
          limits_(limits),
          where_(where) {}
    FileTextInput(std::vector<FileStatus> files, int minPartitions, TextLimits limits)
        : minPartitions_(minPartitions),
          limits_(limits),
          listed_(true),
          splits_(cut(std::move(files))) {}

    int partitions() const override { return int(splits().size()); }
    std::unique_ptr<LineBlocks> open(int partition) const override {
        return std::make_unique<SplitLines>(splits()[std::size_t(partition)], limits_);
    }

  private:
    const std::vector<Split>& splits() const {
        std::lock_guard lock(mutex_);
        if (!listed_) {
            splits_ = cut(expandInput(uris_, where_));
            listed_ = true;
        }
        return splits_;
    }
    std::vector<Split> cut(std::vector<FileStatus> files) const {
        std::uint64_t total = 0;
        for (const FileStatus& file : files) total += file.sizeBytes;
        const std::uint64_t even = (total + std::uint64_t(minPartitions_) - 1) / std::uint64_t(minPartitions_);
        const std::uint64_t size = std::max<std::uint64_t>(1, std::min(limits_.partitionBytes, even));
        std::vector<Split> splits;
        for (FileStatus& file : files) {
            const std::uint64_t parts = (file.sizeBytes + size - 1) / size;
            for (std::uint64_t i = 0; i < parts; ++i)
                splits.push_back({file, file.sizeBytes * i / parts, file.sizeBytes * (i + 1) / parts});
        }
        return splits;
    }

    const std::string uris_;
    const int minPartitions_;
    const TextLimits limits_;
    const std::source_location where_;
    mutable std::mutex mutex_; // guards the following until listed_
    mutable bool listed_ = false;
    mutable std::vector<Split> splits_;
};

} // namespace

std::shared_ptr<const TextInput> TextInput::make(const Engine& engine, std::string uris, int minPartitions,
                                                 std::source_location where) {
    return std::make_shared<FileTextInput>(std::move(uris), minPartitions, limitsOf(engine.conf()), where);
}

std::shared_ptr<const TextInput> TextInput::ofFiles(const Engine& engine, std::vector<FileStatus> files) {
    return std::make_shared<FileTextInput>(std::move(files), engine.defaultParallelism(), limitsOf(engine.conf()));
}

} // namespace rivulet::detail
