#include "batches/listener_bus.h"

#include "rivulet/error.h"
#include "rivulet/log.h"

namespace rivulet::detail {
namespace {

constexpr std::size_t kMostPosted = 1000; // of what waits to be told; more would be a receiver gone wild

} // namespace

void ListenerBus::add(std::shared_ptr<StreamingListener> listener) {
    std::lock_guard lock(mutex_);
    listeners_.push_back(std::move(listener));
}

void ListenerBus::remove(const std::shared_ptr<StreamingListener>& listener) {
    std::lock_guard lock(mutex_);
    std::erase(listeners_, listener);
}

void ListenerBus::post(Event event) {
    std::lock_guard lock(mutex_);
    if (posted_.size() < kMostPosted) posted_.push_back(std::move(event));
}

void ListenerBus::tellPosted() {
    std::vector<Event> events;
    {
        std::lock_guard lock(mutex_);
        events.swap(posted_);
    }
    for (const auto& event : events) tell(event);
}

std::vector<std::shared_ptr<StreamingListener>> ListenerBus::listeners() const {
    std::lock_guard lock(mutex_);
    return listeners_;
}

void ListenerBus::logThrown() { logError("a streaming listener threw: " + messageOf(std::current_exception())); }

} // namespace rivulet::detail
