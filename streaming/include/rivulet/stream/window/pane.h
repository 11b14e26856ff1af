#pragma once

#include "rivulet/stream/window/column.h"
#include "rivulet/time.h"

namespace rivulet::detail {

/// What the keys of a partition had in one interval: a column over their numbers, or (where under an eighth of them has
/// something) a list of numbers and values.
template <class V> struct Pane {
    Time end{};
    bool dense = false;
    unsigned numbering = 0;      // which of the store's its numbers are of
    Rows<std::uint32_t> numbers; // of a list: whose values lie at the same positions; ascending
    Column<V> values;
    /// Of a dense pane that was flipped: whom it has. Its values are no longer its own then.
    Rows<Mask> members;

    std::size_t sizeBytes() const {
        return values.sizeBytes() + numbers.capacity() * sizeof(std::uint32_t) + members.capacity() * sizeof(Mask);
    }
};

/// The steps that a pane goes through in a window of two stacks: merged into the running aggregate of the newest panes
/// when it comes, flipped when its stack becomes the older one, popped when it leaves. Each costs as much as the pane
/// is large.
///
/// A step that calls `combine` begins where `at` says and moves it on, so that one in which `combine` threw goes on
/// there and combines nothing twice.
template <class V> class PaneSteps {
  public:
    /// running = running, then the pane.
    template <class Combine>
    void merge(Column<V>& running, const Pane<V>& pane, std::size_t& at, const Combine& combine) {
        if (!pane.dense) return mergeList(running, pane, at, combine);
        running.fit(pane.values.blocks() * kLanes);
        for (; at < pane.values.blocks(); ++at) {
            const Mask lanes = pane.values.mask(at);
            const Mask both = lanes & running.mask(at);
            if (!lanes) continue;
            block_.clear();
            block_.combine(running.block(at), pane.values.block(at), both, combine);
            block_.copy(pane.values.block(at), lanes & ~both);
            V* const to = running.block(at);
            V* const made = block_.values();
            eachLane(both, [=](std::size_t i) { to[i] = std::move(made[i]); });
            construct(running, at, lanes & ~both, made);
        }
    }
    /// suffix = the pane, then the suffix; and the pane keeps what the suffix was without it. Its memory stays what it
    /// was, where a column per suffix would be as large as the window.
    template <class Combine> void flip(Pane<V>& pane, Column<V>& suffix, std::size_t& at, const Combine& combine) {
        if (!pane.dense) return flipList(pane, suffix, at, combine);
        suffix.fit(pane.values.blocks() * kLanes);
        pane.members.reserve(pane.values.blocks());
        while (pane.members.size() < pane.values.blocks())
            pane.members.push_back(pane.values.mask(pane.members.size()));
        for (; at < pane.members.size(); ++at) {
            const Mask lanes = pane.members[at];
            if (!lanes) continue;
            const Mask both = lanes & suffix.mask(at);
            V* const own = pane.values.block(at);
            V* const rest = suffix.block(at);
            block_.clear();
            block_.combine(own, rest, both, combine);
            V* const made = block_.values();
            eachLane(both, [=](std::size_t i) {
                own[i] = std::move(rest[i]);
                rest[i] = std::move(made[i]);
            });
            construct(suffix, at, lanes & ~both, own);
            pane.values.erase(at, lanes & ~both);
        }
    }
    /// Takes the oldest of the flipped panes out of their suffix.
    void pop(Pane<V>& pane, Column<V>& suffix) noexcept {
        if (!pane.dense) return popList(pane, suffix);
        for (std::size_t b = 0; b < pane.members.size(); ++b) {
            if (!pane.members[b]) continue;
            const Mask kept = pane.values.mask(b);
            V* const to = suffix.block(b);
            V* const next = pane.values.block(b);
            eachLane(kept, [=](std::size_t i) { to[i] = std::move(next[i]); });
            suffix.erase(b, pane.members[b] & ~kept);
        }
    }

  private:
    static void construct(Column<V>& column, std::size_t block, Mask lanes, V* from) noexcept {
        V* const to = column.block(block);
        eachLane(lanes, [=](std::size_t i) { ::new (static_cast<void*>(to + i)) V(std::move(from[i])); });
        column.mark(block, lanes);
    }
    template <class Combine>
    static void mergeList(Column<V>& running, const Pane<V>& pane, std::size_t& at, const Combine& combine) {
        if (!pane.numbers.empty()) running.fit(pane.numbers[pane.numbers.size() - 1] + 1);
        for (; at < pane.numbers.size(); ++at) {
            const std::size_t number = pane.numbers[at];
            const V& value = *(pane.values.block(0) + at);
            if (running.has(number))
                running[number] = combine(std::as_const(running[number]), value);
            else
                running.place(number, value);
        }
    }
    template <class Combine>
    static void flipList(Pane<V>& pane, Column<V>& suffix, std::size_t& at, const Combine& combine) {
        if (!pane.numbers.empty()) suffix.fit(pane.numbers[pane.numbers.size() - 1] + 1);
        for (; at < pane.numbers.size(); ++at) {
            const std::size_t number = pane.numbers[at];
            V& own = pane.values[at];
            if (suffix.has(number)) {
                V both = combine(std::as_const(own), std::as_const(suffix[number]));
                own = std::move(suffix[number]);
                suffix[number] = std::move(both);
            } else {
                suffix.place(number, std::move(own));
                pane.values.erase(at);
            }
        }
    }
    static void popList(Pane<V>& pane, Column<V>& suffix) noexcept {
        for (std::size_t i = 0; i < pane.numbers.size(); ++i) {
            if (pane.values.has(i))
                suffix[pane.numbers[i]] = std::move(pane.values[i]);
            else
                suffix.erase(pane.numbers[i]);
        }
    }

    Block<V> block_;
};

} // namespace rivulet::detail
