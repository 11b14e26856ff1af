#include "rivulet/input/blocks.h"

#include <algorithm>

namespace rivulet::detail {
namespace {

constexpr std::size_t kLeastPartitionBytes = 64 << 10; // less is not worth a task of its own

/// The text up to `size` as a block; `block` keeps what follows.
ReceivedBlock cutText(ReceivedBlock& block, std::size_t size, long records) {
    ReceivedBlock first;
    first.data = block.data;
    first.begin = block.begin;
    first.end = block.begin = block.begin + size;
    first.records = records;
    first.sizeBytes = size;
    block.records -= records;
    block.sizeBytes -= size;
    return first;
}

} // namespace

ReceivedBatch::ReceivedBatch(std::vector<ReceivedBlock> blocks, long intervals, int most) : blocks_(std::move(blocks)) {
    std::size_t total = 0;
    for (const ReceivedBlock& block : blocks_) total += block.sizeBytes;
    if (total == 0) {
        if (records() > 0) bounds_.push_back(blocks_.size());
        return;
    }
    const std::size_t slices = std::min(blocks_.size(), std::size_t(std::max(intervals, 1L)));
    const std::size_t wanted =
        std::clamp<std::size_t>(std::max(total / kLeastPartitionBytes, slices), 1, std::size_t(most));
    std::size_t seen = 0;
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
        seen += blocks_[i].sizeBytes;
        if (seen * wanted >= total * bounds_.size()) bounds_.push_back(i + 1);
    }
    bounds_.back() = blocks_.size();
}

long ReceivedBatch::records() const {
    long sum = 0;
    for (const ReceivedBlock& block : blocks_) sum += block.records;
    return sum;
}

ReceivedBlock textBlock(std::string text, long records) {
    ReceivedBlock block;
    block.end = block.sizeBytes = text.size();
    block.records = records;
    const auto kept = std::make_shared<const std::string>(std::move(text));
    block.data = std::shared_ptr<const void>(kept, kept->data());
    return block;
}

ReceivedBlock ReceivedLines::cut(ReceivedBlock& block, long records) {
    const std::string_view text = textOf(block);
    std::size_t size = 0;
    for (long i = 0; i < records; ++i) size = text.find('\n', size) + 1;
    return cutText(block, size, records);
}

ReceivedBlock ReceivedFrames::cut(ReceivedBlock& block, long records) {
    const std::string_view text = textOf(block);
    std::size_t size = 0;
    for (long i = 0; i < records; ++i) size += kHeader + lengthAt(text.data() + size);
    return cutText(block, size, records);
}

} // namespace rivulet::detail
