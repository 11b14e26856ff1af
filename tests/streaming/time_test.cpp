#include "rivulet/clock.h"
#include "support/stream_harness.h"

#include <future>

namespace rivulet::test::time_test {

using namespace std::chrono_literals;
using rivulet::test::errorText;

namespace {

constexpr Time at(long ms) { return Time(Duration(ms)); }

std::vector<Time> times(std::initializer_list<long> ms) {
    std::vector<Time> times;
    for (const long t : ms) times.push_back(at(t));
    return times;
}

} // namespace

TEST_CASE("a time is floored to a step, counted from zero or from another time", "[A01]") {
    CHECK(floorTime(at(1350), 200ms) == at(1200));
    CHECK(floorTime(at(1350), 200ms, at(50)) == at(1250));
    CHECK(floorTime(at(1350), 200ms, at(150)) == at(1350));
    CHECK(floorTime(at(1350), 200ms, at(200)) == at(1200));
    CHECK(floorTime(at(199), 200ms) == at(0));
    CHECK(floorTime(at(200), 200ms) == at(200));
}

TEST_CASE("a time before the zero is floored downwards", "[A01]") {
    // Spark rounds towards zero, which makes no sense for a time before it.
    CHECK(floorTime(at(-1), 200ms) == at(-200));
    CHECK(floorTime(at(-200), 200ms) == at(-200));
}

TEST_CASE("a time is a multiple of a step when it lies whole steps after the zero", "[A01]") {
    CHECK(isMultipleOf(at(600), 200ms));
    CHECK_FALSE(isMultipleOf(at(650), 200ms));
    CHECK(isMultipleOf(at(650), 200ms, at(50)));
}

TEST_CASE("ranges of times leave the end out, or include it where it is reached", "[A02]") {
    CHECK(timesUntil(at(1000), at(1100), 30ms) == times({1000, 1030, 1060, 1090}));
    CHECK(timesUntil(at(1000), at(1000), 30ms).empty());
    CHECK(timesTo(at(1000), at(1100), 100ms) == times({1000, 1100}));
    CHECK(timesTo(at(1000), at(1099), 100ms) == times({1000}));
}

TEST_CASE("durations are printed in the largest unit that gives a whole number") {
    CHECK(detail::durationText(0ms) == "0ms");
    CHECK(detail::durationText(1500ms) == "1500ms");
    CHECK(detail::durationText(10s) == "10s");
    CHECK(detail::durationText(2min) == "2min");
}

TEST_CASE("a duration is a multiple of another when it is whole times as long", "[A01]") {
    CHECK(isMultipleOf(600ms, 200ms));
    CHECK(isMultipleOf(0ms, 200ms));
    CHECK_FALSE(isMultipleOf(500ms, 200ms));
}

TEST_CASE("intervals move, and those of the same length have an order", "[A02]") {
    const Interval interval{at(1000), at(3000)};
    CHECK(interval.duration() == 2s);
    CHECK(interval + 1s == Interval{at(2000), at(4000)});
    CHECK(interval - 1s == Interval{at(0), at(2000)});
    CHECK(interval < interval + 1ms);
    CHECK_FALSE(interval < interval);
    CHECK(errorText<UsageError>([&] { static_cast<void>(interval < Interval{at(0), at(1000)}); }) ==
          "the intervals [1000 ms, 3000 ms] and [0 ms, 1000 ms] differ in length, so neither is before the other; "
          "compare their begins or their ends");
}

TEST_CASE("times, durations and intervals are printed in milliseconds, or for people") {
    CHECK(toString(1500ms) == "1500 ms");
    CHECK(toString(at(1000)) == "1000 ms");
    CHECK(toString(Interval{at(1000), at(2000)}) == "[1000 ms, 2000 ms]");
    std::string text;
    appendText(text, std::pair(at(1000), std::vector<Duration>{2s}));
    CHECK(text == "(1000 ms,[2000 ms])");
    CHECK(prettyPrint(999ms) == "999 ms");
    CHECK(prettyPrint(1500ms) == "1.5 s");
    CHECK(prettyPrint(90s) == "1.5 m");
    CHECK(prettyPrint(135min) == "2.25 h");
}

TEST_CASE("a manual clock starts at 0 and wakes those whose time has come") {
    ManualClock clock;
    CHECK(clock.now() == at(0));
    auto woken = std::async(std::launch::async, [&] { return clock.waitUntil(at(100), std::stop_token()); });
    clock.advance(99ms);
    clock.advance(1ms);
    CHECK(woken.get());
    CHECK(clock.now() == at(100));
    CHECK(clock.waitUntil(at(50), std::stop_token()));
}

TEST_CASE("a stop wakes those who wait for a clock") {
    std::stop_source stop;
    ManualClock manual;
    SystemClock system;
    auto onManual = std::async(std::launch::async, [&] { return manual.waitUntil(at(100), stop.get_token()); });
    auto onSystem =
        std::async(std::launch::async, [&] { return system.waitUntil(system.now() + 1h, stop.get_token()); });
    stop.request_stop();
    CHECK_FALSE(onManual.get());
    CHECK_FALSE(onSystem.get());
}

TEST_CASE("a system clock tells the system's time and waits for it") {
    SystemClock clock;
    const auto system = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
    const Time before = clock.now();
    CHECK(before - system < 1min);
    CHECK(system - before < 1min);
    CHECK(clock.waitUntil(before + 2ms, std::stop_token()));
    CHECK(clock.now() >= before + 2ms);
}

} // namespace rivulet::test::time_test
