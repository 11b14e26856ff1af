#pragma once

#include <chrono>
#include <thread>
#include <vector>

namespace bench {

/// A thread that only wakes up every millisecond and notes how late it was: what the machine itself adds to a latency.
class IdleTimer {
  public:
    IdleTimer();
    /// Ends the thread and returns the lateness, in seconds, that 99 % of the wake-ups kept.
    double stopAndGetP99();

  private:
    std::vector<double> lateness_; // written by the thread until it is joined
    std::jthread thread_;
};

} // namespace bench
