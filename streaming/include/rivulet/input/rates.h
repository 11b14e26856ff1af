#pragma once

#include "rivulet/time.h"

#include <cstdint>
#include <optional>
#include <source_location>

/// How fast receivers may be: the limit, what it follows, and the pauses of those that failed.
namespace rivulet::detail {

/// A token bucket: a permit per record. In any time t it gives at most `rate * (t + batch)` permits, and from one batch
/// to the next at most `rate * batch` (rounded up), however idle the receiver was before.
///
/// Threads: one at a time
class RateLimiter {
  public:
    /// Rates are records per second; 0 means none. An initial rate below the highest is what the first batch may have,
    /// and it may have that at once.
    RateLimiter(Duration batch, double maxRate, double initialRate, Time now);

    bool limited() const { return rate_ > 0; }
    /// The rate in force, 0 where there is none.
    double rate() const { return rate_; }
    /// What backpressure asks for; never above `maxRate`, and ignored where it is not positive.
    void setRate(double rate, Time now);
    /// Takes as many of the permits as there are and returns how many.
    long take(long wanted, Time now);
    /// Takes all of them or none. More than a batch may have are given once the bucket is full, and paid back later.
    bool takeAll(long records, Time now);
    /// When there may be permits for `takeAll`; nothing: not before the next batch.
    std::optional<Time> readyAt(long records) const;
    /// What is received from now on belongs to the next batch.
    void nextBatch() { used_ = 0; }

  private:
    void refill(Time now);
    double mostPerBatch() const;
    double capacity() const;

    const Duration batch_;
    const double maxRate_;
    double rate_;
    double permits_ = 0; // negative: owed
    Time filled_;
    long used_ = 0; // by the batch to come
};

/// Says from what a batch took how many records per second the next ones may have.
///
/// Source: Spark PIDRateEstimator
class PidRateEstimator {
  public:
    struct Gains {
        double proportional = 1.0, integral = 0.2, derived = 0.0;
        double minRate = 100;
    };

    /// Errors: UsageError where the interval or `minRate` is not positive, or a gain is negative
    PidRateEstimator(Duration batchInterval, Gains gains, std::source_location where = std::source_location::current());
    /// The next rate, after a batch that was done at `time`, of so many records, with so many milliseconds of work
    /// after so many of waiting; nothing where the batch says nothing (and for the first).
    std::optional<double> compute(Time time, long records, double workMs, double waitMs);

    /// What it knows of the batches that were.
    struct Seen {
        bool first = true; // there was none
        Time time = Time::min();
        double rate = -1, error = -1;
        template <class Archive> void serialize(Archive& archive) { archive(first, time, rate, error); }
    };
    const Seen& seen() const { return seen_; }
    void restore(const Seen& seen) { seen_ = seen; }

  private:
    const double intervalMs_;
    const Gains gains_;
    Seen seen_;
};

/// The pauses before a receiver that failed starts again: twice as long each time, up to a longest, each between half
/// of it and all of it, so that many receivers do not come back at the same moment.
class Backoff {
  public:
    Backoff(Duration first, Duration longest, std::uint64_t seed);
    Duration next();
    /// It worked: the next pause is a first one.
    void reset() { pause_ = first_; }

  private:
    const Duration first_, longest_;
    Duration pause_;
    std::uint64_t random_;
};

} // namespace rivulet::detail
