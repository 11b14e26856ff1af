#include "streams/idle_timer.h"

#include "runner/runner.h"
#include "streams/pace.h"

namespace bench {

using namespace std::chrono_literals;

IdleTimer::IdleTimer()
    : thread_([this](std::stop_token stop) {
          keepPace(stop, 1ms, [this](std::chrono::steady_clock::time_point due) {
              lateness_.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - due).count());
          });
      }) {}

double IdleTimer::stopAndGetP99() {
    thread_.request_stop();
    thread_.join();
    return quantile(lateness_, 0.99);
}

} // namespace bench
