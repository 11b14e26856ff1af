#pragma once

#include "rivulet/stream/state/dense_index.h"
#include "rivulet/time.h"

#include <array>
#include <concepts>
#include <cstddef>
#include <new>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>

/// What a batch changes in the states of one partition: found by a task, applied when all tasks of the batch have
/// succeeded, taken back when the batch fails.
namespace rivulet::detail {

enum class StateChange : unsigned char { touched, updated, removed };

/// A state, or none, where something else says which: small plain ones without a flag, since a batch writes as many as
/// it touches keys.
template <class S> class PlainState {
  public:
    PlainState() = default;
    PlainState(std::nullopt_t) {}
    PlainState(const std::optional<S>& state) {
        if (state) *this = *state;
    }
    PlainState& operator=(const S& state) {
        ::new (static_cast<void*>(raw_)) S(state);
        return *this;
    }
    void reset() {}
    S& operator*() { return *std::launder(reinterpret_cast<S*>(raw_)); }
    const S& operator*() const { return *std::launder(reinterpret_cast<const S*>(raw_)); }

  private:
    alignas(S) std::byte raw_[sizeof(S)] = {};
};
template <class S>
using MaybeState =
    std::conditional_t<std::is_trivially_copyable_v<S> && sizeof(S) <= 64, PlainState<S>, std::optional<S>>;

/// The change of one key. Before it is applied `state` is the key's new state, afterwards the one that it had; only
/// what is `updated` has one.
template <class S> struct ChangedState {
    std::uint32_t number = DenseIndex::kNone; // of its row; a new key has none before the change is applied
    StateChange kind = StateChange::touched;
    MaybeState<S> state = {};
};

template <class K, class S> struct StateDelta {
    Rows<ChangedState<S>> known; // keys that have a row, by its number, each once
    bool marked = false;         // whether their rows are marked with their positions already
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
