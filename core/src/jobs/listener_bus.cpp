#include "jobs/listener_bus.h"

#include "rivulet/log.h"

namespace rivulet {

JobListener::~JobListener() = default;

namespace detail {

JobListenerBus::~JobListenerBus() {
    if (thread_.joinable() && thread_.get_id() == std::this_thread::get_id()) thread_.detach();
}

void JobListenerBus::add(std::shared_ptr<JobListener> listener) {
    std::lock_guard lock(mutex_);
    listeners_.push_back(std::move(listener));
    if (!thread_.joinable()) thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
    active_ = true;
}

void JobListenerBus::remove(const std::shared_ptr<JobListener>& listener) {
    drain(); // it hears of what it was there for
    std::lock_guard lock(mutex_);
    std::erase(listeners_, listener);
    active_ = !listeners_.empty();
}

void JobListenerBus::post(Event event) {
    {
        std::lock_guard lock(mutex_);
        if (events_.size() >= capacity_) {
            if (!std::exchange(dropping_, true))
                logWarn("listeners of jobs are slower than the jobs: events are dropped while " +
                        std::to_string(capacity_) + " wait (rivulet.listenerBus.capacity)");
            return;
        }
        dropping_ = false;
        events_.push_back(std::move(event));
    }
    changed_.notify_all();
}

void JobListenerBus::drain() {
    std::unique_lock lock(mutex_);
    if (thread_.get_id() == std::this_thread::get_id()) return; // a listener cannot wait for itself
    changed_.wait(lock, [this] { return events_.empty() && !telling_; });
}

void JobListenerBus::work(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [this] { return !events_.empty(); })) {
        const Event event = std::move(events_.front());
        events_.pop_front();
        const auto listeners = listeners_;
        telling_ = true;
        lock.unlock();
        for (const auto& listener : listeners) {
            try {
                event(*listener);
            } catch (...) {
                logError("a listener of jobs threw: " + messageOf(std::current_exception()));
            }
        }
        lock.lock();
        telling_ = false;
        changed_.notify_all();
    }
}

} // namespace detail
} // namespace rivulet
