#pragma once

#include "rivulet/containers/arena.h"
#include "rivulet/containers/hash.h"
#include "rivulet/containers/rows.h"
#include "rivulet/error.h"
#include "rivulet/owned.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>

/// Open-addressing tables, and the cells that tables, look-ups in waiting and shuffled rows all consist of.
///
/// A cell carries its key's hash from the first operator to the last, and strings of up to 16 bytes inside itself;
/// longer ones lie in an arena beside it. Whether a cell is in use is never encoded in its key: empty strings, zeros
/// and null views are keys like any other.
namespace rivulet::detail {

[[noreturn]] void throwKeyTooLong(std::size_t size);

/// How a cell stores a key. The general form: the key itself and its hash.
template <class K> class KeySlot {
  public:
    std::uint32_t hash() const { return hash_; }
    bool used() const { return used_; }

    template <class X> void set(X&& key, Arena&) {
        ::new (static_cast<void*>(raw_)) K(own(std::forward<X>(key)));
        used_ = true;
        try {
            hash_ = hashOf(get());
        } catch (...) {
            drop();
            throw;
        }
    }
    /// Takes the key out of another cell, whose key is left moved from.
    void take(KeySlot& other, Arena&) {
        ::new (static_cast<void*>(raw_)) K(std::move(other.get()));
        hash_ = other.hash_;
        used_ = true;
    }
    void copy(const KeySlot& other, Arena&) {
        ::new (static_cast<void*>(raw_)) K(other.get());
        hash_ = other.hash_;
        used_ = true;
    }
    void relocate(KeySlot& other) noexcept(std::is_nothrow_move_constructible_v<K>) {
        ::new (static_cast<void*>(raw_)) K(std::move(other.get()));
        hash_ = other.hash_;
        used_ = true;
    }
    void drop() noexcept {
        get().~K();
        used_ = false;
    }

    bool equals(const KeySlot& other) const { return hash_ == other.hash_ && sameKey(get(), other.get()); }
    /// Whether this is the slot of a key whose hash is known to be the same.
    bool holds(const K& key) const { return sameKey(get(), key); }
    const K& key() const { return get(); }
    K takeKey() { return std::move(get()); }

  private:
    K& get() { return *std::launder(reinterpret_cast<K*>(raw_)); }
    const K& get() const { return *std::launder(reinterpret_cast<const K*>(raw_)); }

    alignas(K) std::byte raw_[sizeof(K)];
    std::uint32_t hash_ = 0;
    bool used_ = false;
};

/// Strings: up to 16 bytes lie in two words, from which they can be read back; of longer ones the second word is their
/// address in an arena.
template <> class KeySlot<std::string> {
  public:
    std::uint32_t hash() const { return hash_; }
    bool used() const { return tag_ != 0; }

    void set(std::string_view text, Arena& arena) {
        const TextWords words = TextWords::of(text);
        first_ = words.first;
        second_ = words.second;
        hash_ = words.hash;
        if (text.size() > 16) [[unlikely]]
            keep(text, arena);
        tag_ = std::uint32_t(text.size()) << 1 | 1;
    }
    void copy(const KeySlot& other, Arena& arena) {
        *this = other;
        if (!inlined()) [[unlikely]]
            second_ = address(arena.copy(other.text(), size()));
    }
    void take(KeySlot& other, Arena& arena) { copy(other, arena); }
    void relocate(KeySlot& other) noexcept { *this = other; }
    void drop() noexcept { tag_ = 0; }

    bool equals(const KeySlot& other) const {
        if (first_ != other.first_ || tag_ != other.tag_) return false;
        if (inlined()) [[likely]]
            return second_ == other.second_;
        return hash_ == other.hash_ && std::memcmp(text(), other.text(), size()) == 0;
    }
    bool holds(std::string_view key) const {
        if (key.size() != size()) return false;
        if (!inlined()) [[unlikely]]
            return std::memcmp(text(), key.data(), size()) == 0;
        const TextWords words = TextWords::of(key);
        return first_ == words.first && second_ == words.second;
    }
    std::string key() const {
        if (!inlined()) return std::string(text(), size());
        char bytes[16];
        const std::size_t n = size();
        if (n >= 8) {
            std::memcpy(bytes, &first_, 8);
            std::memcpy(bytes + n - 8, &second_, 8);
        } else if (n >= 4) {
            const std::uint32_t low = std::uint32_t(first_), high = std::uint32_t(first_ >> 32);
            std::memcpy(bytes, &low, 4);
            std::memcpy(bytes + n - 4, &high, 4);
        } else if (n > 0) {
            bytes[0] = char(first_);
            bytes[n / 2] = char(first_ >> 8);
            bytes[n - 1] = char(first_ >> 16);
        }
        return std::string(bytes, n);
    }
    std::string takeKey() { return key(); }

  private:
    static std::uint64_t address(const char* at) { return reinterpret_cast<std::uintptr_t>(at); }
    [[gnu::noinline]] void keep(std::string_view text, Arena& arena) {
        if (text.size() >= (std::size_t(1) << 31)) throwKeyTooLong(text.size());
        second_ = address(arena.copy(text.data(), text.size()));
    }
    bool inlined() const { return tag_ <= (16u << 1 | 1); }
    std::size_t size() const { return tag_ >> 1; }
    const char* text() const { return reinterpret_cast<const char*>(std::uintptr_t(second_)); }

    std::uint64_t first_ = 0, second_ = 0;
    std::uint32_t tag_ = 0, hash_ = 0; // the tag is size * 2 + 1, and 0 in an empty cell
};

/// A key and a value, or nothing. Moves with what it holds; trivially where key and value do.
template <class K, class V> class Cell {
  public:
    static constexpr bool kTrivial =
        std::is_trivially_copyable_v<V> && (std::is_trivially_copyable_v<K> || std::is_same_v<K, std::string>);
    static constexpr bool kNothrow = std::is_nothrow_move_constructible_v<V> && std::is_nothrow_move_constructible_v<K>;

    Cell() = default;
    Cell(const Cell&)
        requires kTrivial
    = default;
    Cell& operator=(const Cell&)
        requires kTrivial
    = default;
    Cell(Cell&& other) noexcept(kNothrow)
        requires(!kTrivial)
    {
        relocate(other);
    }
    Cell& operator=(Cell&&) = delete;
    ~Cell()
        requires kTrivial
    = default;
    ~Cell()
        requires(!kTrivial)
    {
        drop();
    }

    bool used() const { return slot_.used(); }
    KeySlot<K>& slot() { return slot_; }
    const KeySlot<K>& slot() const { return slot_; }
    V& value() { return *std::launder(reinterpret_cast<V*>(raw_)); }
    const V& value() const { return *std::launder(reinterpret_cast<const V*>(raw_)); }

    /// The key comes first: it may be a view into the value that is moved here after it.
    template <class X, class Y> void set(X&& key, Y&& value, Arena& arena) {
        slot_.set(std::forward<X>(key), arena);
        place(std::forward<Y>(value));
    }
    template <class Y> void claim(KeySlot<K>& key, Y&& value, Arena& arena) {
        slot_.take(key, arena);
        place(std::forward<Y>(value));
    }
    template <class Y> void claimCopy(const KeySlot<K>& key, Y&& value, Arena& arena) {
        slot_.copy(key, arena);
        place(std::forward<Y>(value));
    }
    /// Moves another cell of the same owner here (its long key stays in the owner's arena) and leaves the other empty.
    void relocate(Cell& other) noexcept(kTrivial || kNothrow) {
        if constexpr (kTrivial) {
            *this = other;
        } else {
            if (!other.used()) return;
            slot_.relocate(other.slot_);
            place(std::move(other.value()));
            other.drop();
        }
    }
    void drop() noexcept {
        if (!slot_.used()) return;
        slot_.drop();
        value().~V();
    }

  private:
    template <class Y> void place(Y&& value) noexcept(std::is_nothrow_constructible_v<V, Y&&>) {
        if constexpr (std::is_nothrow_constructible_v<V, Y&&>) {
            ::new (static_cast<void*>(raw_)) V(std::forward<Y>(value));
        } else {
            try {
                ::new (static_cast<void*>(raw_)) V(std::forward<Y>(value));
            } catch (...) {
                slot_.drop(); // a cell has a key and a value, or neither
                throw;
            }
        }
    }

    KeySlot<K> slot_;
    alignas(V) std::byte raw_[sizeof(V)];
};

/// Keys to values, linear probing at no more than half full. Not thread-safe.
///
/// The order of iteration follows from the keys and the order of their arrival alone, so that results repeat.
template <class K, class V> class Table {
  public:
    using CellType = Cell<K, V>;

    Table() : cells_(kFirstCapacity), mask_(kFirstCapacity - 1) {}

    std::size_t size() const { return size_; }
    std::size_t sizeBytes() const { return cells_.capacity() * sizeof(CellType) + arena_.sizeBytes(); }
    void prefetch(std::uint32_t hash) const { __builtin_prefetch(&cells_[slotOf(hash)], 1); }

    /// Makes room for `count` keys in all, so that no growth follows.
    void reserve(std::size_t count) {
        std::size_t capacity = cells_.size();
        while (capacity < count * 2) capacity *= 2;
        if (capacity > cells_.size()) rehash(capacity);
    }

    /// The cell of this key, or the empty one that is to be claimed for it.
    CellType& at(const KeySlot<K>& key) {
        for (std::size_t i = slotOf(key.hash());; i = (i + 1) & mask_) {
            CellType& cell = cells_[i];
            if (!cell.used() || cell.slot().equals(key)) return cell;
        }
    }
    const CellType* find(const KeySlot<K>& key) const {
        const CellType& cell = const_cast<Table&>(*this).at(key);
        return cell.used() ? &cell : nullptr;
    }

    /// Fills an empty cell that `at` gave with a key taken from another cell; no reference into the table survives it.
    template <class Y> void claim(CellType& cell, KeySlot<K>& key, Y&& value) {
        cell.claim(key, std::forward<Y>(value), arena_);
        added();
    }
    template <class Y> void claimCopy(CellType& cell, const KeySlot<K>& key, Y&& value) {
        cell.claimCopy(key, std::forward<Y>(value), arena_);
        added();
    }

    const Rows<CellType>& cells() const { return cells_; }
    Rows<CellType>& cells() { return cells_; }
    /// The long keys of this table, for whoever takes its cells.
    Arena& arena() { return arena_; }

  private:
    static constexpr std::size_t kFirstCapacity = 64, kQuickGrowth = 1 << 16;

    std::size_t slotOf(std::uint32_t hash) const { return (std::uint64_t(hash) * 0x9E3779B97F4A7C15ULL >> 20) & mask_; }
    void added() {
        if (++size_ * 2 > cells_.size()) rehash(cells_.size() * (cells_.size() < kQuickGrowth ? 4 : 2));
    }
    [[gnu::noinline]] void rehash(std::size_t capacity) {
        Rows<CellType> grown(capacity);
        std::swap(cells_, grown);
        mask_ = capacity - 1;
        for (CellType& cell : grown) {
            if (!cell.used()) continue;
            std::size_t i = slotOf(cell.slot().hash());
            while (cells_[i].used()) i = (i + 1) & mask_;
            cells_[i].relocate(cell);
        }
    }

    Rows<CellType> cells_;
    std::size_t mask_, size_ = 0;
    Arena arena_;
};

} // namespace rivulet::detail
