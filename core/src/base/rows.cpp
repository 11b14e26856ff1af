#include "rivulet/containers/rows.h"

#include <cstdint>
#include <cstring>
#include <sys/mman.h>

namespace rivulet::detail {
namespace {

constexpr std::size_t kHugePage = std::size_t(2) << 20;
constexpr std::size_t kLarge = 4 * kHugePage;

void* adviseHugePages(void* at, std::size_t size) {
    if (size < kLarge) return at;
    const auto begin = (reinterpret_cast<std::uintptr_t>(at) + kHugePage - 1) / kHugePage * kHugePage;
    const auto end = (reinterpret_cast<std::uintptr_t>(at) + size) / kHugePage * kHugePage;
    // A refusal costs speed alone.
    static_cast<void>(::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE));
    return at;
}

} // namespace

void* reallocate(void* old, std::size_t size, std::size_t newSize, std::size_t alignment) {
    if (alignment <= alignof(std::max_align_t)) {
        void* const grown = std::realloc(old, newSize);
        return grown ? adviseHugePages(grown, newSize) : throw std::bad_alloc();
    }
    void* const grown = std::aligned_alloc(alignment, (newSize + alignment - 1) / alignment * alignment);
    if (!grown) throw std::bad_alloc();
    adviseHugePages(grown, newSize);
    if (size > 0) std::memcpy(grown, old, size);
    std::free(old);
    return grown;
}

} // namespace rivulet::detail
