#include "rivulet/received_lines.h"

#include <algorithm>

namespace rivulet {
namespace detail {
namespace {

constexpr std::size_t kLeastPartitionBytes = 64 << 10; // less is not worth a task of its own

}

LineBlocksPipe::LineBlocksPipe(LineBlocksPtr blocks, int partitions) : blocks_(std::move(blocks)) {
    std::size_t total = 0;
    for (const LineBlock& block : *blocks_) total += block.text.size();
    auto bounds = std::make_shared<std::vector<std::size_t>>(1, 0);
    if (total > 0) {
        const std::size_t wanted = std::clamp<std::size_t>(total / kLeastPartitionBytes, 1, std::size_t(partitions));
        std::size_t seen = 0;
        for (std::size_t i = 0; i < blocks_->size(); ++i) {
            seen += (*blocks_)[i].text.size();
            if (seen * wanted >= total * bounds->size()) bounds->push_back(i + 1);
        }
    }
    bounds_ = std::move(bounds);
}

ReceivedLinesNode::ReceivedLinesNode(std::weak_ptr<StreamCore> core, CallSite site, Duration slide)
    : StreamNode<ReceivedRdd>(std::move(core), site, slide, {}) {}

long ReceivedLinesNode::allocate(Time time) {
    auto blocks = std::make_shared<std::vector<LineBlock>>(lines().take());
    long count = 0;
    for (const LineBlock& block : *blocks) count += block.lines;
    allocated_.insert_or_assign(time, std::move(blocks));
    return count;
}

std::optional<ReceivedRdd> ReceivedLinesNode::compute(Time time) {
    const auto found = allocated_.find(time);
    const auto blocks = found == allocated_.end() ? std::make_shared<const std::vector<LineBlock>>() : found->second;
    const auto& context = core()->context();
    auto made = makeLineage(context.engine(), "ReceivedRDD", site());
    return ReceivedRdd(std::move(made), LineBlocksPipe(blocks, context.defaultParallelism()));
}

void ReceivedLinesNode::forget(Time upTo) {
    allocated_.erase(allocated_.begin(), allocated_.upper_bound(upTo));
    StreamNode<ReceivedRdd>::forget(upTo);
}

} // namespace detail

ReceivedLines::ReceivedLines(std::shared_ptr<MemoryAccount> memory, std::size_t capacityBytes,
                             std::function<void()> onSpace)
    : memory_(std::move(memory)),
      consumer_(memory_->consumer("received")),
      capacityBytes_(capacityBytes),
      onSpace_(std::move(onSpace)) {}

bool ReceivedLines::put(std::string block, long lines) {
    MemoryReservation reservation(memory_, consumer_, std::int64_t(block.capacity()));
    std::lock_guard lock(mutex_);
    waitingBytes_ += block.size();
    waitingLines_ += lines;
    waiting_.push_back({std::move(block), lines, std::move(reservation)});
    receiverWaits_ = waitingBytes_ >= capacityBytes_;
    return !receiverWaits_;
}

std::vector<detail::LineBlock> ReceivedLines::take() {
    std::vector<detail::LineBlock> taken;
    bool wake;
    {
        std::lock_guard lock(mutex_);
        taken.swap(waiting_);
        waitingBytes_ = 0;
        waitingLines_ = 0;
        wake = std::exchange(receiverWaits_, false);
    }
    if (wake) onSpace_();
    return taken;
}

long ReceivedLines::waitingLines() const {
    std::lock_guard lock(mutex_);
    return waitingLines_;
}

} // namespace rivulet
