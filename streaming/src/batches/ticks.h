#pragma once

#include "rivulet/clock.h"
#include "rivulet/stream/core.h"

#include <optional>
#include <string>
#include <vector>

namespace rivulet::detail {

LateBatches parseLateBatches(const std::string& name);

/// When batches are: at `zero + n * batch`, each tick `slack` late. Says which tick the next batch is for.
///
/// Threads: one at a time: the one that runs the batches
class Ticks {
  public:
    struct Settings {
        Time zero;
        Duration batch;
        Duration slack;                   // how much later than their times batches run
        std::vector<Duration> longSlides; // of streams that have no batch at every tick
        LateBatches late = LateBatches::merge;
    };
    Ticks() = default;
    explicit Ticks(Settings settings) : settings_(std::move(settings)), last_(settings_.zero) {}

    Time zero() const { return settings_.zero; }
    Duration slack() const { return settings_.slack; }
    Time last() const { return last_; }
    void setLast(Time time) { last_ = time; }

    /// Waits until the next batch is due and returns its time; nothing once a stop is requested.
    std::optional<Time> await(Clock& clock, const std::stop_token& stop) const;
    /// The latest tick, if it is past the last batch.
    std::optional<Time> latest(Time now) const;
    /// The ticks between the last batch and `next`.
    long missedBefore(Time next) const { return (next - last_) / settings_.batch - 1; }

  private:
    Time next(Time now) const;

    Settings settings_;
    Time last_{};
};

} // namespace rivulet::detail
