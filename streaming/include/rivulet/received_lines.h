#pragma once

#include "rivulet/stream/core.h"

#include <mutex>

namespace rivulet {
namespace detail {

/// Complete lines as they were received, the last with its terminator too.
struct LineBlock {
    std::string text;
    long lines = 0;
    MemoryReservation reservation;
};
using LineBlocksPtr = std::shared_ptr<const std::vector<LineBlock>>;

/// The lines of a batch, fused like those of a file: views into the blocks that were received.
class LineBlocksPipe {
  public:
    using value_type = std::string_view;
    struct Cursor {
        std::size_t at, end;
    };

    LineBlocksPipe(LineBlocksPtr blocks, int partitions);
    int partitions() const { return int(bounds_->size()) - 1; }
    Cursor open(int partition, TaskContext&) const {
        return {(*bounds_)[std::size_t(partition)], (*bounds_)[std::size_t(partition) + 1]};
    }
    template <class Sink> bool advance(Cursor& cursor, Sink& sink) const {
        if (cursor.at < cursor.end) pushLines((*blocks_)[cursor.at++].text, sink);
        return cursor.at < cursor.end;
    }

  private:
    LineBlocksPtr blocks_;
    std::shared_ptr<const std::vector<std::size_t>> bounds_; // partition i has the blocks from bound i to bound i + 1
};

} // namespace detail

/// Where a receiver puts lines and batches take them from: bounded by bytes, so that a sender that is faster than the
/// computation waits.
///
/// Threads: one receiver's thread puts; the thread that runs the batches takes
class ReceivedLines {
  public:
    /// `capacityBytes` bounds what waits for a batch; `onSpace` is called (by the taking thread) when a receiver that
    /// was told to wait may go on.
    ReceivedLines(std::shared_ptr<MemoryAccount> memory, std::size_t capacityBytes, std::function<void()> onSpace);

    /// Adds a block of complete lines. False: it was taken, but the receiver is to wait for `onSpace` before it reads
    /// on.
    bool put(std::string block, long lines);
    /// Takes all that waits.
    std::vector<detail::LineBlock> take();
    long waitingLines() const;

  private:
    const std::shared_ptr<MemoryAccount> memory_;
    const MemoryAccount::ConsumerId consumer_;
    const std::size_t capacityBytes_;
    const std::function<void()> onSpace_;

    mutable std::mutex mutex_; // guards the following
    std::vector<detail::LineBlock> waiting_;
    std::size_t waitingBytes_ = 0;
    long waitingLines_ = 0;
    bool receiverWaits_ = false;
};

namespace detail {

using ReceivedRdd = RDD<std::string_view, LineBlocksPipe>;

/// An input of lines that a receiver of another module feeds.
class ReceivedLinesNode : public StreamNode<ReceivedRdd>, public Input {
  public:
    ReceivedLinesNode(std::weak_ptr<StreamCore> core, CallSite site, Duration slide);
    long allocate(Time time) override;
    long unallocated() const override { return lines().waitingLines(); }

  protected:
    virtual ReceivedLines& lines() const = 0;
    std::optional<ReceivedRdd> compute(Time time) override;
    void forget(Time upTo) override;

  private:
    std::map<Time, LineBlocksPtr> allocated_;
};

} // namespace detail
} // namespace rivulet
