#pragma once

#include <cstddef>
#include <mutex>

namespace rivulet::detail {

/// Memory in slabs of one size that are used again: for what a batch writes on its way and the next one writes anew,
/// fresh pages cost more than the writing.
///
/// Keeps as many slabs as were in use at once since the last `trim`.
///
/// Threads: any
class SlabPool {
  public:
    static constexpr std::size_t kSlabBytes = std::size_t(256) << 10, kAlignment = 4096;

    SlabPool() = default;
    ~SlabPool();
    SlabPool(const SlabPool&) = delete;
    SlabPool& operator=(const SlabPool&) = delete;

    /// A slab; memory of its own where `sizeBytes` is more than that.
    void* take(std::size_t sizeBytes);
    /// With the size that was asked for.
    void giveBack(void* slab, std::size_t sizeBytes) noexcept;
    void trim() noexcept;
    /// What waits to be used again.
    std::size_t sizeBytes() const noexcept;

  private:
    struct Free {
        Free* next;
    };

    mutable std::mutex mutex_; // guards the following
    Free* free_ = nullptr;
    std::size_t freeCount_ = 0, used_ = 0, mostUsed_ = 0;
};

} // namespace rivulet::detail
