#pragma once

#include "rivulet/rdd/pipe.h"

#include <unordered_map>

/// What the signatures of RDD's operations are made of.
namespace rivulet {

template <class T, class Pipe = detail::ErasedPipe<T>> class RDD;

namespace detail {

template <class R> inline constexpr bool kIsRdd = false;
template <class T, class P> inline constexpr bool kIsRdd<RDD<T, P>> = true;

template <class T> inline constexpr bool kIsPair = false;
template <class A, class B> inline constexpr bool kIsPair<std::pair<A, B>> = true;

/// Hash and equality of Rivulet's keys for the maps that actions return.
struct KeyHasher {
    template <class K> std::size_t operator()(const K& key) const { return hashOf(key); }
};

template <class K> constexpr void requireKey() {
    static_assert(Hashable<K>, "this type cannot be a key because it has no hash: specialize std::hash<YourType> for "
                               "it (numbers, enums, strings, "
                               "and pairs, tuples, optionals and vectors of keys have one already)");
    static_assert(std::equality_comparable<K>, "this type cannot be a key because it has no operator==: declare `bool "
                                               "operator==(const YourType&) const = default;`");
}

template <class T> struct PairTypes {
    using Key = void;
    using Value = void;
};
template <class A, class B> struct PairTypes<std::pair<A, B>> {
    using Key = A;
    using Value = B;
};

template <class T> using KeyTypeOf = typename PairTypes<owned_t<T>>::Key;
template <class T> using ValueTypeOf = typename PairTypes<owned_t<T>>::Value;

/// Throws a UsageError where the two RDDs belong to different contexts.
void requireSameContext(const LineagePtr& one, const LineagePtr& other, const char* operation,
                        std::source_location where);

} // namespace detail

/// Any RDD, fused or erased: what a function that works on all of them takes.
template <class R>
concept AnyRdd = detail::kIsRdd<std::remove_cvref_t<R>>;

template <class T>
concept AnyPair = detail::kIsPair<T>;

/// The maps that `collectAsMap`, `countByValue` and the like return.
template <class K, class V> using KeyMap = std::unordered_map<K, V, detail::KeyHasher>;

} // namespace rivulet
