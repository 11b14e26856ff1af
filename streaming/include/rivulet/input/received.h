#pragma once

#include "rivulet/clock.h"
#include "rivulet/input/blocks.h"
#include "rivulet/input/rates.h"
#include "rivulet/stream/core.h"

#include <atomic>
#include <limits>
#include <thread>

/// The way from receivers to batches.
namespace rivulet {
namespace detail {

/// Where receivers put blocks and batches take them from: bounded by bytes and by a rate, so that a sender that is
/// faster than the computation waits. Where blocks are written ahead, a batch has those alone that are written.
///
/// Threads: receivers put, the thread that runs the batches takes, that of the log gathers
class ReceivedBlocks {
  public:
    struct Limits {
        std::size_t capacityBytes = 0;
        Duration batch{};
        double maxRate = 0, initialRate = 0; // records per second; 0: none
    };

    ReceivedBlocks(std::shared_ptr<MemoryAccount> memory, std::shared_ptr<Clock> clock, Limits limits);
    /// `call` is called, by the taking thread, when a receiver whose block was refused may try again. Set before the
    /// start.
    void onSpace(std::function<void()> call) { onSpace_ = std::move(call); }

    /// For receivers that may block: waits until there are room and permits for so many records. False at once where a
    /// stop is requested.
    bool admit(long records, const std::stop_token& stop);
    /// Adds a block, and gives the number of the next one, for `awaitWritten`. After a stop, what has no room is
    /// dropped and counted.
    std::uint64_t put(ReceivedBlock block, bool afterStop = false);
    /// For receivers that may not block: puts as much of the block as there are room and permits for. False: `block`
    /// keeps the rest; try again when `onSpace` is called, and at `again` where that is given.
    bool offer(ReceivedBlock& block, CutBlock cut, std::optional<Time>& again);
    /// Whether there is room for another block.
    bool hasSpace() const;

    /// Takes all that waits and may be taken, of what is numbered below `end`.
    std::vector<ReceivedBlock> take(std::uint64_t end = kAll);
    static constexpr std::uint64_t kAll = std::numeric_limits<std::uint64_t>::max();
    /// The number after those that were taken.
    std::uint64_t takenUpTo() const;
    long waitingRecords() const;
    long dropped() const { return dropped_.load(); }
    void countDropped(long records) { dropped_ += records; }

    /// Whether the program has set a limit, beside what backpressure asks for.
    bool hasMaxRate() const { return hasMaxRate_; }
    /// What backpressure allows, in records per second.
    void setRate(double rate);
    /// The limit in force, 0 where there is none.
    double rate() const;
    Duration batchDuration() const { return batch_; }
    // Where there is a checkpoint directory:

    /// From now on blocks are written before they may be taken; `wake` is called where there is one to write. Before
    /// the start, as `goOn`.
    void writeAhead(std::function<void()> wake) { wake_ = std::move(wake); }
    bool writesAhead() const { return bool(wake_); }
    /// Goes on after what earlier processes had received: these blocks wait, and new ones are numbered from `next` on.
    void goOn(std::vector<ReceivedBlock> waiting, std::uint64_t taken, std::uint64_t next);
    /// What is to be written next: about so many bytes, in order, and nothing that was given before. It is held here
    /// until it is taken.
    std::vector<ReceivedBlock> gather(std::size_t sizeBytes);
    /// What was gathered is written.
    void written(const std::vector<ReceivedBlock>& blocks);
    /// Nothing more will be written.
    void writingFailed(std::exception_ptr error);
    /// The number of the next block.
    std::uint64_t next() const;
    /// Waits until all blocks below this number are written.
    ///
    /// Errors: throws why they cannot be
    void awaitWritten(std::uint64_t end);
    /// Waits until all blocks are written where these are few.
    void awaitFew();

    Clock& clock() const { return *clock_; }
    const std::shared_ptr<Clock>& sharedClock() const { return clock_; }

  private:
    bool admitSlowly(long records, const std::stop_token& stop);
    bool isWritten(std::uint64_t end) const; // with mutex_ held, as those that follow
    std::shared_ptr<BlockSender> add(ReceivedBlock block);
    void changed();
    void tellAdded(const std::shared_ptr<BlockSender>& sender, std::uint64_t number) const; // without it

    const std::shared_ptr<MemoryAccount> memory_;
    const MemoryAccount::ConsumerId consumer_;
    const std::shared_ptr<Clock> clock_;
    const std::size_t capacityBytes_;
    const Duration batch_;
    const bool hasMaxRate_;
    std::function<void()> onSpace_, wake_;

    std::atomic<bool> mayWait_ = false; // full or limited: admission has to look closer
    std::atomic<long> dropped_ = 0;

    mutable std::mutex mutex_; // guards the following
    std::condition_variable_any changed_;
    std::vector<ReceivedBlock> waiting_;
    std::size_t written_ = 0, gathered_ = 0; // of those that wait: so many may be taken, so many were gathered
    std::size_t unwrittenBytes_ = 0;
    std::uint64_t next_ = 0, takenUpTo_ = 0;
    std::exception_ptr writingFailed_;
    std::size_t waitingBytes_ = 0;
    long waitingRecords_ = 0;
    long changes_ = 0;
    bool refused_ = false; // a receiver waits for onSpace
    RateLimiter limiter_;
};

/// Publishes to a receiver, after every batch, how fast it may be: what the estimator says, and before it says
/// something twice the rate for each batch that kept up with it.
///
/// Source: Spark RateController
class RateController final : public StreamingListener {
  public:
    RateController(int input, std::weak_ptr<ReceivedBlocks> blocks, Duration batch, PidRateEstimator::Gains gains);
    void onBatchCompleted(const BatchInfo& info) override;

    /// The rate in force and what it follows from, as stored.
    std::string pace() const;
    void restorePace(std::string_view pace);

  private:
    void growInitialRate(ReceivedBlocks& blocks, const BatchInfo& info, long records) const;

    const int input_;
    const std::weak_ptr<ReceivedBlocks> blocks_;
    const Duration batch_;
    const long judgedTogether_; // so many batches are one to the estimator
    PidRateEstimator estimator_;
    bool estimated_ = false;
    long judged_ = 0, records_ = 0;
    double workMs_ = 0;
};

/// An input that receivers feed: gives each batch what is there at its time, and tells of its life.
class ReceivedInput : public Input, public KeptByBatch {
  public:
    ReceivedInput(const std::shared_ptr<StreamCore>& core, std::string kind);

    std::string kind() const override { return kind_; }
    bool isReceiver() const override { return true; }
    /// Fixes the batch's blocks: the plan of a batch, made once and kept as long as the batch is remembered.
    long allocate(Time time) override;
    long unallocated() const override;
    long dropped() const override { return blocks_->dropped(); }
    std::string pace() const override { return controller_ ? controller_->pace() : std::string(); }
    void restorePace(std::string_view pace) override {
        if (controller_) controller_->restorePace(pace);
    }
    void materialize(Time) override {}
    /// The batch is done: its blocks are acknowledged to receivers that asked for it.
    void commit(Time time) override;
    void abort(Time) noexcept override {}

    /// The number after the blocks that were taken.
    std::string position() const override;
    long allocateAgain(Time time, std::string_view end) override;
    bool keepsUnallocated() const override { return blocks_->writesAhead(); }
    static std::uint64_t readPosition(std::string_view position);
    /// Whether its blocks are to be written ahead, where there is a checkpoint directory.
    bool isToWriteAhead() const { return writeAhead_; }
    /// It tells its senders what was written, so no setting says otherwise.
    void alwaysWriteAhead() { writeAhead_ = true; }
    /// What its blocks hold, as it is stored; empty where that cannot be.
    virtual std::string contentForm() const = 0;
    /// The bytes that are stored of a block, in `room` where they are not its own; and the block that was stored.
    virtual std::string_view encode(const ReceivedBlock& block, std::string& room) const = 0;
    virtual ReceivedBlock decode(std::string_view bytes, long records) const = 0;
    /// The senders of blocks that earlier processes have written, with their last numbers. Before the start.
    using Senders = std::map<std::string, std::uint64_t, std::less<>>;
    void setSenders(Senders senders) { senders_ = std::move(senders); }
    const Senders& senders() const { return senders_; }

    ReceivedBlocks& blocks() const { return *blocks_; }
    const std::shared_ptr<ReceivedBlocks>& sharedBlocks() const { return blocks_; }
    /// The pauses between the attempts of its receiver; to be asked for from the start on, when it has its id.
    Backoff backoff() const;
    void tellStarted() { tell(true, {}, nullptr); }
    void tellError(const std::string& message, std::exception_ptr error);
    void tellStopped() { tell(false, {}, nullptr); }

    /// Adds it to its context, with its backpressure.
    static void declare(StreamCore& core, const std::shared_ptr<ReceivedInput>& input);

  protected:
    /// Puts what waits in a block that is not full.
    virtual void seal() const {}
    ReceivedBatchPtr batchAt(Time time) const;
    void forgetBatches(Time upTo);

  private:
    long keep(Time time, std::vector<ReceivedBlock> blocks);
    void tell(bool active, const std::string& message, std::exception_ptr error);

    const std::weak_ptr<StreamCore> core_;
    const std::string kind_;
    const int mostPartitions_;
    const long intervals_; // block intervals in a batch
    bool writeAhead_;
    Senders senders_;
    const std::shared_ptr<ReceivedBlocks> blocks_;
    std::shared_ptr<RateController> controller_; // null: no backpressure

    mutable std::mutex mutex_; // guards the following
    std::map<Time, ReceivedBatchPtr> allocated_;
    ReceiverInfo info_;
};

template <class Content> using ReceivedRdd = RDD<typename Content::value_type, ReceivedPipe<Content>>;

/// The node of an input that receivers feed.
template <class Content> class ReceivedNode : public StreamNode<ReceivedRdd<Content>>, public ReceivedInput {
  public:
    using Rdd = ReceivedRdd<Content>;

    ReceivedNode(const std::shared_ptr<StreamCore>& core, CallSite site, std::string kind)
        : StreamNode<Rdd>(core, site, core->batchDuration(), {}),
          ReceivedInput(core, std::move(kind)) {}

    std::string contentForm() const override { return Content::form(); }
    std::string_view encode(const ReceivedBlock& block, std::string& room) const override {
        return Content::encode(block, room);
    }
    ReceivedBlock decode(std::string_view bytes, long records) const override {
        return Content::decode(bytes, records);
    }

  protected:
    std::optional<Rdd> compute(Time time) override {
        auto batch = batchAt(time);
        auto made = makeLineage(this->core()->context().engine(), "ReceivedRDD", this->site());
        made->setHasElements(!batch->blocks().empty());
        return Rdd(std::move(made), ReceivedPipe<Content>(std::move(batch)));
    }
    void forget(Time upTo, StreamNodeBase::Forgotten& forgotten) override {
        forgetBatches(upTo);
        StreamNode<Rdd>::forget(upTo, forgotten);
    }
};

/// What a receiver throws on itself to be started again.
struct ReceiverRestart {
    std::string message;
};

/// The thread of a receiver that blocks: runs it, and again after a pause where it threw.
///
/// Threads: started and stopped by the thread that runs the batches
class ReceiverThread {
  public:
    explicit ReceiverThread(ReceivedInput& input) : input_(input) {}
    ~ReceiverThread() { stop(); }
    void start(std::function<void(std::stop_token)> run);
    /// Returns when the receiver has returned.
    void stop() noexcept;
    std::stop_token token() const { return stop_.get_token(); }
    void countStored(long records) { stored_.fetch_add(records, std::memory_order_relaxed); }

  private:
    void loop(const std::function<void(std::stop_token)>& run);
    /// Whether the receiver is to be started again.
    bool runOnce(const std::function<void(std::stop_token)>& run, std::string& message, std::exception_ptr& error);

    ReceivedInput& input_;
    std::stop_source stop_;
    std::atomic<long> stored_ = 0;
    std::thread thread_;
};

} // namespace detail
} // namespace rivulet
