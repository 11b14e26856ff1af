#pragma once

#include <chrono>
#include <stop_token>
#include <thread>

namespace bench {

/// Calls f(due) at begin, begin + period, ... until a stop is requested; `due` is when the call should have been made.
/// A late call is followed at once by those that it held up, so that nothing is left out of a measurement because of a
/// delay.
template <class F> void keepPace(std::stop_token stop, std::chrono::nanoseconds period, F f) {
    for (auto due = std::chrono::steady_clock::now(); !stop.stop_requested(); due += period) {
        std::this_thread::sleep_until(due);
        f(due);
    }
}

} // namespace bench
