#include "rivulet/time.h"

#include "rivulet/error.h"

#include <cstdio>

namespace rivulet {

Time floorTime(Time time, Duration step, Time zero) {
    const auto since = time - zero;
    auto rest = since % step;
    if (rest < Duration::zero()) rest += step;
    return time - rest;
}

bool isMultipleOf(Time time, Duration step, Time zero) { return (time - zero) % step == Duration::zero(); }

std::vector<Time> timesUntil(Time from, Time end, Duration step) {
    std::vector<Time> times;
    for (; from < end; from += step) times.push_back(from);
    return times;
}

std::vector<Time> timesTo(Time from, Time end, Duration step) { return timesUntil(from, end + Duration(1), step); }

bool isMultipleOf(Duration duration, Duration step) { return duration % step == Duration::zero(); }

bool Interval::operator<(const Interval& other) const {
    if (duration() != other.duration())
        throw UsageError("the intervals " + toString(*this) + " and " + toString(other) +
                         " differ in length, so neither is before the other; compare their begins or their ends");
    return begin < other.begin;
}

std::string toString(Duration duration) { return std::to_string(duration.count()) + " ms"; }

std::string toString(Time time) { return toString(time.time_since_epoch()); }

std::string toString(const Interval& interval) {
    std::string text(1, '['); // `"[" + std::string` draws a false -Wrestrict from GCC 12 at -O3
    text += toString(interval.begin);
    text += ", ";
    text += toString(interval.end);
    text += ']';
    return text;
}

std::string prettyPrint(Duration duration) {
    const auto ms = double(duration.count());
    char text[64];
    if (duration < std::chrono::seconds(1)) return toString(duration);
    if (duration < std::chrono::minutes(1))
        std::snprintf(text, sizeof text, "%.1f s", ms / 1'000);
    else if (duration < std::chrono::hours(1))
        std::snprintf(text, sizeof text, "%.1f m", ms / 60'000);
    else
        std::snprintf(text, sizeof text, "%.2f h", ms / 3'600'000);
    return text;
}

namespace detail {

std::string durationText(Duration duration) {
    const auto ms = duration.count();
    if (ms % 60'000 == 0 && ms != 0) return std::to_string(ms / 60'000) + "min";
    if (ms % 1'000 == 0 && ms != 0) return std::to_string(ms / 1'000) + "s";
    return std::to_string(ms) + "ms";
}

void requireMultiple(Duration duration, Duration streamSlide, const char* operation, const char* what,
                     std::source_location where) {
    if (duration > Duration::zero() && duration % streamSlide == Duration::zero()) return;
    const auto near = std::max<std::int64_t>(duration / streamSlide, 1) * streamSlide;
    throw UsageError(std::string(operation) + ": the " + what + " (" + durationText(duration) +
                         ") must be a positive multiple of the slide of the stream it is applied to (" +
                         durationText(streamSlide) + "); use for example " + durationText(near),
                     where);
}

} // namespace detail
} // namespace rivulet
