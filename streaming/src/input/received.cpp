#include "rivulet/input/received.h"

#include "rivulet/log.h"
#include "rivulet/serialization/stored.h"

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

void ReceivedBlocks::put(ReceivedBlock block, bool afterStop) {
    std::lock_guard lock(mutex_);
    // What comes after a stop is the rest that a receiver had in hand; one that ignores the stop must not fill the
    // memory.
    if (afterStop && waitingBytes_ >= 2 * capacityBytes_) {
        dropped_ += block.records;
        return;
    }
    add(std::move(block));
}

void ReceivedBlocks::add(ReceivedBlock block) {
    block.reservation = MemoryReservation(memory_, consumer_, std::int64_t(block.sizeBytes));
    waitingBytes_ += block.sizeBytes;
    waitingRecords_ += block.records;
    waiting_.push_back(std::move(block));
    mayWait_ = waitingBytes_ >= capacityBytes_ || limiter_.limited();
}

bool ReceivedBlocks::offer(ReceivedBlock& block, CutBlock cut, std::optional<Time>& again) {
    std::lock_guard lock(mutex_);
    again.reset();
    if (waitingBytes_ >= capacityBytes_) {
        refused_ = true;
        return false;
    }
    const long permits = limiter_.take(block.records, clock_->now());
    if (permits == block.records) {
        add(std::exchange(block, {}));
        return true;
    }
    if (permits > 0) add(cut(block, permits));
    again = limiter_.readyAt(1);
    refused_ = true;
    return false;
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

std::vector<ReceivedBlock> ReceivedBlocks::take() {
    std::vector<ReceivedBlock> taken;
    bool wake;
    {
        std::lock_guard lock(mutex_);
        taken.swap(waiting_);
        waitingBytes_ = 0;
        waitingRecords_ = 0;
        limiter_.nextBatch();
        wake = std::exchange(refused_, false);
        changed();
    }
    if (wake && onSpace_) onSpace_();
    return taken;
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
    seal();
    auto batch = std::make_shared<const ReceivedBatch>(blocks_->take(), intervals_, mostPartitions_);
    const long records = batch->records();
    std::lock_guard lock(mutex_);
    allocated_.insert_or_assign(time, std::move(batch));
    return records;
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
