#pragma once

#include "rivulet/rdd/text_format.h"

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

bool isMultipleOf(Duration duration, Duration step);

/// A half-open range of time, as windows cover it.
///
/// Source: Spark Interval
struct Interval {
    Time begin, end;

    Duration duration() const { return end - begin; }
    Interval operator+(Duration by) const { return {begin + by, end + by}; }
    Interval operator-(Duration by) const { return {begin - by, end - by}; }
    friend bool operator==(const Interval&, const Interval&) = default;
    /// Whether it begins earlier than another one of the same length.
    ///
    /// Errors: UsageError where they differ in length
    bool operator<(const Interval& other) const;
};

/// `1500 ms`; of a time since the epoch, of an interval `[1000 ms, 2000 ms]`.
std::string toString(Duration duration);
std::string toString(Time time);
std::string toString(const Interval& interval);
/// For people: `250 ms`, `1.5 s`, `2.0 m`, `1.25 h`.
///
/// Source: Spark Duration.prettyPrint
std::string prettyPrint(Duration duration);

namespace detail {

template <> struct TextFormat<Duration> {
    static void append(std::string& out, Duration duration) { out += toString(duration); }
};
template <> struct TextFormat<Time> {
    static void append(std::string& out, Time time) { out += toString(time); }
};
template <> struct TextFormat<Interval> {
    static void append(std::string& out, const Interval& interval) { out += toString(interval); }
};

/// `10ms`, `1s`, `2min`: the largest unit that gives a whole number.
std::string durationText(Duration duration);

/// Throws a UsageError where the `what` (a window, a slide) of an operation is not a positive multiple of its stream's
/// slide.
void requireMultiple(Duration duration, Duration streamSlide, const char* operation, const char* what,
                     std::source_location where);

} // namespace detail
} // namespace rivulet
