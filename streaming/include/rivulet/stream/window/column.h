#pragma once

#include "rivulet/containers/rows.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <type_traits>

/// Values by number, where not every number has one: what the panes of a keyed window and their aggregates are made of.
namespace rivulet::detail {

using Mask = std::uint64_t; // a bit for each of 64 numbers that follow each other
inline constexpr std::size_t kLanes = 64;
inline constexpr Mask kAllLanes = ~Mask();

/// Calls `use(lane)` for each bit that is set. `use` is a lambda of this library that calls no other.
template <class Use> void eachLane(Mask mask, const Use& use) {
    if (mask == kAllLanes) { // a plain loop, of which the compiler can make vector code
        for (std::size_t i = 0; i < kLanes; ++i) use(i);
    } else {
        for (; mask; mask &= mask - 1) use(std::size_t(std::countr_zero(mask)));
    }
}

/// A value, or none, for each number below a limit that grows. A bit says whether there is one, so that values need no
/// default, and a block of 64 numbers without any costs one comparison.
template <class V> class Column {
  public:
    Column() = default;
    Column(Column&& other) noexcept : values_(std::exchange(other.values_, nullptr)), masks_(std::move(other.masks_)) {}
    Column& operator=(Column&& other) noexcept {
        std::swap(values_, other.values_);
        std::swap(masks_, other.masks_);
        return *this;
    }
    ~Column() {
        clear();
        std::free(values_);
    }

    std::size_t blocks() const { return masks_.size(); }
    Mask mask(std::size_t block) const { return block < masks_.size() ? masks_[block] : Mask(); }
    /// The 64 values of a block; those with a bit exist.
    V* block(std::size_t b) { return values_ + b * kLanes; }
    const V* block(std::size_t b) const { return values_ + b * kLanes; }
    V& operator[](std::size_t number) { return values_[number]; }
    /// Fetches the place of a number, which may be beyond the limit.
    void prefetch(std::size_t number) const {
        __builtin_prefetch(reinterpret_cast<const void*>(std::uintptr_t(values_) + number * sizeof(V)), 1);
    }

    bool has(std::size_t number) const { return mask(number / kLanes) >> number % kLanes & 1; }
    /// Makes room for the numbers below `limit`.
    void fit(std::size_t limit) {
        if (limit > masks_.size() * kLanes) grow(limit);
    }
    /// Gives a number that has none its value.
    template <class X> void place(std::size_t number, X&& value) {
        ::new (static_cast<void*>(values_ + number)) V(std::forward<X>(value));
        masks_[number / kLanes] |= Mask(1) << number % kLanes;
    }
    void erase(std::size_t number) noexcept {
        values_[number].~V();
        masks_[number / kLanes] &= ~(Mask(1) << number % kLanes);
    }
    /// The same for those lanes of a block.
    void erase(std::size_t block, Mask lanes) noexcept {
        if constexpr (!std::is_trivially_destructible_v<V>)
            for (Mask left = lanes; left; left &= left - 1)
                values_[block * kLanes + std::size_t(std::countr_zero(left))].~V();
        masks_[block] &= ~lanes;
    }
    /// For values that were constructed in place, one after the other.
    void mark(std::size_t block, Mask lanes) noexcept { masks_[block] |= lanes; }
    void clear() noexcept {
        for (std::size_t b = 0; b < masks_.size(); ++b)
            if (masks_[b]) erase(b, masks_[b]);
    }

    std::size_t count() const {
        std::size_t sum = 0;
        for (const Mask mask : masks_) sum += std::size_t(std::popcount(mask));
        return sum;
    }
    std::size_t sizeBytes() const { return masks_.size() * (sizeof(Mask) + kLanes * sizeof(V)); }

  private:
    [[gnu::noinline]] void grow(std::size_t limit) {
        const std::size_t before = masks_.size();
        const std::size_t blocks = std::max((limit + kLanes - 1) / kLanes, before + before / 2);
        masks_.reserve(blocks);
        if constexpr (std::is_trivially_move_constructible_v<V> && std::is_trivially_destructible_v<V>) {
            values_ = static_cast<V*>(
                reallocate(values_, before * kLanes * sizeof(V), blocks * kLanes * sizeof(V), alignof(V)));
        } else {
            V* const moved = static_cast<V*>(reallocate(nullptr, 0, blocks * kLanes * sizeof(V), alignof(V)));
            for (std::size_t b = 0; b < before; ++b)
                for (Mask left = masks_[b]; left; left &= left - 1) {
                    const std::size_t number = b * kLanes + std::size_t(std::countr_zero(left));
                    ::new (static_cast<void*>(moved + number)) V(std::move(values_[number]));
                    values_[number].~V();
                }
            std::free(values_);
            values_ = moved;
        }
        while (masks_.size() < blocks) masks_.push_back(Mask());
    }

    V* values_ = nullptr;
    Rows<Mask> masks_;
};

/// Combines columns block by block: 64 values that lie in the fastest cache, and of which nothing is seen outside
/// before all of them are made. So an operation that throws half-way leaves the columns at the border of a block.
template <class V> class Block {
  public:
    Block() { lanes_.fit(kLanes); }

    Mask mask() const { return lanes_.mask(0); }
    V* values() { return lanes_.block(0); }
    void clear() noexcept { lanes_.erase(0, mask()); }

    /// Takes these lanes of `from`, all of which it has.
    void copy(const V* from, Mask lanes) {
        V* const to = values();
        if constexpr (std::is_nothrow_copy_constructible_v<V>) {
            eachLane(lanes, [=](std::size_t i) { ::new (static_cast<void*>(to + i)) V(from[i]); });
            lanes_.mark(0, lanes);
        } else {
            eachLane(lanes, [&](std::size_t i) { lanes_.place(i, from[i]); });
        }
    }
    /// Sets the lanes to `combine(a, b)`, all of which are there; of what this block holds, nothing may be among them.
    template <class Combine> void combine(const V* a, const V* b, Mask lanes, const Combine& combine) {
        V* const to = values();
        if constexpr (std::is_trivially_copyable_v<V>) {
            eachLane(lanes, [&](std::size_t i) { ::new (static_cast<void*>(to + i)) V(combine(a[i], b[i])); });
            lanes_.mark(0, lanes);
        } else {
            eachLane(lanes, [&](std::size_t i) { lanes_.place(i, combine(a[i], b[i])); });
        }
    }
    /// Puts these lanes after what is held: `combine(held, from)`, or a copy where nothing is.
    template <class Combine> void append(const V* from, Mask lanes, const Combine& combine) {
        const Mask both = lanes & mask();
        V* const to = values();
        eachLane(both, [&](std::size_t i) { to[i] = combine(std::as_const(to[i]), from[i]); });
        if (lanes != both) copy(from, lanes & ~both);
    }
    template <class Combine> void appendOne(std::size_t lane, const V& value, const Combine& combine) {
        if (lanes_.has(lane))
            lanes_[lane] = combine(std::as_const(lanes_[lane]), value);
        else
            lanes_.place(lane, value);
    }

  private:
    Column<V> lanes_;
};

} // namespace rivulet::detail
