#pragma once

#include <chrono>
#include <source_location>
#include <string>
#include <vector>

namespace rivulet {

/// Lengths of batches, windows and slides. The finest is a millisecond.
using Duration = std::chrono::milliseconds;

/// A batch's time: the end of the interval that the batch covers, in UTC.
using Time = std::chrono::sys_time<Duration>;

/// The largest `zero + n * step` that is not after `time`.
///
/// Source: Spark Time.floor
Time floorTime(Time time, Duration step, Time zero = {});

/// Whether `time` lies a whole number of steps after `zero`.
bool isMultipleOf(Time time, Duration step, Time zero = {});

/// from, from + step, ... up to but without `end`.
std::vector<Time> timesUntil(Time from, Time end, Duration step);
/// from, from + step, ... up to `end`, which is included where it is reached.
std::vector<Time> timesTo(Time from, Time end, Duration step);

namespace detail {

/// `10ms`, `1s`, `2min`: the largest unit that gives a whole number.
std::string durationText(Duration duration);

/// Throws a UsageError where the `what` (a window, a slide) of an operation is not a positive multiple of its stream's
/// slide.
void requireMultiple(Duration duration, Duration streamSlide, const char* operation, const char* what,
                     std::source_location where);

} // namespace detail
} // namespace rivulet
