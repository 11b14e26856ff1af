#include "stream_pace.h"

#include "rivulet/serialization/stored.h"

namespace rivulet::detail {

KafkaPace::KafkaPace(Duration batch, double initialRate, PidRateEstimator::Gains gains)
    : batch_(batch),
      rate_(initialRate),
      estimator_(batch, gains) {}

double KafkaPace::rate() const {
    std::lock_guard lock(mutex_);
    return rate_;
}

void KafkaPace::setRate(double rate) {
    std::lock_guard lock(mutex_);
    rate_ = rate;
    estimated_ = true;
}

void KafkaPace::onBatchCompleted(const BatchInfo& batch) {
    const auto found = batch.inputRecords.find(input_);
    if (batch.failure || found == batch.inputRecords.end() || found->second == 0) return;
    const auto ms = [](std::chrono::microseconds time) {
        return std::chrono::duration<double, std::milli>(time).count();
    };
    std::lock_guard lock(mutex_);
    const double asked = rate_ * std::chrono::duration<double>(batch_).count();
    const bool full = rate_ > 0 && double(found->second) >= 0.5 * asked;
    const bool inTime = batch.totalDelay() <= batch_;
    // A batch that had less than it might says nothing of how many the next ones could have.
    if (!full && inTime) return;
    if (!estimated_ && inTime) {
        rate_ *= 2;
        return;
    }
    const Time done = batch.batchTime + std::chrono::duration_cast<Duration>(batch.totalDelay());
    if (const auto rate =
            estimator_.compute(done, found->second, ms(batch.processingDelay), ms(batch.schedulingDelay))) {
        rate_ = *rate;
        estimated_ = true;
    }
}

std::string KafkaPace::stored() const {
    std::lock_guard lock(mutex_);
    ByteWriter out;
    out(rate_, estimated_, estimator_.seen());
    return std::move(out).text();
}

void KafkaPace::restore(std::string_view stored) {
    PidRateEstimator::Seen seen;
    std::lock_guard lock(mutex_);
    ByteReader in(stored);
    in(rate_, estimated_, seen);
    in.finish();
    estimator_.restore(seen);
}

} // namespace rivulet::detail
