#pragma once

#include "batches/thread_mark.h"
#include "rivulet/streaming_listener.h"

#include <functional>
#include <mutex>

namespace rivulet::detail {

/// Tells the listeners of a context what happens, one event at a time.
///
/// Threads: own synchronization; listeners are called by the thread that tells
class ListenerBus {
  public:
    using Event = std::function<void(StreamingListener&)>;

    void add(std::shared_ptr<StreamingListener> listener);
    void remove(const std::shared_ptr<StreamingListener>& listener);
    /// Keeps an event until the next `tellPosted`; of too many the last are lost.
    void post(Event event);
    void tellPosted();
    /// `event(listener)` for each listener.
    template <class E> void tell(const E& event) {
        const auto told = listeners();
        if (told.empty()) return;
        const ThreadMark<ListenerBus> mark(this);
        std::lock_guard lock(telling_);
        for (const auto& listener : told) {
            try {
                event(*listener);
            } catch (...) {
                logThrown();
            }
        }
    }
    /// Whether the calling thread is within a listener of this bus.
    bool isTelling() const { return ThreadMark<ListenerBus>::within(this); }

  private:
    std::vector<std::shared_ptr<StreamingListener>> listeners() const;
    static void logThrown();

    mutable std::mutex mutex_; // guards the following up to the next empty line
    std::vector<std::shared_ptr<StreamingListener>> listeners_;
    std::vector<Event> posted_;

    std::mutex telling_; // held while listeners hear of an event, so that they hear of one at a time
};

} // namespace rivulet::detail
