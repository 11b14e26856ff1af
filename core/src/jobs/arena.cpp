#include "rivulet/containers/arena.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace rivulet::detail {
namespace {
constexpr std::size_t kFirstBlock = 1 << 10, kLargestBlock = 1 << 20;
}

Arena::Arena() = default;

Arena::~Arena() {
    for (const Block& block : blocks_) delete[] block.bytes;
}

Arena::Arena(Arena&& other) noexcept
    : blocks_(std::move(other.blocks_)),
      end_(std::exchange(other.end_, nullptr)),
      free_(std::exchange(other.free_, 0)) {
    other.blocks_.clear();
}

Arena& Arena::operator=(Arena&& other) noexcept {
    blocks_.swap(other.blocks_);
    std::swap(end_, other.end_);
    std::swap(free_, other.free_);
    return *this;
}

std::size_t Arena::sizeBytes() const {
    std::size_t sum = 0;
    for (const Block& block : blocks_) sum += block.size;
    return sum;
}

void Arena::grow(std::size_t needed) {
    std::size_t size = blocks_.empty() ? kFirstBlock : std::min(blocks_.back().size * 4, kLargestBlock);
    size = std::max(size, needed);
    auto bytes = std::make_unique_for_overwrite<char[]>(size);
    blocks_.push_back({bytes.get(), size});
    free_ = size;
    end_ = bytes.release() + size;
}

void Arena::keepNewest() {
    const Block newest = blocks_.back();
    blocks_.pop_back();
    for (const Block& block : blocks_) delete[] block.bytes;
    blocks_.assign(1, newest);
    free_ = newest.size;
    end_ = newest.bytes + free_;
}

} // namespace rivulet::detail
