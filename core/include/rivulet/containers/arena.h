#pragma once

#include <cstddef>
#include <cstring>
#include <vector>

namespace rivulet::detail {

/// Bytes that live until the arena is cleared or destroyed. Not thread-safe.
class Arena {
  public:
    Arena();
    ~Arena();
    Arena(Arena&& other) noexcept;
    Arena& operator=(Arena&& other) noexcept;

    const char* copy(const char* bytes, std::size_t size) {
        if (size > free_) grow(size);
        char* at = end_ - free_;
        std::memcpy(at, bytes, size);
        free_ -= size;
        return at;
    }

    /// Forgets everything but keeps the newest block for what comes next.
    void clear() {
        if (!blocks_.empty()) keepNewest();
    }
    std::size_t sizeBytes() const;

  private:
    struct Block {
        char* bytes;
        std::size_t size;
    };

    void grow(std::size_t needed);
    void keepNewest();

    std::vector<Block> blocks_;
    char* end_ = nullptr;
    std::size_t free_ = 0;
};

} // namespace rivulet::detail
