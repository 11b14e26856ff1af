#pragma once

#include "rivulet/time.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <vector>

namespace rivulet {

/// The only source of time in a streaming program, so that tests can hold it in their hand.
///
/// Threads: all members may be called from any thread
class Clock {
  public:
    virtual ~Clock() = default;
    virtual Time now() const = 0;
    /// Returns when it is `time` or later: true, or false as soon as a stop is requested.
    virtual bool waitUntil(Time time, const std::stop_token& stop) = 0;
};

/// The system's time when the clock was made, and from there on the steady clock's: it never goes back or jumps.
class SystemClock final : public Clock {
  public:
    SystemClock();
    Time now() const override;
    bool waitUntil(Time time, const std::stop_token& stop) override;

  private:
    const std::chrono::system_clock::time_point systemStart_;
    const std::chrono::steady_clock::time_point steadyStart_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
};

/// A clock that moves when it is told to. Starts at 0.
class ManualClock final : public Clock {
  public:
    Time now() const override;
    bool waitUntil(Time time, const std::stop_token& stop) override;
    void advance(Duration by);
    /// Has `call` called after each advance, by the thread that advances, until it returns false: for whoever cannot
    /// wait in `waitUntil`. It must not call this clock's `advance` or `onAdvance`.
    void onAdvance(std::function<bool()> call);

  private:
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    Time now_{}; // guarded by mutex_
    std::mutex callsMutex_;
    std::vector<std::function<bool()>> calls_; // guarded by callsMutex_
};

} // namespace rivulet
