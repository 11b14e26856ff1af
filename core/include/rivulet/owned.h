#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

/// Views inside a chain, values at its boundaries.
///
/// A chain carries `std::string_view` and the like from operator to operator without copying; a view is valid only
/// until the operator it was passed to returns. Every boundary (shuffle, cache, sort, window, state, `collect`,
/// `foreachRDD`, ...) therefore stores `owned_t<T>`: the same value with its bytes.
namespace rivulet {

/// What a boundary stores for a `T`, as `type`, and how it is made, as `make(const T&)`.
///
/// Specialize it for a struct that holds a view, span or pointer: without that such a struct is refused at every
/// boundary.
template <class T> struct owned {
    using type = T;
    static const T& make(const T& value) { return value; }
};

template <class T> using owned_t = typename owned<std::remove_cvref_t<T>>::type;

template <class T> inline constexpr bool kIsOwned = std::is_same_v<owned_t<T>, std::remove_cvref_t<T>>;

namespace detail {

template <class T> inline constexpr bool kIsViewLike = false;
template <class T> inline constexpr bool kIsViewLike<T*> = !std::is_function_v<T>;
template <> inline constexpr bool kIsViewLike<std::string_view> = true;
template <class T, std::size_t N> inline constexpr bool kIsViewLike<std::span<T, N>> = true;
template <class T> inline constexpr bool kIsViewLike<std::reference_wrapper<T>> = true;

/// `Outer` are the aggregates around a member: one that has itself among its members (a tree with a vector of trees) is
/// not asked again.
template <class T, class... Outer> inline constexpr bool kHoldsView = kIsViewLike<T>;

#ifdef __clang__ // these conversions are asked about, and never called
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wundefined-internal"
#endif
/// Converts to anything that an aggregate `Parent` may have as a member; `AnyOwnedMember` to all but what holds a view.
/// An aggregate that can be initialized from the first but not from the second has a view among its members.
template <class Parent> struct AnyMember {
    template <class U>
        requires(!std::is_same_v<U, Parent>)
    operator U() const noexcept;
};
template <class Parent, class... Outer> struct AnyOwnedMember {
    template <class U>
        requires(!std::is_same_v<U, Parent> && !kHoldsView<U, Parent, Outer...>)
    operator U() const noexcept;
};
#ifdef __clang__
#pragma clang diagnostic pop
#endif

template <class T, class Member, std::size_t... I> constexpr bool initializesFrom(std::index_sequence<I...>) {
    return requires { T{(static_cast<void>(I), Member{})...}; };
}

/// An array counts as many as it has elements; beyond this many, members are not inspected.
inline constexpr std::size_t kMostMembersInspected = 64;

template <class T, std::size_t N = std::min(kMostMembersInspected, sizeof(T))> constexpr std::size_t memberCount() {
    if constexpr (N == 0)
        return 0;
    else if constexpr (initializesFrom<T, AnyMember<T>>(std::make_index_sequence<N>{}))
        return N;
    else
        return memberCount<T, N - 1>();
}

template <class T, class... Outer>
    requires(std::is_aggregate_v<T> && std::is_class_v<T> && !std::is_empty_v<T> && !(std::is_same_v<T, Outer> || ...))
inline constexpr bool kHoldsView<T, Outer...> =
    !initializesFrom<T, AnyOwnedMember<T, Outer...>>(std::make_index_sequence<memberCount<T>()>{});

template <class T>
concept Container = !kIsViewLike<T> && requires {
    typename T::value_type;
    typename T::iterator;
    requires !std::is_same_v<typename T::value_type, T>; // a JSON value is a container of itself
};
template <Container T, class... Outer>
inline constexpr bool kHoldsView<T, Outer...> = kHoldsView<typename T::value_type, Outer...>;

template <class A, class B, class... Outer>
inline constexpr bool kHoldsView<std::pair<A, B>, Outer...> = kHoldsView<A, Outer...> || kHoldsView<B, Outer...>;
template <class... T, class... Outer>
inline constexpr bool kHoldsView<std::tuple<T...>, Outer...> = (kHoldsView<T, Outer...> || ...);
template <class... T, class... Outer>
inline constexpr bool kHoldsView<std::variant<T...>, Outer...> = (kHoldsView<T, Outer...> || ...);
template <class T, class... Outer>
inline constexpr bool kHoldsView<std::optional<T>, Outer...> = kHoldsView<T, Outer...>;
template <class T, class A, class... Outer>
inline constexpr bool kHoldsView<std::vector<T, A>, Outer...> = kHoldsView<T, Outer...>;
template <class T, std::size_t N, class... Outer>
inline constexpr bool kHoldsView<std::array<T, N>, Outer...> = kHoldsView<T, Outer...>;

/// The owned form of a value: the value itself where it owns its bytes already, a copy with its bytes otherwise.
template <class X> decltype(auto) own(X&& value) {
    using T = std::remove_cvref_t<X>;
    static_assert(!kHoldsView<owned_t<T>>,
                  "this element type holds a view, span or pointer, which would dangle where it is stored (shuffle, "
                  "cache, sort, collect, ...): "
                  "store the bytes (std::string, std::vector) or specialize rivulet::owned<T>");
    if constexpr (kIsOwned<T>)
        return std::forward<X>(value);
    else
        return owned<T>::make(value);
}

} // namespace detail

template <> struct owned<std::string_view> {
    using type = std::string;
    static type make(std::string_view view) { return type(view); }
};

template <> struct owned<const char*> {
    using type = std::string;
    static type make(const char* text) { return type(text); }
};

template <class T, std::size_t N> struct owned<std::span<T, N>> {
    using type = std::vector<owned_t<T>>;
    static type make(std::span<T, N> view) {
        type copy;
        copy.reserve(view.size());
        for (const auto& x : view) copy.push_back(detail::own(x));
        return copy;
    }
};

template <class A, class B> struct owned<std::pair<A, B>> {
    using type = std::pair<owned_t<A>, owned_t<B>>;
    static type make(const std::pair<A, B>& x) { return type(detail::own(x.first), detail::own(x.second)); }
};

template <class... T> struct owned<std::tuple<T...>> {
    using type = std::tuple<owned_t<T>...>;
    static type make(const std::tuple<T...>& x) {
        return std::apply([](const T&... parts) { return type(detail::own(parts)...); }, x);
    }
};

template <class T> struct owned<std::optional<T>> {
    using type = std::optional<owned_t<T>>;
    static type make(const std::optional<T>& x) { return x ? type(detail::own(*x)) : type(); }
};

template <class... T> struct owned<std::variant<T...>> {
    using type = std::variant<owned_t<T>...>;
    static type make(const std::variant<T...>& x) {
        return std::visit([](const auto& part) { return type(detail::own(part)); }, x);
    }
};

template <class T, class A> struct owned<std::vector<T, A>> {
    using type = std::conditional_t<kIsOwned<T>, std::vector<T, A>, std::vector<owned_t<T>>>;
    static type make(const std::vector<T, A>& x) {
        type copy;
        copy.reserve(x.size());
        for (const auto& part : x) copy.push_back(detail::own(part));
        return copy;
    }
};

template <class T, std::size_t N> struct owned<std::array<T, N>> {
    using type = std::array<owned_t<T>, N>;
    static type make(const std::array<T, N>& x) {
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
            return type{detail::own(x[I])...};
        }(std::make_index_sequence<N>{});
    }
};

} // namespace rivulet
