#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>
#include <type_traits>
#include <utility>

namespace rivulet::detail {

/// std::realloc for any alignment; throws std::bad_alloc. To be freed with std::free. What is large asks for huge
/// pages: look-ups in a table of many megabytes wait for page tables as much as for memory.
void* reallocate(void* old, std::size_t size, std::size_t newSize, std::size_t alignment);

/// The elements of a chunk, a bucket or a stored partition: a growable array, contiguous for every type (bool too).
///
/// It stands where std::vector would because every one of those costs the compiler some seventy functions, a fifth of
/// the time of a long chain, and because elements that are plain bytes are moved by realloc. Its elements need to be
/// movable; where a move throws while it grows, elements are lost: a task that failed has no use for them.
template <class T> class Rows {
  public:
    using value_type = T;

    Rows() = default;
    /// `count` elements made by their default constructor.
    explicit Rows(std::size_t count) { assign(count); }
    Rows(Rows&& other) noexcept : rows_(other.rows_), size_(other.size_), capacity_(other.capacity_) {
        other.rows_ = nullptr;
        other.size_ = other.capacity_ = 0;
    }
    Rows& operator=(Rows&& other) noexcept {
        std::swap(rows_, other.rows_);
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
        return *this;
    }
    ~Rows() {
        clear();
        std::free(rows_);
    }

    template <class... X> void emplace_back(X&&... x) {
        if (size_ == capacity_) [[unlikely]]
            grow(capacity_ == 0 ? kFirstCapacity : capacity_ * 2);
        ::new (static_cast<void*>(rows_ + size_)) T(std::forward<X>(x)...);
        ++size_;
    }
    void push_back(T&& x) { emplace_back(std::move(x)); }
    void push_back(const T& x) { emplace_back(x); }
    void pop_back() noexcept { rows_[--size_].~T(); }
    void reserve(std::size_t count) {
        if (count > capacity_) grow(count);
    }
    /// `count` elements made by their default constructor, in the place of what was there.
    void assign(std::size_t count) {
        clear();
        reserve(count);
        for (; size_ < count; ++size_) ::new (static_cast<void*>(rows_ + size_)) T();
    }
    void clear() noexcept {
        if constexpr (!std::is_trivially_destructible_v<T>)
            for (std::size_t i = 0; i < size_; ++i) rows_[i].~T();
        size_ = 0;
    }

    std::size_t size() const { return size_; }
    std::size_t capacity() const { return capacity_; }
    bool empty() const { return size_ == 0; }
    T* begin() { return rows_; }
    T* end() { return rows_ + size_; }
    const T* begin() const { return rows_; }
    const T* end() const { return rows_ + size_; }
    const T* data() const { return rows_; }
    T& operator[](std::size_t i) { return rows_[i]; }
    const T& operator[](std::size_t i) const { return rows_[i]; }

  private:
    static constexpr std::size_t kFirstCapacity = sizeof(T) <= 64 ? 16 : 4;
    static constexpr bool kBytes = std::is_trivially_move_constructible_v<T> && std::is_trivially_destructible_v<T>;

    [[gnu::noinline]] void grow(std::size_t capacity) {
        if constexpr (kBytes) {
            rows_ = static_cast<T*>(reallocate(rows_, size_ * sizeof(T), capacity * sizeof(T), alignof(T)));
            capacity_ = capacity;
        } else {
            Rows grown;
            grown.rows_ = static_cast<T*>(reallocate(nullptr, 0, capacity * sizeof(T), alignof(T)));
            grown.capacity_ = capacity;
            for (; grown.size_ < size_; ++grown.size_)
                ::new (static_cast<void*>(grown.rows_ + grown.size_)) T(std::move(rows_[grown.size_]));
            *this = std::move(grown);
        }
    }

    T* rows_ = nullptr;
    std::size_t size_ = 0, capacity_ = 0;
};

template <class T> std::size_t rowsSizeBytes(const Rows<T>& rows) { return rows.size() * sizeof(T); }

} // namespace rivulet::detail
