#pragma once

#include "rivulet/containers/rows.h"
#include "rivulet/time.h"

#include <cstdint>
#include <map>

namespace rivulet::detail {

/// When each key was last touched, and which of them have been quiet for long: a list of keys per time.
///
/// A key that is touched only notes the time and stays in its list; it is moved on when its list is due, so that a list
/// is walked once per time-out and not once per record. Hence an entry is never in a list later than its time, and what
/// is due costs O(expired + touched since). Keys are dense numbers, the rows of a table that keeps its rows in the same
/// order. Not thread-safe.
class StateTimers {
  public:
    std::size_t size() const { return timers_.size(); }
    std::size_t sizeBytes() const { return timers_.capacity() * sizeof(Timer); }
    Time last(std::uint32_t number) const { return timers_[number].last; }
    void setLast(std::uint32_t number, Time time) { timers_[number].last = time; }

    void reserve(std::size_t count) {
        if (count > timers_.capacity())
            timers_.reserve(count > 2 * timers_.capacity() ? count : 2 * timers_.capacity());
    }
    /// The next number.
    void add(Time time);
    void removeLast() noexcept;
    void clear() noexcept;
    void swap(std::uint32_t a, std::uint32_t b);
    /// Moves a key to the list of the time at which it was last touched.
    void rearm(std::uint32_t number);
    void shrink();

    /// The keys in the lists before `threshold`. Some of them were touched since, which `last` tells.
    template <class Visit> void eachDue(Time threshold, const Visit& visit) const {
        for (auto list = lists_.begin(); list != lists_.end() && list->first < threshold; ++list)
            for (std::uint32_t number = list->second; number != kNone; number = timers_[number].next) visit(number);
    }

  private:
    static constexpr std::uint32_t kNone = 0xffffffff;
    struct Timer {
        Time last, list;
        std::uint32_t previous, next;
    };
    void link(std::uint32_t number, Time list);
    void unlink(std::uint32_t number) noexcept;

    Rows<Timer> timers_;
    std::map<Time, std::uint32_t> lists_; // to the first of each
};

} // namespace rivulet::detail
