#pragma once

#include "rivulet/shuffle/bucketed.h"
#include "rivulet/stream/window/column.h"

namespace rivulet::detail {

/// Keys to small numbers and back, for columns: a new key gets the lowest number that is free.
///
/// A look-up reads a spot of the table (hash and number) and then the key, which lies by its number; both can be
/// fetched ahead. Of a bare key it reads the spot alone. Not thread-safe.
template <class K> class KeyIndex {
  public:
    static constexpr std::uint32_t kNone = ~std::uint32_t();
    static constexpr bool kBare = kIsBareKey<K>;

    KeyIndex() : spots_(kFirstCapacity), spotMask_(kFirstCapacity - 1), spotBits_(bitsOf(kFirstCapacity)) {}

    std::size_t size() const { return size_; }
    /// All numbers in use are below it.
    std::size_t limit() const { return used_.size() * kLanes; }
    std::size_t blocks() const { return used_.size(); }
    Mask used(std::size_t block) const { return used_[block]; }
    decltype(auto) key(std::size_t number) const {
        if constexpr (kBare)
            return keys_[number];
        else
            return keys_[number].slot.key();
    }
    std::size_t sizeBytes() const {
        return spots_.capacity() * sizeof(Spot) + keys_.capacity() * sizeof(Held) + texts_.sizeBytes() +
               used_.capacity() * sizeof(Mask);
    }

    void prefetch(std::uint32_t hash) const { __builtin_prefetch(&spots_[spotOf(hash)]); }
    /// The number that this key probably has, with the key that has it being fetched; kNone where there is none.
    std::uint32_t guess(const KeySlot<K>& key) const {
        for (std::size_t i = spotOf(key.hash());; i = (i + 1) & spotMask_) {
            const Spot& spot = spots_[i];
            if (spot.number == kNone) return kNone;
            if (!spot.mayBe(key)) continue;
            if constexpr (!kBare) __builtin_prefetch(&keys_[spot.number]);
            return spot.number;
        }
    }
    /// Whether a guess was right.
    bool isRight(std::uint32_t guess, const KeySlot<K>& key) const {
        if (guess == kNone) return false;
        if constexpr (kBare)
            return true;
        else
            return keys_[guess].slot.equals(key);
    }
    /// The number of a key, which is copied where it is new.
    std::uint32_t numberOf(const KeySlot<K>& key) {
        std::size_t i = spotOf(key.hash());
        for (; spots_[i].number != kNone; i = (i + 1) & spotMask_)
            if (spots_[i].mayBe(key) && isRight(spots_[i].number, key)) return spots_[i].number;
        return insert(i, key);
    }
    /// Forgets a key; its number may be given to another.
    void erase(std::size_t number) {
        std::size_t gap = spotOf(hashAt(number));
        while (spots_[gap].number != number) gap = (gap + 1) & spotMask_;
        // What follows moves up, unless it lies before its own place then.
        for (std::size_t i = (gap + 1) & spotMask_; spots_[i].number != kNone; i = (i + 1) & spotMask_) {
            const std::size_t home = spotOf(spots_[i].hashOfKey());
            if (((i - home) & spotMask_) >= ((i - gap) & spotMask_)) {
                spots_[gap] = spots_[i];
                gap = i;
            }
        }
        spots_[gap] = Spot{};
        if constexpr (!kBare) keys_[number].slot.drop();
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
    /// Fetches what `erase` will need.
    void prefetchErase(std::size_t number) const { __builtin_prefetch(&spots_[spotOf(hashAt(number))], 1); }
    /// The same keys, numbered anew without gaps in the order of their numbers.
    KeyIndex renumbered() const {
        KeyIndex tight;
        std::size_t capacity = kFirstCapacity;
        while (capacity < size_ * 2) capacity *= 2;
        Rows<Spot> spots(capacity);
        tight.spots_ = std::move(spots);
        tight.spotMask_ = capacity - 1;
        tight.spotBits_ = bitsOf(capacity);
        for (std::size_t b = 0; b < used_.size(); ++b)
            eachLane(used_[b], [&](std::size_t lane) { tight.adopt(keys_[b * kLanes + lane]); });
        return tight;
    }

  private:
    struct HashSpot {
        std::uint32_t hash = 0, number = kNone;
        bool mayBe(const KeySlot<K>& key) const { return hash == key.hash(); }
        std::uint32_t hashOfKey() const { return hash; }
        static HashSpot of(const KeySlot<K>& key, std::uint32_t number) { return {key.hash(), number}; }
    };
    struct BareSpot {
        K key{};
        std::uint32_t number = kNone;
        bool mayBe(const KeySlot<K>& other) const { return sameKey(key, other.key()); }
        std::uint32_t hashOfKey() const { return hashOf(key); }
        static BareSpot of(const KeySlot<K>& key, std::uint32_t number) { return {key.key(), number}; }
    };
    template <bool bare, class Bare, class Hash> struct Either {
        using type = Hash;
    };
    template <class Bare, class Hash> struct Either<true, Bare, Hash> {
        using type = Bare;
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
    using Spot = typename Either<kBare, BareSpot, HashSpot>::type;
    using Held = typename Either<kBare, K, HeldKey>::type;
    static constexpr std::size_t kFirstCapacity = 64;

    std::uint32_t hashAt(std::size_t number) const {
        if constexpr (kBare)
            return hashOf(keys_[number]);
        else
            return keys_[number].slot.hash();
    }
    void adopt(const Held& held) {
        if constexpr (kBare) {
            Arena none;
            KeySlot<K> key;
            key.set(held, none);
            numberOf(key);
        } else {
            numberOf(held.slot);
        }
    }
    static unsigned bitsOf(std::size_t capacity) { return unsigned(std::countr_zero(capacity)); }
    std::size_t spotOf(std::uint32_t hash) const { return upperBits(hash, spotBits_); }
    [[gnu::noinline]] std::uint32_t insert(std::size_t spot, const KeySlot<K>& key) {
        while (lowestFree_ < used_.size() && used_[lowestFree_] == kAllLanes) ++lowestFree_;
        if (lowestFree_ == used_.size()) used_.push_back(Mask());
        const std::size_t number = lowestFree_ * kLanes + std::size_t(std::countr_one(used_[lowestFree_]));
        while (keys_.size() <= number) keys_.emplace_back();
        if constexpr (kBare)
            keys_[number] = key.key();
        else
            keys_[number].slot.copy(key, texts_);
        used_[lowestFree_] |= Mask(1) << number % kLanes;
        spots_[spot] = Spot::of(key, std::uint32_t(number));
        if (++size_ * 2 > spots_.size()) rehash();
        return std::uint32_t(number);
    }
    void rehash() {
        const std::size_t capacity = spots_.size() * 2;
        Rows<Spot> grown(capacity);
        std::swap(spots_, grown);
        spotMask_ = capacity - 1;
        spotBits_ = bitsOf(capacity);
        for (const Spot& spot : grown) {
            if (spot.number == kNone) continue;
            std::size_t i = spotOf(spot.hashOfKey());
            while (spots_[i].number != kNone) i = (i + 1) & spotMask_;
            spots_[i] = spot;
        }
    }

    Rows<Spot> spots_;
    std::size_t spotMask_, size_ = 0, erased_ = 0;
    unsigned spotBits_; // of the capacity
    Rows<Held> keys_;
    Rows<Mask> used_;            // the numbers in use
    std::size_t lowestFree_ = 0; // the first block that may have a number that is not
    Arena texts_;                // the long keys
};

} // namespace rivulet::detail
