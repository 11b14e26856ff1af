#pragma once

#include "rivulet/containers/hash.h"
#include "rivulet/containers/rows.h"

#include <cstdint>

namespace rivulet::detail {

/// From the hash of a key to its dense number: open addressing, eight bytes a cell, at no more than half full. The keys
/// themselves lie with whoever gave the numbers, as an array without holes; so a batch that visits all of them reads
/// memory in order, and growing moves cells and no keys. Not thread-safe.
class DenseIndex {
  public:
    static constexpr std::uint32_t kNone = 0xffffffff; // no key has this number

    DenseIndex() : DenseIndex(0) {}
    /// Of keys whose hashes agree in the first bits, as those of a page do: cells are chosen by the bits behind.
    explicit DenseIndex(unsigned commonBits)
        : cells_(kFirstCapacity),
          mask_(kFirstCapacity - 1),
          bits_(kFirstBits),
          commonBits_(commonBits) {}

    std::size_t size() const { return size_; }
    std::size_t sizeBytes() const { return cells_.capacity() * sizeof(Cell); }
    void prefetch(std::uint32_t hash) const { __builtin_prefetch(&cells_[slotOf(hash)]); }

    /// The number at the first cell with this hash, nearly always that of the key: what it leads to can be fetched
    /// ahead. kNone: there is no such key.
    std::uint32_t guess(std::uint32_t hash) const {
        std::size_t i = slotOf(hash);
        while (cells_[i].number != kNone && cells_[i].hash != hash) i = (i + 1) & mask_;
        return cells_[i].number;
    }
    /// The number for which `isSame(number)` holds, among those that were added with this hash; or kNone.
    template <class IsSame> std::uint32_t find(std::uint32_t hash, const IsSame& isSame) const {
        for (std::size_t i = slotOf(hash);; i = (i + 1) & mask_) {
            const Cell& cell = cells_[i];
            if (cell.number == kNone || (cell.hash == hash && isSame(cell.number))) return cell.number;
        }
    }

    /// Makes room for `count` keys in all, so that adding them cannot fail.
    void reserve(std::size_t count);
    void add(std::uint32_t hash, std::uint32_t number);
    void erase(std::uint32_t hash, std::uint32_t number) noexcept;
    void renumber(std::uint32_t hash, std::uint32_t from, std::uint32_t to) noexcept;
    /// Exchanges the numbers of two keys.
    void swap(std::uint32_t hashA, std::uint32_t a, std::uint32_t hashB, std::uint32_t b) noexcept;
    /// Forgets all keys, and keeps the memory.
    void clear() noexcept;
    /// Gives memory back where most of it is no longer needed.
    void shrink();

  private:
    struct Cell {
        std::uint32_t hash = 0, number = kNone;
    };
    static constexpr unsigned kFirstBits = 4;
    static constexpr std::size_t kFirstCapacity = std::size_t(1) << kFirstBits, kQuickGrowth = 1 << 16;

    /// As upperBits, of what is behind the common ones.
    std::size_t slotOf(std::uint32_t hash) const {
        return std::size_t((std::uint64_t(hash) * 0x9E3779B97F4A7C15ULL << commonBits_ >> 1) >> (63 - bits_));
    }
    std::size_t cellOf(std::uint32_t hash, std::uint32_t number) const;
    void place(Cell cell);
    void rehash(std::size_t capacity);

    Rows<Cell> cells_;
    std::size_t mask_, size_ = 0;
    unsigned bits_; // of the capacity
    unsigned commonBits_;
};

} // namespace rivulet::detail
