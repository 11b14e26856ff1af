#pragma once

#include "rivulet/stream/state/dense_index.h"
#include "rivulet/time.h"

#include <array>
#include <concepts>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>

/// What a batch changes in the states of one partition: found by a task, applied when all tasks of the batch have
/// succeeded, taken back when the batch fails.
namespace rivulet::detail {

enum class StateChange : unsigned char { touched, updated, removed };

/// The change of one key. Before it is applied `state` is the key's new state, afterwards the one that it had.
template <class S> struct ChangedState {
    std::uint32_t number = DenseIndex::kNone; // of its row; a new key has none before the change is applied
    StateChange kind = StateChange::touched;
    std::optional<S> state = {};
};

template <class K, class S> struct StateDelta {
    Rows<ChangedState<S>> known; // keys that have a row, by its number, each once
    Rows<std::uint32_t> rearmed; // rows whose timers are due although their keys were touched since

    // Keys without a row, numbered from 0; those that are left without a state get none.
    DenseIndex newIndex;
    Rows<K> newKeys;
    Rows<std::uint32_t> newHashes;
    Rows<ChangedState<S>> newStates;

    bool empty() const { return known.empty() && rearmed.empty() && newKeys.empty(); }
};

// ---- whether two states are equal, where that can be told

template <class S> inline constexpr bool kHasEquality = std::equality_comparable<S>;
// The == of these exists, and does not compile, whatever they hold.
template <class A, class B> inline constexpr bool kHasEquality<std::pair<A, B>> = kHasEquality<A> && kHasEquality<B>;
template <class... T> inline constexpr bool kHasEquality<std::tuple<T...>> = (kHasEquality<T> && ...);
template <class... T> inline constexpr bool kHasEquality<std::variant<T...>> = (kHasEquality<T> && ...);
template <class T> inline constexpr bool kHasEquality<std::optional<T>> = kHasEquality<T>;
template <class T, std::size_t N> inline constexpr bool kHasEquality<std::array<T, N>> = kHasEquality<T>;
template <class S>
    requires requires { typename S::value_type; }
inline constexpr bool kHasEquality<S> =
    std::equality_comparable<S> && (std::same_as<typename S::value_type, S> || kHasEquality<typename S::value_type>);

template <class S> bool isSameState(const S& a, const S& b) {
    if constexpr (kHasEquality<S>)
        return static_cast<bool>(a == b);
    else
        return false;
}

} // namespace rivulet::detail
