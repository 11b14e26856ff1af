#pragma once

#include <utility>

namespace rivulet::detail {

/// Marks the calling thread as being within `Owner`'s code for as long as it lives.
template <class Owner> class ThreadMark {
  public:
    explicit ThreadMark(const Owner* owner) : before_(std::exchange(current_, owner)) {}
    ~ThreadMark() { current_ = before_; }
    ThreadMark(const ThreadMark&) = delete;
    ThreadMark& operator=(const ThreadMark&) = delete;

    static bool within(const Owner* owner) { return current_ == owner; }

  private:
    static inline thread_local const Owner* current_ = nullptr;
    const Owner* const before_;
};

} // namespace rivulet::detail
