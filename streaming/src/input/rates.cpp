#include "rivulet/input/rates.h"

#include "rivulet/error.h"

#include <algorithm>
#include <cmath>

namespace rivulet::detail {
namespace {

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

constexpr double kRounding = 1e-9; // what repeated additions may be short of a whole permit

} // namespace

RateLimiter::RateLimiter(Duration batch, double maxRate, double initialRate, Time now)
    : batch_(batch),
      maxRate_(maxRate),
      rate_(maxRate > 0 && initialRate > 0 ? std::min(maxRate, initialRate) : std::max(maxRate, initialRate)),
      filled_(now) {
    if (limited() && rate_ != maxRate_) permits_ = mostPerBatch();
}

double RateLimiter::mostPerBatch() const { return std::max(1.0, std::ceil(rate_ * seconds(batch_) - kRounding)); }

/// A batch's worth, and what is left over of one where that is no whole number.
double RateLimiter::capacity() const {
    const double share = rate_ * seconds(batch_);
    return share < 1e15 && share != std::floor(share) ? std::floor(share) + 2 : share;
}

void RateLimiter::refill(Time now) {
    if (now <= filled_) return;
    if (limited()) permits_ = std::min(capacity(), permits_ + rate_ * seconds(now - filled_));
    filled_ = now;
}

void RateLimiter::setRate(double rate, Time now) {
    if (!(rate > 0)) return;
    refill(now);
    rate_ = maxRate_ > 0 ? std::min(rate, maxRate_) : rate;
    permits_ = std::min(permits_, capacity());
}

long RateLimiter::take(long wanted, Time now) {
    if (!limited()) return wanted;
    refill(now);
    const double free = std::min(std::floor(permits_ + kRounding), mostPerBatch() - double(used_));
    const long taken = std::clamp(long(std::min(free, 1e18)), 0L, wanted);
    permits_ -= double(taken);
    used_ += taken;
    return taken;
}

bool RateLimiter::takeAll(long records, Time now) {
    if (!limited()) return true;
    refill(now);
    if (used_ > 0 && double(used_ + records) > mostPerBatch()) return false;
    if (permits_ + kRounding < std::min(double(records), std::max(1.0, rate_ * seconds(batch_)))) return false;
    permits_ -= double(records);
    used_ += records;
    return true;
}

std::optional<Time> RateLimiter::readyAt(long records) const {
    if (used_ > 0 && double(used_ + records) > mostPerBatch()) return std::nullopt;
    const double most = std::max(1.0, rate_ * seconds(batch_));
    const double missing = std::min(double(records), most) - permits_;
    return filled_ + Duration(std::max(1L, long(std::ceil(missing / rate_ * 1000 - kRounding))));
}

PidRateEstimator::PidRateEstimator(Duration batchInterval, Gains gains, std::source_location where)
    : intervalMs_(double(batchInterval.count())),
      gains_(gains) {
    if (batchInterval <= Duration::zero())
        throw UsageError("backpressure: the batch interval (" + durationText(batchInterval) + ") must be positive",
                         where);
    if (gains.proportional < 0 || gains.integral < 0 || gains.derived < 0)
        throw UsageError("backpressure: the gains of the estimator (" + std::to_string(gains.proportional) + ", " +
                             std::to_string(gains.integral) + ", " + std::to_string(gains.derived) +
                             ") must not be negative; Spark's are 1, 0.2 and 0",
                         where);
    if (!(gains.minRate > 0))
        throw UsageError("backpressure: the least rate (" + std::to_string(gains.minRate) +
                             " records per second) must be positive, for example 100",
                         where);
}

std::optional<double> PidRateEstimator::compute(Time time, long records, double workMs, double waitMs) {
    if (time <= seen_.time || records <= 0 || !(workMs > 0)) return std::nullopt;
    const double processed = double(records) / workMs * 1000;
    if (seen_.first) {
        seen_.first = false;
        seen_.time = time;
        seen_.rate = processed;
        seen_.error = 0;
        return std::nullopt;
    }
    const double error = seen_.rate - processed;
    const double waiting = waitMs * processed / intervalMs_; // what has to be caught up with
    const double change = (error - seen_.error) / seconds(time - seen_.time);
    const double rate = std::max(gains_.minRate, seen_.rate - gains_.proportional * error - gains_.integral * waiting -
                                                     gains_.derived * change);
    seen_.time = time;
    seen_.rate = rate;
    seen_.error = error;
    return rate;
}

Backoff::Backoff(Duration first, Duration longest, std::uint64_t seed)
    : first_(first),
      longest_(std::max(first, longest)),
      pause_(first),
      random_(seed) {}

Duration Backoff::next() {
    const Duration pause = pause_;
    pause_ = std::min(longest_, pause_ * 2);
    // splitmix64
    std::uint64_t x = random_ += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    x ^= x >> 31;
    const auto half = pause.count() / 2;
    return pause - Duration(half > 0 ? long(x % std::uint64_t(half + 1)) : 0);
}

} // namespace rivulet::detail
