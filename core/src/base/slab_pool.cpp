#include "rivulet/containers/slab_pool.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

namespace rivulet::detail {
namespace {

void* allocate(std::size_t sizeBytes) {
    constexpr std::size_t kStep = SlabPool::kAlignment;
    void* const slab = std::aligned_alloc(kStep, (sizeBytes + kStep - 1) / kStep * kStep);
    return slab ? slab : throw std::bad_alloc();
}

} // namespace

SlabPool::~SlabPool() {
    while (free_) std::free(std::exchange(free_, free_->next));
}

void* SlabPool::take(std::size_t sizeBytes) {
    if (sizeBytes > kSlabBytes) return allocate(sizeBytes);
    {
        const std::lock_guard lock(mutex_);
        mostUsed_ = std::max(mostUsed_, ++used_);
        if (free_) {
            --freeCount_;
            return std::exchange(free_, free_->next);
        }
    }
    try {
        return allocate(kSlabBytes);
    } catch (...) {
        const std::lock_guard lock(mutex_);
        --used_;
        throw;
    }
}

void SlabPool::giveBack(void* slab, std::size_t sizeBytes) noexcept {
    if (sizeBytes > kSlabBytes) return std::free(slab);
    const std::lock_guard lock(mutex_);
    free_ = ::new (slab) Free{free_};
    ++freeCount_;
    --used_;
}

void SlabPool::trim() noexcept {
    const std::lock_guard lock(mutex_);
    for (; free_ && used_ + freeCount_ > mostUsed_; --freeCount_) std::free(std::exchange(free_, free_->next));
    mostUsed_ = used_;
}

std::size_t SlabPool::sizeBytes() const noexcept {
    const std::lock_guard lock(mutex_);
    return freeCount_ * kSlabBytes;
}

} // namespace rivulet::detail
