#include "rivulet/clock.h"

namespace rivulet {

using std::chrono::duration_cast;
using std::chrono::steady_clock;

SystemClock::SystemClock() : systemStart_(std::chrono::system_clock::now()), steadyStart_(steady_clock::now()) {}

Time SystemClock::now() const {
    return std::chrono::time_point_cast<Duration>(
        systemStart_ + duration_cast<std::chrono::system_clock::duration>(steady_clock::now() - steadyStart_));
}

bool SystemClock::waitUntil(Time time, const std::stop_token& stop) {
    const auto deadline = steadyStart_ + duration_cast<steady_clock::duration>(time - systemStart_);
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, stop, deadline, [] { return false; });
    return !stop.stop_requested();
}

Time ManualClock::now() const {
    std::lock_guard lock(mutex_);
    return now_;
}

bool ManualClock::waitUntil(Time time, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    return changed_.wait(lock, stop, [&] { return now_ >= time; });
}

void ManualClock::advance(Duration by) {
    {
        std::lock_guard lock(mutex_);
        now_ += by;
        changed_.notify_all();
    }
    std::lock_guard lock(callsMutex_);
    std::erase_if(calls_, [](const std::function<bool()>& call) { return !call(); });
}

void ManualClock::onAdvance(std::function<bool()> call) {
    std::lock_guard lock(callsMutex_);
    calls_.push_back(std::move(call));
}

} // namespace rivulet
