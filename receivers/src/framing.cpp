#include "framing.h"

#include "rivulet/log.h"

#include <algorithm>

namespace rivulet::detail {
namespace {

class LineFraming final : public Framing {
  public:
    LineFraming(std::string source, std::size_t maxLineBytes, ReceivedBlocks& blocks)
        : source_(std::move(source)),
          maxLineBytes_(maxLineBytes),
          blocks_(blocks) {}

    ReceivedBlock feed(std::string_view bytes) override {
        if (skipping_) {
            const auto newline = bytes.find('\n');
            if (newline == bytes.npos) return {};
            bytes.remove_prefix(newline + 1);
            skipping_ = false;
            blocks_.countDropped(1);
        }
        const auto last = bytes.rfind('\n');
        if (last == bytes.npos) {
            rest_ += bytes;
            if (rest_.size() > maxLineBytes_) skipLine();
            return {};
        }
        std::string text;
        text.reserve(rest_.size() + last + 1);
        text += rest_;
        text += bytes.substr(0, last + 1);
        rest_ = bytes.substr(last + 1);
        if (text.size() > maxLineBytes_) text = withoutLongLines(std::move(text));
        if (rest_.size() > maxLineBytes_) skipLine();
        const long lines = std::count(text.begin(), text.end(), '\n');
        return textBlock(std::move(text), lines);
    }
    /// What follows the last newline is a line too.
    ReceivedBlock end() override {
        if (std::exchange(skipping_, false)) blocks_.countDropped(1);
        if (rest_.empty()) return {};
        rest_ += '\n';
        return textBlock(std::exchange(rest_, {}), 1);
    }
    long unfinished() const override { return !rest_.empty() || skipping_ ? 1 : 0; }
    CutBlock cut() const override { return &ReceivedLines::cut; }

  private:
    std::string withoutLongLines(std::string text) {
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
        rest_ = std::string();
        skipping_ = true;
    }

    const std::string source_;
    const std::size_t maxLineBytes_;
    ReceivedBlocks& blocks_;
    std::string rest_;
    bool skipping_ = false;
};

class LengthFraming final : public Framing {
  public:
    LengthFraming(std::string source, std::size_t maxFrameBytes, ReceivedBlocks& blocks)
        : source_(std::move(source)),
          maxFrameBytes_(maxFrameBytes),
          blocks_(blocks) {}

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
    ReceivedBlock end() override {
        blocks_.countDropped(unfinished());
        rest_.clear();
        return {};
    }
    long unfinished() const override { return rest_.empty() ? 0 : 1; }
    CutBlock cut() const override { return &ReceivedFrames::cut; }

  private:
    const std::string source_;
    const std::size_t maxFrameBytes_;
    ReceivedBlocks& blocks_;
    std::string rest_;
};

} // namespace

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
