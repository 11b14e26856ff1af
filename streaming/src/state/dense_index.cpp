#include "rivulet/stream/state/dense_index.h"

#include <bit>
#include <utility>

namespace rivulet::detail {

std::size_t DenseIndex::cellOf(std::uint32_t hash, std::uint32_t number) const {
    std::size_t i = slotOf(hash);
    while (cells_[i].number != number) i = (i + 1) & mask_;
    return i;
}

void DenseIndex::place(Cell cell) {
    std::size_t i = slotOf(cell.hash);
    while (cells_[i].number != kNone) i = (i + 1) & mask_;
    cells_[i] = cell;
}

void DenseIndex::rehash(std::size_t capacity) {
    Rows<Cell> cells(capacity);
    std::swap(cells_, cells);
    mask_ = capacity - 1;
    bits_ = unsigned(std::countr_zero(capacity));
    for (const Cell& cell : cells)
        if (cell.number != kNone) place(cell);
}

void DenseIndex::reserve(std::size_t count) {
    std::size_t capacity = cells_.size();
    while (capacity < count * 2) capacity *= capacity < kQuickGrowth ? 4 : 2;
    if (capacity > cells_.size()) rehash(capacity);
}

void DenseIndex::add(std::uint32_t hash, std::uint32_t number) {
    reserve(size_ + 1);
    place({hash, number});
    ++size_;
}

/// What follows in the probe moves up, so that no cell is ever marked as deleted.
void DenseIndex::erase(std::uint32_t hash, std::uint32_t number) noexcept {
    std::size_t hole = cellOf(hash, number);
    for (std::size_t i = (hole + 1) & mask_; cells_[i].number != kNone; i = (i + 1) & mask_) {
        const std::size_t home = slotOf(cells_[i].hash);
        if (((i - home) & mask_) < ((i - hole) & mask_)) continue; // it would leave its probe
        cells_[hole] = cells_[i];
        hole = i;
    }
    cells_[hole] = Cell();
    --size_;
}

void DenseIndex::renumber(std::uint32_t hash, std::uint32_t from, std::uint32_t to) noexcept {
    cells_[cellOf(hash, from)].number = to;
}

void DenseIndex::swap(std::uint32_t hashA, std::uint32_t a, std::uint32_t hashB, std::uint32_t b) noexcept {
    const std::size_t cellA = cellOf(hashA, a), cellB = cellOf(hashB, b);
    cells_[cellA].number = b;
    cells_[cellB].number = a;
}

void DenseIndex::clear() noexcept {
    for (Cell& cell : cells_) cell = Cell();
    size_ = 0;
}

void DenseIndex::shrink() {
    std::size_t capacity = cells_.size();
    while (capacity > kFirstCapacity && capacity > size_ * 8) capacity /= 2;
    if (capacity < cells_.size()) rehash(capacity);
}

} // namespace rivulet::detail
