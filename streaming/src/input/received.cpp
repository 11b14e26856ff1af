#include "rivulet/input/received.h"

#include "rivulet/log.h"
#include "rivulet/serialization/stored.h"

#include <charconv>
#include <random>

namespace rivulet::detail {
namespace {

/// Batches that are shorter are judged together: one that a busy machine held up for some milliseconds would otherwise
/// throttle a receiver for many.
constexpr Duration kLeastJudged{100};

ReceivedBlocks::Limits limitsOf(const StreamCore& core) {
    const Conf& conf = core.context().conf();
    const bool backpressure = conf.getBool("rivulet.streaming.backpressure.enabled");
    return {std::size_t(conf.getBytes("rivulet.streaming.receiver.bufferBytes")), core.batchDuration(),
            double(conf.getInt("rivulet.streaming.receiver.maxRate")),
            backpressure ? double(conf.getInt("rivulet.streaming.backpressure.initialRate")) : 0};
}

} // namespace

// ---- the buffer

ReceivedBlocks::ReceivedBlocks(std::shared_ptr<MemoryAccount> memory, std::shared_ptr<Clock> clock, Limits limits)
    : memory_(std::move(memory)),
      consumer_(memory_->consumer("received")),
      clock_(std::move(clock)),
      capacityBytes_(limits.capacityBytes),
      batch_(limits.batch),
      hasMaxRate_(limits.maxRate > 0),
      limiter_(limits.batch, limits.maxRate, limits.initialRate, clock_->now()) {
    mayWait_ = limiter_.limited();
}

bool ReceivedBlocks::admit(long records, const std::stop_token& stop) {
    if (stop.stop_requested()) return false;
    return !mayWait_.load(std::memory_order_relaxed) || admitSlowly(records, stop);
}

bool ReceivedBlocks::admitSlowly(long records, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        const auto anotherTry = [this, seen = changes_] { return changes_ != seen; };
        if (waitingBytes_ >= capacityBytes_) {
            changed_.wait(lock, stop, anotherTry);
            continue;
        }
        if (limiter_.takeAll(records, clock_->now())) return true;
        const auto ready = limiter_.readyAt(records);
        if (!ready) {
            changed_.wait(lock, stop, anotherTry);
            continue;
        }
        lock.unlock();
        clock_->waitUntil(*ready, stop);
        lock.lock();
    }
    return false;
}

std::uint64_t ReceivedBlocks::put(ReceivedBlock block, bool afterStop) {
    const std::uint64_t last = block.firstNumber + std::uint64_t(block.records) - 1;
    std::shared_ptr<BlockSender> sender;
    std::uint64_t next = 0;
    {
        std::lock_guard lock(mutex_);
        // What comes after a stop is the rest that a receiver had in hand; one that ignores the stop must not fill the
        // memory.
        if (afterStop && waitingBytes_ >= 2 * capacityBytes_) {
            dropped_ += block.records;
            return 0;
        }
        sender = add(std::move(block));
        next = next_;
    }
    tellAdded(sender, last);
    return next;
}

std::shared_ptr<BlockSender> ReceivedBlocks::add(ReceivedBlock block) {
    block.reservation = MemoryReservation(memory_, consumer_, std::int64_t(block.sizeBytes));
    block.sequence = next_++;
    waitingBytes_ += block.sizeBytes;
    waitingRecords_ += block.records;
    if (wake_)
        unwrittenBytes_ += block.sizeBytes;
    else
        written_ = gathered_ = waiting_.size() + 1;
    waiting_.push_back(std::move(block));
    mayWait_ = waitingBytes_ >= capacityBytes_ || limiter_.limited();
    return waiting_.back().sender;
}

/// Wakes who writes; where nobody does, memory is all there is.
void ReceivedBlocks::tellAdded(const std::shared_ptr<BlockSender>& sender, std::uint64_t number) const {
    if (wake_)
        wake_();
    else if (sender)
        sender->written(number);
}

bool ReceivedBlocks::offer(ReceivedBlock& block, CutBlock cut, std::optional<Time>& again) {
    again.reset();
    std::shared_ptr<BlockSender> sender;
    std::uint64_t last = block.firstNumber - 1;
    bool isAll = false, isAdded = false;
    {
        std::lock_guard lock(mutex_);
        if (waitingBytes_ >= capacityBytes_) {
            refused_ = true;
            return false;
        }
        const long permits = limiter_.take(block.records, clock_->now());
        isAll = permits == block.records;
        isAdded = isAll || permits > 0;
        last += std::uint64_t(permits);
        if (isAdded) sender = add(isAll ? std::exchange(block, {}) : cut(block, permits));
        if (!isAll) {
            again = limiter_.readyAt(1);
            refused_ = true;
        }
    }
    if (isAdded) tellAdded(sender, last);
    return isAll;
}

bool ReceivedBlocks::hasSpace() const {
    std::lock_guard lock(mutex_);
    return waitingBytes_ < capacityBytes_;
}

void ReceivedBlocks::changed() {
    ++changes_;
    mayWait_ = waitingBytes_ >= capacityBytes_ || limiter_.limited();
    changed_.notify_all();
}

std::vector<ReceivedBlock> ReceivedBlocks::take(std::uint64_t end) {
    std::vector<ReceivedBlock> taken;
    bool wake;
    {
        std::lock_guard lock(mutex_);
        std::size_t count = written_;
        while (count > 0 && waiting_[count - 1].sequence >= end) --count;
        if (count > 0) takenUpTo_ = waiting_[count - 1].sequence + 1;
        if (end != kAll) takenUpTo_ = std::max(takenUpTo_, end);
        if (count == waiting_.size()) {
            taken.swap(waiting_);
        } else {
            const auto rest = waiting_.begin() + std::ptrdiff_t(count);
            taken.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(rest));
            waiting_.erase(waiting_.begin(), rest);
        }
        written_ -= count;
        gathered_ -= count;
        for (const ReceivedBlock& block : taken) {
            waitingBytes_ -= block.sizeBytes;
            waitingRecords_ -= block.records;
        }
        limiter_.nextBatch();
        wake = std::exchange(refused_, false);
        changed();
    }
    if (wake && onSpace_) onSpace_();
    return taken;
}

std::uint64_t ReceivedBlocks::takenUpTo() const {
    std::lock_guard lock(mutex_);
    return takenUpTo_;
}

long ReceivedBlocks::waitingRecords() const {
    std::lock_guard lock(mutex_);
    return waitingRecords_;
}

void ReceivedBlocks::setRate(double rate) {
    bool wake;
    {
        std::lock_guard lock(mutex_);
        limiter_.setRate(rate, clock_->now());
        wake = std::exchange(refused_, false);
        changed();
    }
    if (wake && onSpace_) onSpace_();
}

double ReceivedBlocks::rate() const {
    std::lock_guard lock(mutex_);
    return limiter_.rate();
}

// ---- the log

void ReceivedBlocks::goOn(std::vector<ReceivedBlock> waiting, std::uint64_t taken, std::uint64_t next) {
    std::lock_guard lock(mutex_);
    for (ReceivedBlock& block : waiting) {
        block.reservation = MemoryReservation(memory_, consumer_, std::int64_t(block.sizeBytes));
        waitingBytes_ += block.sizeBytes;
        waitingRecords_ += block.records;
    }
    waiting_ = std::move(waiting);
    written_ = gathered_ = waiting_.size();
    takenUpTo_ = taken;
    next_ = next;
    mayWait_ = waitingBytes_ >= capacityBytes_ || limiter_.limited();
}

std::vector<ReceivedBlock> ReceivedBlocks::gather(std::size_t sizeBytes) {
    std::vector<ReceivedBlock> some;
    std::lock_guard lock(mutex_);
    for (std::size_t bytes = 0; gathered_ < waiting_.size() && bytes < sizeBytes; ++gathered_) {
        const ReceivedBlock& block = waiting_[gathered_];
        bytes += block.sizeBytes;
        ReceivedBlock copy;
        copy.data = block.data;
        copy.begin = block.begin;
        copy.end = block.end;
        copy.records = block.records;
        copy.sizeBytes = block.sizeBytes;
        copy.sender = block.sender;
        copy.firstNumber = block.firstNumber;
        copy.sequence = block.sequence;
        some.push_back(std::move(copy));
    }
    return some;
}

void ReceivedBlocks::written(const std::vector<ReceivedBlock>& blocks) {
    {
        std::lock_guard lock(mutex_);
        written_ += blocks.size();
        for (const ReceivedBlock& block : blocks) unwrittenBytes_ -= block.sizeBytes;
        changed();
    }
    for (const ReceivedBlock& block : blocks)
        if (block.sender) block.sender->written(block.firstNumber + std::uint64_t(block.records) - 1);
}

void ReceivedBlocks::writingFailed(std::exception_ptr error) {
    std::lock_guard lock(mutex_);
    writingFailed_ = std::move(error);
    changed();
}

std::uint64_t ReceivedBlocks::next() const {
    std::lock_guard lock(mutex_);
    return next_;
}

bool ReceivedBlocks::isWritten(std::uint64_t end) const {
    return written_ == waiting_.size() || waiting_[written_].sequence >= end;
}

void ReceivedBlocks::awaitWritten(std::uint64_t end) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return isWritten(end) || writingFailed_; });
    if (!isWritten(end)) std::rethrow_exception(writingFailed_);
}

void ReceivedBlocks::awaitFew() {
    constexpr std::size_t kFewBytes = 1 << 20; // as much as is written in the time of a sync
    std::unique_lock lock(mutex_);
    if (unwrittenBytes_ <= kFewBytes)
        changed_.wait(lock, [this, end = next_] { return isWritten(end) || writingFailed_; });
}

// ---- backpressure

RateController::RateController(int input, std::weak_ptr<ReceivedBlocks> blocks, Duration batch,
                               PidRateEstimator::Gains gains)
    : input_(input),
      blocks_(std::move(blocks)),
      batch_(batch),
      judgedTogether_(std::max(1L, long(kLeastJudged / batch))),
      estimator_(batch * judgedTogether_, gains) {}

/// A batch that had as much as it might, and was done in its time, says that the next one may have more.
void RateController::growInitialRate(ReceivedBlocks& blocks, const BatchInfo& info, long records) const {
    const double rate = blocks.rate();
    const bool full = double(records) >= 0.5 * rate * std::chrono::duration<double>(batch_).count();
    if (full && info.totalDelay() <= batch_) blocks.setRate(2 * rate);
}

void RateController::onBatchCompleted(const BatchInfo& info) {
    const auto found = info.inputRecords.find(input_);
    const auto blocks = blocks_.lock();
    if (!blocks || info.failure || found == info.inputRecords.end()) return;
    const auto ms = [](std::chrono::microseconds time) {
        return std::chrono::duration<double, std::milli>(time).count();
    };
    if (found->second > 0) {
        records_ += found->second;
        workMs_ += ms(info.processingDelay);
        if (!estimated_) growInitialRate(*blocks, info, found->second);
    }
    if (++judged_ < judgedTogether_) return;
    const Time done = info.batchTime + std::chrono::duration_cast<Duration>(info.totalDelay());
    const auto rate = estimator_.compute(done, records_, workMs_, ms(info.schedulingDelay));
    if (rate) {
        blocks->setRate(*rate);
        estimated_ = true;
    }
    judged_ = records_ = 0;
    workMs_ = 0;
}

std::string RateController::pace() const {
    const auto blocks = blocks_.lock();
    if (!blocks) return {};
    ByteWriter out;
    out(blocks->rate(), estimated_, estimator_.seen());
    return std::move(out).text();
}

void RateController::restorePace(std::string_view pace) {
    double rate = 0;
    PidRateEstimator::Seen seen;
    ByteReader in(pace);
    in(rate, estimated_, seen);
    in.finish();
    estimator_.restore(seen);
    if (const auto blocks = blocks_.lock()) blocks->setRate(rate);
}

// ---- the input

ReceivedInput::ReceivedInput(const std::shared_ptr<StreamCore>& core, std::string kind)
    : core_(core),
      kind_(std::move(kind)),
      mostPartitions_(core->context().defaultParallelism()),
      intervals_(long(core->batchDuration() / core->context().conf().getDuration("rivulet.streaming.blockInterval"))),
      writeAhead_(core->context().conf().getBool("rivulet.streaming.receiver.writeAheadLog.enable")),
      blocks_(
          std::make_shared<ReceivedBlocks>(core->context().engine()->memory(), core->sharedClock(), limitsOf(*core))) {}

void ReceivedInput::declare(StreamCore& core, const std::shared_ptr<ReceivedInput>& input) {
    core.add(std::shared_ptr<Input>(input));
    input->info_.streamId = input->id();
    input->info_.name = input->name();
    const Conf& conf = core.context().conf();
    if (!conf.getBool("rivulet.streaming.backpressure.enabled")) return;
    const auto gain = [&](const char* name) {
        return conf.getDouble(std::string("rivulet.streaming.backpressure.pid.") + name);
    };
    input->controller_ = std::make_shared<RateController>(
        input->id(), input->blocks_, core.batchDuration(),
        PidRateEstimator::Gains{gain("proportional"), gain("integral"), gain("derived"), gain("minRate")});
    core.add(std::shared_ptr<StreamingListener>(input->controller_));
}

long ReceivedInput::allocate(Time time) {
    const std::uint64_t before = blocks_->next();
    seal();
    // A receiver that stores little has it in the batch at whose time it was there.
    if (blocks_->next() != before) blocks_->awaitFew();
    return keep(time, blocks_->take());
}

long ReceivedInput::keep(Time time, std::vector<ReceivedBlock> blocks) {
    auto batch = std::make_shared<const ReceivedBatch>(std::move(blocks), intervals_, mostPartitions_);
    const long records = batch->records();
    std::lock_guard lock(mutex_);
    allocated_.insert_or_assign(time, std::move(batch));
    return records;
}

std::string ReceivedInput::position() const { return std::to_string(blocks_->takenUpTo()); }

std::uint64_t ReceivedInput::readPosition(std::string_view position) {
    std::uint64_t number = 0;
    std::from_chars(position.data(), position.data() + position.size(), number);
    return number;
}

long ReceivedInput::allocateAgain(Time time, std::string_view end) {
    return keep(time, blocks_->take(readPosition(end)));
}

long ReceivedInput::unallocated() const {
    seal();
    return blocks_->waitingRecords();
}

void ReceivedInput::forgetBatches(Time upTo) {
    std::map<Time, ReceivedBatchPtr> forgotten; // destroyed outside of the lock
    std::lock_guard lock(mutex_);
    while (!allocated_.empty() && allocated_.begin()->first <= upTo)
        forgotten.insert(allocated_.extract(allocated_.begin()));
}

ReceivedBatchPtr ReceivedInput::batchAt(Time time) const {
    std::lock_guard lock(mutex_);
    const auto found = allocated_.find(time);
    return found == allocated_.end() ? std::make_shared<const ReceivedBatch>() : found->second;
}

void ReceivedInput::commit(Time time) {
    const auto batch = batchAt(time);
    for (const ReceivedBlock& block : batch->blocks()) {
        if (!block.onProcessed) continue;
        try {
            block.onProcessed();
        } catch (...) {
            logError(name() + ": what was to be called after a batch threw: " + messageOf(std::current_exception()));
        }
    }
}

Backoff ReceivedInput::backoff() const {
    const Conf& conf = core_.lock()->context().conf();
    constexpr const char* kSeed = "rivulet.streaming.receiverRestartSeed";
    return Backoff(conf.getDuration("rivulet.streaming.receiverRestartDelay"),
                   conf.getDuration("rivulet.streaming.receiverMaxRestartDelay"),
                   std::uint64_t(conf.contains(kSeed) ? conf.getInt(kSeed) + id() : std::random_device()()));
}

void ReceivedInput::tellError(const std::string& message, std::exception_ptr error) {
    tell(true, message, std::move(error));
}

void ReceivedInput::tell(bool active, const std::string& message, std::exception_ptr error) {
    const auto core = core_.lock();
    if (!core) return;
    const bool failed = !message.empty();
    ReceiverInfo info;
    {
        std::lock_guard lock(mutex_);
        info_.active = active;
        if (failed) {
            info_.lastErrorMessage = message;
            info_.lastError = std::move(error);
            info_.lastErrorTime = blocks_->clock().now();
        }
        info = info_;
    }
    core->post([info, failed](StreamingListener& listener) {
        if (failed)
            listener.onReceiverError(info);
        else if (info.active)
            listener.onReceiverStarted(info);
        else
            listener.onReceiverStopped(info);
    });
}

// ---- the thread of a receiver

void ReceiverThread::start(std::function<void(std::stop_token)> run) {
    thread_ = std::thread([this, run = std::move(run)] { loop(run); });
}

void ReceiverThread::stop() noexcept {
    stop_.request_stop();
    if (thread_.joinable()) thread_.join();
}

void ReceiverThread::loop(const std::function<void(std::stop_token)>& run) {
    Backoff backoff = input_.backoff();
    const auto stop = stop_.get_token();
    Clock& clock = input_.blocks().clock();
    for (;;) {
        input_.tellStarted();
        std::string message;
        std::exception_ptr error;
        stored_ = 0;
        if (!runOnce(run, message, error)) break;
        if (stored_ > 0) backoff.reset();
        input_.tellError(message, error);
        const Duration pause = backoff.next();
        logWarn(input_.name() + ": the receiver failed: " + message + "; starting it again in " + durationText(pause));
        if (!clock.waitUntil(clock.now() + pause, stop)) break;
    }
    input_.tellStopped();
}

bool ReceiverThread::runOnce(const std::function<void(std::stop_token)>& run, std::string& message,
                             std::exception_ptr& error) {
    try {
        run(stop_.get_token());
        return false;
    } catch (const ReceiverRestart& restart) {
        message = restart.message;
    } catch (...) {
        error = std::current_exception();
        message = messageOf(error);
    }
    if (message.empty()) message = "no reason was given";
    return true;
}

} // namespace rivulet::detail
