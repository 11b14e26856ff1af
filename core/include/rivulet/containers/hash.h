#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace rivulet {
namespace detail {

/// A 64-bit finalizer: every input bit reaches every output bit (Stafford's variant of the murmur finalizer).
constexpr std::uint64_t mixBits(std::uint64_t x) {
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ULL;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ULL;
    return x ^ (x >> 32);
}

inline std::uint64_t loadBytes(const char* at, std::size_t count) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, count);
    return word;
}

/// A text of up to 16 bytes as two words that tell it from every other of the same size; of a longer one the first word
/// and a digest.
///
/// Overlapping loads never leave the text. The hash comes out of the same two words, so that a key is read once.
struct TextWords {
    std::uint64_t first, second;
    std::uint32_t hash;

    static TextWords of(std::string_view text) {
        const char* at = text.data();
        const std::size_t size = text.size();
        std::uint64_t first = 0, second = 0;
        if (size >= 8) {
            first = loadBytes(at, 8);
            second = size <= 16 ? loadBytes(at + size - 8, 8) : digest(at + 8, size - 8);
        } else if (size >= 4) {
            first = loadBytes(at, 4) | loadBytes(at + size - 4, 4) << 32;
        } else if (size > 0) {
            first = std::uint8_t(at[0]) | std::uint64_t(std::uint8_t(at[size / 2])) << 8 |
                    std::uint64_t(std::uint8_t(at[size - 1])) << 16;
        }
        std::uint64_t h = (first ^ size) * 0xd6e8feb86659fd93ULL;
        h = (h ^ (h >> 32) ^ second) * 0xd6e8feb86659fd93ULL;
        return {first, second, std::uint32_t(h >> 32) ^ std::uint32_t(h)};
    }

  private:
    [[gnu::noinline]] static std::uint64_t digest(const char* at, std::size_t size) {
        std::uint64_t h = size;
        for (; size >= 8; at += 8, size -= 8) h = mixBits(h ^ loadBytes(at, 8));
        return mixBits(h ^ loadBytes(at, size));
    }
};

template <class T> struct KeyHash; // left undefined where a type has no hash

template <class T>
concept Hashable = requires(const T& x) {
    { KeyHash<T>::of(x) } -> std::same_as<std::uint32_t>;
};

/// The upper `bits` bits of a hash that is scattered over 64: where it belongs in a table of that many cells. So keys
/// that agree in the first of them lie side by side in every table.
inline std::size_t upperBits(std::uint32_t hash, unsigned bits) {
    return std::size_t((std::uint64_t(hash) * 0x9E3779B97F4A7C15ULL >> 1) >> (63 - bits));
}

inline std::uint32_t foldHash(std::uint64_t mixed) { return std::uint32_t(mixed >> 32); }
inline std::uint32_t joinHashes(std::uint32_t a, std::uint32_t b) {
    return foldHash(mixBits(std::uint64_t(a) << 32 | b));
}

template <class T>
    requires(std::is_integral_v<T> || std::is_enum_v<T>)
struct KeyHash<T> {
    static std::uint32_t of(T x) { return foldHash(mixBits(std::uint64_t(x) + 0x9e3779b97f4a7c15ULL)); }
};

template <std::floating_point T> struct KeyHash<T> {
    static std::uint32_t of(T x) {
        return KeyHash<std::uint64_t>::of(std::bit_cast<std::uint64_t>(x == 0 ? 0.0
                                                                       : x != x
                                                                           ? std::numeric_limits<double>::quiet_NaN()
                                                                           : double(x)));
    }
};

template <class T>
    requires(std::same_as<T, std::string> || std::same_as<T, std::string_view>)
struct KeyHash<T> {
    static std::uint32_t of(std::string_view x) { return TextWords::of(x).hash; }
};

template <Hashable A, Hashable B> struct KeyHash<std::pair<A, B>> {
    static std::uint32_t of(const std::pair<A, B>& x) {
        return joinHashes(KeyHash<A>::of(x.first), KeyHash<B>::of(x.second));
    }
};

template <Hashable... T> struct KeyHash<std::tuple<T...>> {
    static std::uint32_t of(const std::tuple<T...>& x) {
        std::uint32_t h = sizeof...(T);
        std::apply([&h](const T&... parts) { ((h = joinHashes(h, KeyHash<T>::of(parts))), ...); }, x);
        return h;
    }
};

template <Hashable T> struct KeyHash<std::optional<T>> {
    static std::uint32_t of(const std::optional<T>& x) { return x ? joinHashes(1, KeyHash<T>::of(*x)) : 0; }
};

template <Hashable T> struct KeyHash<std::vector<T>> {
    static std::uint32_t of(const std::vector<T>& x) {
        std::uint32_t h = std::uint32_t(x.size());
        for (const T& part : x) h = joinHashes(h, KeyHash<T>::of(part));
        return h;
    }
};

template <class T>
concept HasStdHash = requires(const T& x) {
    { std::hash<T>{}(x) } -> std::convertible_to<std::size_t>;
};

template <class T>
    requires(HasStdHash<T> && std::is_class_v<T> && !std::same_as<T, std::string> && !std::same_as<T, std::string_view>)
struct KeyHash<T> {
    static std::uint32_t of(const T& x) { return foldHash(mixBits(std::hash<T>{}(x))); }
};

/// Equality of keys: as `==`, but that a NaN is the same key as another NaN, also within pairs.
template <class T> bool sameKey(const T& a, const T& b) {
    if constexpr (std::is_floating_point_v<T>)
        return a == b || (a != a && b != b);
    else
        return a == b;
}
template <class A, class B> bool sameKey(const std::pair<A, B>& a, const std::pair<A, B>& b) {
    return sameKey(a.first, b.first) && sameKey(a.second, b.second);
}

} // namespace detail

/// A type that can be a key: it compares with `==` and has a hash (built in for numbers, enums, strings, pairs, tuples,
/// optionals and vectors of such; for others specialize `std::hash`).
template <class K>
concept Key = std::equality_comparable<K> && detail::Hashable<K>;

/// The hash by which keys are partitioned and looked up; equal for a view and for what owns its bytes. 32 bits; the
/// same in every process.
template <Key K> std::uint32_t hashOf(const K& key) { return detail::KeyHash<K>::of(key); }

} // namespace rivulet
