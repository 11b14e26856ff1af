#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <utility>

namespace rivulet {
namespace detail {

inline constexpr std::size_t kMaskedBytes = 64; // text bytes that one mask stands for

/// Sets, for up to `masks * 64` bytes of text, one bit for every byte that is white space (a space, or any byte below
/// it).
///
/// The last mask's bits beyond the text are set. Compiled for several instruction sets, chosen when the program is
/// loaded.
void whitespaceMasks(const char* text, std::size_t size, std::uint64_t* masks);

} // namespace detail

/// The words of a text: a range of views into it, split at white space (any byte up to and including the space).
///
/// Pushes its elements (`each`) where it is asked to, which is several times as fast as its iterators.
class Words {
  public:
    using value_type = std::string_view;

    class Iterator {
      public:
        using value_type = std::string_view;
        using difference_type = std::ptrdiff_t;
        using iterator_category = std::forward_iterator_tag;
        using reference = std::string_view;
        using pointer = const std::string_view*;

        Iterator() = default;
        explicit Iterator(std::string_view rest) : rest_(rest) { ++*this; }
        std::string_view operator*() const { return word_; }
        Iterator& operator++() {
            std::size_t from = 0, to;
            while (from < rest_.size() && isSpace(rest_[from])) ++from;
            for (to = from; to < rest_.size() && !isSpace(rest_[to]);) ++to;
            word_ = rest_.substr(from, to - from);
            rest_.remove_prefix(to);
            return *this;
        }
        Iterator operator++(int) {
            Iterator before = *this;
            ++*this;
            return before;
        }
        bool operator==(const Iterator& other) const {
            return word_.data() == other.word_.data() && word_.size() == other.word_.size();
        }
        bool operator==(std::default_sentinel_t) const { return word_.empty(); }

      private:
        static bool isSpace(char c) { return static_cast<unsigned char>(c) <= ' '; }
        std::string_view word_, rest_;
    };

    explicit Words(std::string_view text) : text_(text) {}
    Iterator begin() const { return Iterator(text_); }
    std::default_sentinel_t end() const { return {}; }

    template <class Sink> void each(Sink& sink) const {
        constexpr std::size_t kMasks = 16;
        std::uint64_t masks[kMasks];
        const char* word = text_.data(); // the start of the word that is being read
        const char* at = word;
        const char* const end = word + text_.size();
        while (at < end) {
            const std::size_t size = std::min<std::size_t>(kMasks * detail::kMaskedBytes, std::size_t(end - at));
            detail::whitespaceMasks(at, size, masks);
            for (std::size_t i = 0; i * detail::kMaskedBytes < size; ++i, at += detail::kMaskedBytes) {
                for (std::uint64_t mask = masks[i]; mask; mask &= mask - 1) {
                    const char* stop = at + std::countr_zero(mask);
                    if (stop >= end) break;
                    if (stop > word) sink(std::string_view(word, std::size_t(stop - word)));
                    word = stop + 1;
                }
            }
        }
        if (end > word) sink(std::string_view(word, std::size_t(end - word)));
    }

  private:
    std::string_view text_;
};

/// Splits a text at white space into views: `lines.flatMap(words)`.
struct WordsFunction {
    Words operator()(std::string_view text) const { return Words(text); }
};
inline constexpr WordsFunction words{};

/// Pairs an element with 1: `words.map(withOne).reduceByKey(std::plus<>())`.
struct WithOneFunction {
    template <class T> std::pair<T, long> operator()(const T& element) const { return {element, 1L}; }
};
inline constexpr WithOneFunction withOne{};

/// Orders pairs by their second: `counts.top(10, byValue)`.
struct ByValueFunction {
    template <class P> bool operator()(const P& a, const P& b) const { return a.second < b.second; }
};
inline constexpr ByValueFunction byValue{};

/// The larger of two: `latencies.reduceByKeyAndWindow(maximum, 60s, 1s)`.
struct MaximumFunction {
    template <class T> T operator()(const T& a, const T& b) const { return a < b ? b : a; }
};
inline constexpr MaximumFunction maximum{};

/// The smaller of two.
struct MinimumFunction {
    template <class T> T operator()(const T& a, const T& b) const { return b < a ? b : a; }
};
inline constexpr MinimumFunction minimum{};

} // namespace rivulet
