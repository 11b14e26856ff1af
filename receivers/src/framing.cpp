#include "framing.h"

#include "rivulet/log.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

namespace rivulet::detail {
namespace {

/// Newlines, in sums of a byte as far as these reach: std::count widens every byte to its result's 8, and took a fifth
/// of all the time of reading lines.
long countLines(std::string_view text) {
    constexpr std::size_t kLanes = 64, kRounds = 255;
    long lines = 0;
    while (text.size() >= kLanes) {
        const std::size_t rounds = std::min(text.size() / kLanes, kRounds);
        std::array<std::uint8_t, kLanes> sums{};
        for (const char* at = text.data(); at != text.data() + rounds * kLanes; at += kLanes)
            for (std::size_t i = 0; i < kLanes; ++i) sums[i] = std::uint8_t(sums[i] + (at[i] == '\n'));
        for (const std::uint8_t sum : sums) lines += sum;
        text.remove_prefix(rounds * kLanes);
    }
    return lines + std::count(text.begin(), text.end(), '\n');
}

/// Buffers that were given away with a block and are free again. A new one would cost a page fault for every 4 KiB,
/// which is a third of the time that reading them takes.
///
/// Threads: any
class FreeBuffers {
  public:
    static std::shared_ptr<char[]> get(std::size_t sizeBytes) {
        auto& free = instance();
        std::unique_ptr<char[]> buffer;
        {
            std::lock_guard lock(free.mutex_);
            auto& ofSize = free.buffers_[sizeBytes];
            if (!ofSize.empty()) {
                buffer = std::move(ofSize.back());
                ofSize.pop_back();
                free.sizeBytes_ -= sizeBytes;
            }
        }
        if (!buffer) buffer = std::make_unique_for_overwrite<char[]>(sizeBytes);
        return {buffer.release(), [sizeBytes](char* unused) { put(std::unique_ptr<char[]>(unused), sizeBytes); }};
    }

  private:
    static constexpr std::size_t kMostBytes = 16 << 20;

    static FreeBuffers& instance() {
        static auto* const free = new FreeBuffers(); // blocks may outlive all statics
        return *free;
    }
    static void put(std::unique_ptr<char[]> buffer, std::size_t sizeBytes) {
        auto& free = instance();
        std::lock_guard lock(free.mutex_);
        if (free.sizeBytes_ + sizeBytes > kMostBytes) return;
        free.sizeBytes_ += sizeBytes;
        free.buffers_[sizeBytes].push_back(std::move(buffer));
    }

    std::mutex mutex_; // guards the following
    std::map<std::size_t, std::vector<std::unique_ptr<char[]>>> buffers_;
    std::size_t sizeBytes_ = 0;
};

/// A buffer that is full is given away as the block that it holds, and its unfinished line copied to the next one;
/// what is less than half a buffer is copied out of it.
class LineFraming final : public Framing {
  public:
    LineFraming(std::string source, std::size_t maxLineBytes, ReceivedBlocks& blocks)
        : source_(std::move(source)),
          maxLineBytes_(maxLineBytes),
          blocks_(blocks) {}

    std::span<char> room(std::size_t sizeBytes) override {
        readBytes_ = sizeBytes;
        if (held_ == bufferBytes_) moveRest(0, held_, std::max(sizeBytes, 2 * held_));
        return {buffer_.get() + held_, bufferBytes_ - held_};
    }
    ReceivedBlock filled(std::size_t sizeBytes) override {
        const std::string_view fresh(buffer_.get() + held_, sizeBytes);
        std::size_t begin = 0;
        const std::size_t end = held_ + sizeBytes;
        if (skipping_) {
            const auto newline = fresh.find('\n');
            if (newline == fresh.npos) return {};
            begin = newline + 1;
            skipping_ = false;
            blocks_.countDropped(1);
        }
        const auto last = fresh.rfind('\n');
        const std::size_t linesEnd = last == fresh.npos ? begin : held_ + last + 1;
        ReceivedBlock block;
        if (linesEnd > begin) block = linesOf(begin, linesEnd);
        moveRest(linesEnd, end, readBytes_);
        if (held_ > maxLineBytes_) skipLine();
        return block;
    }
    /// What follows the last newline is a line too.
    ReceivedBlock end() override {
        if (std::exchange(skipping_, false)) blocks_.countDropped(1);
        if (held_ == 0) return {};
        return textBlock(std::string(buffer_.get(), std::exchange(held_, 0)) + '\n', 1);
    }
    long unfinished() const override { return held_ > 0 || skipping_ ? 1 : 0; }
    CutBlock cut() const override { return &ReceivedLines::cut; }

  private:
    /// The lines in this part of the buffer.
    ReceivedBlock linesOf(std::size_t begin, std::size_t end) const {
        const std::string_view text(buffer_.get() + begin, end - begin);
        if (text.size() > maxLineBytes_) {
            std::string kept = withoutLongLines(std::string(text));
            const long lines = countLines(kept);
            return textBlock(std::move(kept), lines);
        }
        const long lines = countLines(text);
        if (2 * end < bufferBytes_) return textBlock(std::string(text), lines);
        ReceivedBlock block;
        block.data = std::shared_ptr<const void>(buffer_, buffer_.get());
        block.begin = begin;
        block.end = end;
        block.records = lines;
        block.sizeBytes = text.size();
        return block;
    }
    /// Puts what is left of the buffer to the front of one that nobody else has, of at least this size.
    void moveRest(std::size_t begin, std::size_t end, std::size_t sizeBytes) {
        held_ = end - begin;
        const bool fits = held_ < bufferBytes_ && (bufferBytes_ == sizeBytes || held_ >= sizeBytes / 2);
        if (fits && buffer_.use_count() == 1) {
            if (begin > 0) std::memmove(buffer_.get(), buffer_.get() + begin, held_);
            return;
        }
        bufferBytes_ = std::max(sizeBytes, std::bit_ceil(held_ + 1));
        const auto next = FreeBuffers::get(bufferBytes_);
        if (held_ > 0) std::memcpy(next.get(), buffer_.get() + begin, held_);
        buffer_ = next;
    }
    std::string withoutLongLines(std::string text) const {
        bool longLines = false;
        for (std::size_t at = 0; at < text.size() && !longLines;) {
            const std::size_t newline = text.find('\n', at);
            longLines = newline - at > maxLineBytes_;
            at = newline + 1;
        }
        if (!longLines) return text;
        std::string kept;
        for (std::string_view rest = text; !rest.empty();) {
            const std::string_view line = rest.substr(0, rest.find('\n') + 1);
            rest.remove_prefix(line.size());
            if (line.size() - 1 <= maxLineBytes_) {
                kept += line;
                continue;
            }
            warnOfLongLine();
            blocks_.countDropped(1);
        }
        return kept;
    }
    void warnOfLongLine() const {
        logWarn(source_ + " has more than " + std::to_string(maxLineBytes_) +
                " bytes and is dropped; raise rivulet.streaming.receiver.maxLineBytes to take it");
    }
    void skipLine() {
        warnOfLongLine();
        held_ = 0;
        skipping_ = true;
    }

    const std::string source_;
    const std::size_t maxLineBytes_;
    ReceivedBlocks& blocks_;
    std::shared_ptr<char[]> buffer_;
    std::size_t bufferBytes_ = 0, readBytes_ = 0;
    std::size_t held_ = 0; // of a line that is not complete, at the beginning of the buffer
    bool skipping_ = false;
};

class LengthFraming final : public CopyingFraming {
  public:
    LengthFraming(std::string source, std::size_t maxFrameBytes, ReceivedBlocks& blocks)
        : source_(std::move(source)),
          maxFrameBytes_(maxFrameBytes),
          blocks_(blocks) {}

    ReceivedBlock end() override {
        blocks_.countDropped(unfinished());
        rest_.clear();
        return {};
    }
    long unfinished() const override { return rest_.empty() ? 0 : 1; }
    CutBlock cut() const override { return &ReceivedFrames::cut; }

  protected:
    ReceivedBlock feed(std::string_view bytes) override {
        rest_ += bytes;
        std::size_t at = 0;
        long frames = 0;
        while (rest_.size() - at >= ReceivedFrames::kHeader) {
            const std::size_t length = ReceivedFrames::lengthAt(rest_.data() + at);
            if (length > maxFrameBytes_)
                throw IoError(source_ + " has " + std::to_string(length) + " bytes, more than the " +
                              std::to_string(maxFrameBytes_) +
                              " of rivulet.streaming.receiver.maxLineBytes: raise it, or send frames");
            if (rest_.size() - at < ReceivedFrames::kHeader + length) break;
            at += ReceivedFrames::kHeader + length;
            ++frames;
        }
        if (frames == 0) return {};
        std::string rest = rest_.substr(at);
        rest_.resize(at);
        return textBlock(std::exchange(rest_, std::move(rest)), frames);
    }

  private:
    const std::string source_;
    const std::size_t maxFrameBytes_;
    ReceivedBlocks& blocks_;
    std::string rest_;
};

} // namespace

std::span<char> CopyingFraming::room(std::size_t sizeBytes) {
    if (sizeBytes_ != sizeBytes) {
        buffer_ = std::make_unique_for_overwrite<char[]>(sizeBytes);
        sizeBytes_ = sizeBytes;
    }
    return {buffer_.get(), sizeBytes_};
}

MakeFraming lineFraming(const char* operation, std::size_t maxLineBytes) {
    return [operation, maxLineBytes](const std::string& peer, ReceivedBlocks& blocks) {
        return std::make_unique<LineFraming>(std::string(operation) + ": a line from " + peer, maxLineBytes, blocks);
    };
}

MakeFraming lengthFraming(const char* operation, std::size_t maxFrameBytes) {
    return [operation, maxFrameBytes](const std::string& peer, ReceivedBlocks& blocks) {
        return std::make_unique<LengthFraming>(std::string(operation) + ": a frame from " + peer, maxFrameBytes,
                                               blocks);
    };
}

} // namespace rivulet::detail
