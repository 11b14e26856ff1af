#pragma once

#include "rivulet/jobs/job_listener.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace rivulet::detail {

/// Hands the events of jobs to listeners, on a thread of its own that begins with the first of them.
///
/// Threads: any; `post` never waits for a listener
class JobListenerBus {
  public:
    using Event = std::function<void(JobListener&)>;

    explicit JobListenerBus(std::size_t capacity) : capacity_(capacity) {}
    ~JobListenerBus();

    /// Whether anybody listens: what is asked before an event is made.
    bool isActive() const { return active_.load(std::memory_order_relaxed); }
    void add(std::shared_ptr<JobListener> listener);
    void remove(const std::shared_ptr<JobListener>& listener);
    void post(Event event);
    /// Returns when all that was posted has been told.
    void drain();

  private:
    void work(const std::stop_token& stop);

    const std::size_t capacity_;
    std::atomic<bool> active_ = false;
    std::mutex mutex_; // guards the following
    std::condition_variable_any changed_;
    std::deque<Event> events_;
    std::vector<std::shared_ptr<JobListener>> listeners_;
    bool telling_ = false, dropping_ = false;
    std::jthread thread_;
};

} // namespace rivulet::detail
