#include "rivulet/time.h"

#include "rivulet/error.h"

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
