#pragma once

#include <atomic>
#include <memory>
#include <source_location>
#include <utility>

namespace rivulet {

namespace detail {

/// What all copies of a broadcast share, as far as its type does not matter.
class BroadcastState {
  public:
    explicit BroadcastState(int id) : id_(id) {}
    int id() const { return id_; }
    /// Where it was destroyed, or null.
    const std::source_location* destroyed() const { return destroyed_.load(std::memory_order_acquire); }
    /// Whether this is the first call.
    bool destroy(std::source_location where);
    [[noreturn]] void throwDestroyed(std::source_location where) const;

  private:
    const int id_;
    std::source_location where_;
    std::atomic<bool> claimed_ = false;
    std::atomic<const std::source_location*> destroyed_ = nullptr;
};

int nextBroadcastId();

} // namespace detail

/// A value that tasks read: functions capture the handle, which is cheap to copy, and not the value.
///
/// Made by `Context::broadcast`. In one process there is one value, and nothing is sent; `destroy` says when its memory
/// may go, which is when no job uses it any more.
///
/// Threads: may be copied and read from any thread
/// Source:  Spark Broadcast
template <class T> class Broadcast {
  public:
    Broadcast(int id, T value)
        : state_(std::make_shared<detail::BroadcastState>(id)),
          value_(std::make_shared<std::unique_ptr<const T>>(std::make_unique<const T>(std::move(value)))) {}

    int id() const { return state_->id(); }
    /// The value, which stays until `destroy`.
    ///
    /// Errors: UsageError after `destroy`
    const T& value(std::source_location where = std::source_location::current()) const {
        if (state_->destroyed()) [[unlikely]]
            state_->throwDestroyed(where);
        return **value_;
    }
    const T& operator*() const { return value(); }
    const T* operator->() const { return &value(); }
    /// Does nothing: there are no copies beside the value.
    void unpersist() const {}
    /// Gives the value's memory back. References to it end with it. Called twice, it does nothing.
    void destroy(std::source_location where = std::source_location::current()) const {
        if (state_->destroy(where)) value_->reset();
    }

  private:
    std::shared_ptr<detail::BroadcastState> state_;
    std::shared_ptr<std::unique_ptr<const T>> value_;
};

} // namespace rivulet
