#pragma once

#include "rivulet/containers/table.h"
#include "rivulet/stream/window/column.h"

namespace rivulet::detail {

/// Keys to small numbers and back, for columns: a new key gets the lowest number that is free.
///
/// A look-up reads eight bytes of the table (hash and number) and then the key, which lies by its number; both can be
/// fetched ahead. Not thread-safe.
template <class K> class KeyIndex {
  public:
    static constexpr std::uint32_t kNone = ~std::uint32_t();

    KeyIndex() : spots_(kFirstCapacity), spotMask_(kFirstCapacity - 1) {}

    std::size_t size() const { return size_; }
    /// All numbers in use are below it.
    std::size_t limit() const { return used_.size() * kLanes; }
    std::size_t blocks() const { return used_.size(); }
    Mask used(std::size_t block) const { return used_[block]; }
    const KeySlot<K>& key(std::size_t number) const { return keys_[number].slot; }
    std::size_t sizeBytes() const {
        return spots_.capacity() * sizeof(Spot) + keys_.capacity() * sizeof(HeldKey) + texts_.sizeBytes() +
               used_.capacity() * sizeof(Mask);
    }

    void prefetch(std::uint32_t hash) const { __builtin_prefetch(&spots_[spotOf(hash)]); }
    /// The number that a key of this hash probably has, with the key being fetched; kNone where there is none.
    std::uint32_t guess(std::uint32_t hash) const {
        for (std::size_t i = spotOf(hash);; i = (i + 1) & spotMask_) {
            const Spot& spot = spots_[i];
            if (spot.number == kNone) return kNone;
            if (spot.hash == hash) {
                __builtin_prefetch(&keys_[spot.number]);
                return spot.number;
            }
        }
    }
    /// The number of a key, which is copied where it is new.
    std::uint32_t numberOf(const KeySlot<K>& key) {
        std::size_t i = spotOf(key.hash());
        for (; spots_[i].number != kNone; i = (i + 1) & spotMask_)
            if (spots_[i].hash == key.hash() && keys_[spots_[i].number].slot.equals(key)) return spots_[i].number;
        return insert(i, key);
    }
    /// Forgets a key; its number may be given to another.
    void erase(std::size_t number) {
        const std::uint32_t hash = key(number).hash();
        std::size_t gap = spotOf(hash);
        while (spots_[gap].number != number) gap = (gap + 1) & spotMask_;
        // What follows moves up, unless it lies before its own place then.
        for (std::size_t i = (gap + 1) & spotMask_; spots_[i].number != kNone; i = (i + 1) & spotMask_) {
            const std::size_t home = spotOf(spots_[i].hash);
            if (((i - home) & spotMask_) >= ((i - gap) & spotMask_)) {
                spots_[gap] = spots_[i];
                gap = i;
            }
        }
        spots_[gap] = Spot{};
        keys_[number].slot.drop();
        used_[number / kLanes] &= ~(Mask(1) << number % kLanes);
        lowestFree_ = std::min(lowestFree_, number / kLanes);
        --size_;
        ++erased_;
    }
    /// Long keys lie in an arena, which cannot free single ones: this copies those that are left, when they are fewer
    /// than those that were erased.
    void freeTexts() {
        if (erased_ < size_ + 1024) return;
        erased_ = 0;
        if constexpr (std::is_same_v<K, std::string>) {
            Arena texts;
            for (HeldKey& held : keys_)
                if (held.slot.used()) held.slot.copy(KeySlot<K>(held.slot), texts);
            texts_ = std::move(texts);
        }
    }
    /// Numbers the keys anew without gaps, in the order of their numbers.
    void renumber() {
        KeyIndex tight;
        std::size_t capacity = kFirstCapacity;
        while (capacity < size_ * 2) capacity *= 2;
        Rows<Spot> spots(capacity);
        tight.spots_ = std::move(spots);
        tight.spotMask_ = capacity - 1;
        for (HeldKey& held : keys_)
            if (held.slot.used()) tight.numberOf(held.slot);
        *this = std::move(tight);
    }

  private:
    struct Spot {
        std::uint32_t hash = 0, number = kNone;
    };
    struct HeldKey {
        static constexpr bool kTrivial = std::is_trivially_copyable_v<K> || std::is_same_v<K, std::string>;
        KeySlot<K> slot;

        HeldKey() = default;
        HeldKey(HeldKey&&)
            requires kTrivial
        = default;
        HeldKey(HeldKey&& other) noexcept(std::is_nothrow_move_constructible_v<K>)
            requires(!kTrivial)
        {
            if (!other.slot.used()) return;
            slot.relocate(other.slot);
            other.slot.drop();
        }
        ~HeldKey()
            requires kTrivial
        = default;
        ~HeldKey()
            requires(!kTrivial)
        {
            if (slot.used()) slot.drop();
        }
    };
    static constexpr std::size_t kFirstCapacity = 64;

    std::size_t spotOf(std::uint32_t hash) const {
        return (std::uint64_t(hash) * 0x9E3779B97F4A7C15ULL >> 20) & spotMask_;
    }
    [[gnu::noinline]] std::uint32_t insert(std::size_t spot, const KeySlot<K>& key) {
        while (lowestFree_ < used_.size() && used_[lowestFree_] == kAllLanes) ++lowestFree_;
        if (lowestFree_ == used_.size()) used_.push_back(Mask());
        const std::size_t number = lowestFree_ * kLanes + std::size_t(std::countr_one(used_[lowestFree_]));
        while (keys_.size() <= number) keys_.emplace_back();
        keys_[number].slot.copy(key, texts_);
        used_[lowestFree_] |= Mask(1) << number % kLanes;
        spots_[spot] = Spot{key.hash(), std::uint32_t(number)};
        if (++size_ * 2 > spots_.size()) rehash();
        return std::uint32_t(number);
    }
    void rehash() {
        const std::size_t capacity = spots_.size() * 2;
        Rows<Spot> grown(capacity);
        std::swap(spots_, grown);
        spotMask_ = capacity - 1;
        for (const Spot& spot : grown) {
            if (spot.number == kNone) continue;
            std::size_t i = spotOf(spot.hash);
            while (spots_[i].number != kNone) i = (i + 1) & spotMask_;
            spots_[i] = spot;
        }
    }

    Rows<Spot> spots_;
    std::size_t spotMask_, size_ = 0, erased_ = 0;
    Rows<HeldKey> keys_;
    Rows<Mask> used_;            // the numbers in use
    std::size_t lowestFree_ = 0; // the first block that may have a number that is not
    Arena texts_;                // the long keys
};

} // namespace rivulet::detail
