#include "batches/ticks.h"

#include <algorithm>

namespace rivulet::detail {

LateBatches parseLateBatches(const std::string& name) {
    return name == "all" ? LateBatches::all : name == "skip" ? LateBatches::skip : LateBatches::merge;
}

std::optional<Time> Ticks::await(Clock& clock, const std::stop_token& stop) const {
    if (!clock.waitUntil(last_ + settings_.batch + settings_.slack, stop)) return std::nullopt;
    return next(clock.now() - settings_.slack);
}

std::optional<Time> Ticks::latest(Time now) const {
    const Time due = floorTime(now - settings_.slack, settings_.batch, settings_.zero);
    return due > last_ ? std::optional(due) : std::nullopt;
}

/// By the policy for late ones: merged ticks never pass over one at which a slower stream has a batch.
Time Ticks::next(Time now) const {
    const Time next = last_ + settings_.batch;
    if (settings_.late == LateBatches::all || now < next + settings_.batch) return next;
    const Time latest = floorTime(now, settings_.batch, settings_.zero);
    if (settings_.late == LateBatches::skip) return latest;
    Time merged = latest;
    for (const Duration slide : settings_.longSlides)
        merged = std::min(merged, std::max(next, floorTime(last_, slide, settings_.zero) + slide));
    return merged;
}

} // namespace rivulet::detail
