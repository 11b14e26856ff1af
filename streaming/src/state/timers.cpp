#include "rivulet/stream/state/timers.h"

#include <utility>

namespace rivulet::detail {

void StateTimers::link(std::uint32_t number, Time list) {
    const auto [first, isNew] = lists_.try_emplace(list, kNone);
    Timer& timer = timers_[number];
    timer.list = list;
    timer.previous = kNone;
    timer.next = first->second;
    if (timer.next != kNone) timers_[timer.next].previous = number;
    first->second = number;
}

void StateTimers::unlink(std::uint32_t number) noexcept {
    const Timer& timer = timers_[number];
    if (timer.next != kNone) timers_[timer.next].previous = timer.previous;
    if (timer.previous != kNone) {
        timers_[timer.previous].next = timer.next;
        return;
    }
    const auto first = lists_.find(timer.list);
    if (timer.next == kNone)
        lists_.erase(first);
    else
        first->second = timer.next;
}

void StateTimers::add(Time time) {
    reserve(timers_.size() + 1);
    timers_.push_back({time, time, kNone, kNone});
    link(std::uint32_t(timers_.size() - 1), time);
}

void StateTimers::removeLast() noexcept {
    unlink(std::uint32_t(timers_.size() - 1));
    timers_.pop_back();
}

void StateTimers::clear() noexcept {
    timers_.clear();
    lists_.clear();
}

void StateTimers::swap(std::uint32_t a, std::uint32_t b) {
    if (a == b) return;
    unlink(a);
    unlink(b);
    std::swap(timers_[a], timers_[b]);
    link(a, timers_[a].list);
    link(b, timers_[b].list);
}

void StateTimers::rearm(std::uint32_t number) {
    unlink(number);
    link(number, timers_[number].last);
}

void StateTimers::shrink() {
    if (timers_.capacity() < 64 || timers_.size() * 4 > timers_.capacity()) return;
    Rows<Timer> smaller;
    smaller.reserve(timers_.size() * 2);
    for (const Timer& timer : timers_) smaller.push_back(timer);
    timers_ = std::move(smaller);
}

} // namespace rivulet::detail
