#pragma once

#include "rivulet/rdd.h"
#include "rivulet/stream/state/delta.h"

namespace rivulet {

/// Where an operator keeps its states.
///
/// memory:  tables in memory, the fastest; what changes is stored beside them, where there is a checkpoint directory
/// rocksdb: in the checkpoint directory, and in memory only what a batch works on, and a cache of
///          `rivulet.streaming.state.cacheBytes`. For states larger than memory, and to go on at once however large
///          they are: nothing is loaded at the start. Keys and states must be types that can be stored
enum class StateBackend { asConfigured /**< `rivulet.streaming.state.backend` says */, memory, rocksdb };

namespace detail {
template <class K, class V, class S, class F> class MapPass;
/// Throws a UsageError about a misused State.
[[noreturn]] void throwNoState();
[[noreturn]] void throwRemovedState(const char* operation);
[[noreturn]] void throwTimedOutState(const char* operation);
[[noreturn]] void throwBadTimeout(Duration timeout, std::source_location where);
[[noreturn]] void throwNotPageable(const char* operation, std::source_location where);
} // namespace detail

/// The state of a key, as the function of `mapWithState` reads and changes it.
///
/// What it changes is seen by the next record of the same key, and comes into force when the whole batch has succeeded.
///
/// Threads: valid during the call that it is given to
/// Source:  Spark State
template <class S> class State {
  public:
    /// Whether the key has a state. False after `remove`.
    bool exists() const {
        return change_.kind == detail::StateChange::updated ||
               (change_.kind == detail::StateChange::touched && before_ != nullptr);
    }
    /// Errors: UsageError where there is none
    const S& get() const {
        if (!exists()) detail::throwNoState();
        return change_.kind == detail::StateChange::updated ? *change_.state : *before_;
    }
    std::optional<S> getOption() const { return exists() ? std::optional<S>(get()) : std::nullopt; }
    /// Gives the key this state.
    ///
    /// Errors: UsageError in the call that has removed it, and while it is timing out
    void update(S state) {
        requireChangeable("update");
        change_.state = std::move(state);
        change_.kind = detail::StateChange::updated;
    }
    /// Takes the key's state away. A later record of the key begins anew, in the same batch too.
    ///
    /// Errors: UsageError in the call that has removed it, and while it is timing out
    void remove() {
        requireChangeable("remove");
        change_.state.reset();
        change_.kind = detail::StateChange::removed;
        removed_ = true;
    }
    /// Whether this call is the last one for a key that was quiet for longer than the time-out: its state is removed
    /// afterwards.
    bool isTimingOut() const { return timingOut_; }

  private:
    template <class K, class V, class T, class F> friend class detail::MapPass;

    State(const S* before, detail::ChangedState<S>& change, bool timingOut)
        : before_(before),
          change_(change),
          timingOut_(timingOut) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    void requireChangeable(const char* operation) const {
        if (removed_) detail::throwRemovedState(operation);
        if (timingOut_) detail::throwTimedOutState(operation);
    }

    const S* const before_; // null where the key had none before the batch
    detail::ChangedState<S>& change_;
    const bool timingOut_;
    bool removed_ = false;
};

namespace detail {

/// The type S of a function that takes a State<S>&, where it can be told.
template <class... X> struct FirstState {};
template <class S, class... Y> struct FirstState<State<S>&, Y...> {
    using type = S;
};
template <class X, class... Y> struct FirstState<X, Y...> : FirstState<Y...> {};

template <class F> struct MappedStateOf {};
template <class F>
    requires requires { &F::operator(); }
struct MappedStateOf<F> : MappedStateOf<decltype(&F::operator())> {};
template <class R, class... X> struct MappedStateOf<R (*)(X...)> : FirstState<X...> {};
template <class C, class R, class... X> struct MappedStateOf<R (C::*)(X...) const> : FirstState<X...> {};
template <class C, class R, class... X> struct MappedStateOf<R (C::*)(X...)> : FirstState<X...> {};

struct NoInitialState {};

template <class S> struct ToState {
    template <class X> S operator()(const X& state) const { return S(own(state)); }
};

} // namespace detail

/// What `mapWithState` is to do: a function of state type S, and its options. Made by `StateSpec::function`.
template <class S, class F, class Initial = detail::NoInitialState> class StateSpecOf {
  public:
    using StateType = S;
    using Function = F;
    using Where = std::source_location;

    StateSpecOf(F function, Partitioning partitioning, Duration timeout, Initial initial,
                StateBackend backend = StateBackend::asConfigured)
        : function_(std::move(function)),
          partitioning_(std::move(partitioning)),
          timeout_(timeout),
          initial_(std::move(initial)),
          backend_(backend) {}

    /// A key without a record for longer than this is called once more, with `isTimingOut`, and then removed. The age
    /// is looked at in every batch.
    ///
    /// Errors: UsageError where it is not positive
    StateSpecOf timeout(Duration idle, Where where = Where::current()) const {
        if (idle <= Duration::zero()) detail::throwBadTimeout(idle, where);
        StateSpecOf spec = *this;
        spec.timeout_ = idle;
        return spec;
    }
    /// The states before the first batch; of several for a key the last counts.
    template <class T, class P>
        requires(AnyPair<T> && std::convertible_to<typename owned_t<T>::second_type, S>)
    auto initialState(const RDD<T, P>& states) const {
        using K = typename owned_t<T>::first_type;
        return StateSpecOf<S, F, RDD<std::pair<K, S>>>(function_, partitioning_, timeout_,
                                                       states.mapValues(detail::ToState<S>{}), backend_);
    }
    StateSpecOf numPartitions(int count, Where where = Where::current()) const {
        return partitioner(Partitioning(count, where));
    }
    StateSpecOf partitioner(Partitioning partitioning) const {
        StateSpecOf spec = *this;
        spec.partitioning_ = std::move(partitioning);
        return spec;
    }

    /// Where the states are kept.
    ///
    /// Errors: UsageError in `mapWithState` where they cannot be stored, at the start without a checkpoint directory
    StateSpecOf backend(StateBackend backend) const {
        StateSpecOf spec = *this;
        spec.backend_ = backend;
        return spec;
    }

    const F& function() const { return function_; }
    const Partitioning& partitioning() const { return partitioning_; }
    Duration timeout() const { return timeout_; } // zero: none
    const Initial& initial() const { return initial_; }
    StateBackend backend() const { return backend_; }

  private:
    F function_;
    Partitioning partitioning_;
    Duration timeout_;
    Initial initial_;
    StateBackend backend_;
};

/// How `mapWithState` maps records with the state of their keys.
///
///     clicks.mapWithState(StateSpec::function([](const UserId& user, std::optional<Click> click, State<Session>& s) {
///         ...
///         return s.get().pages;
///     }).timeout(30min))
///
/// The function takes `(const K&, std::optional<V>, State<S>&)` and returns what is emitted for the record; or
/// `(Time, const K&, std::optional<V>, State<S>&)`, and returns an optional. It is called once per record, for each key
/// in the order of arrival (in a large state keys that lie near each other in its tables come together), and once for a
/// key that times out, then without a value.
///
/// Source: Spark StateSpec
struct StateSpec {
    template <class F>
        requires requires { typename detail::MappedStateOf<F>::type; }
    static auto function(F f) {
        return function<typename detail::MappedStateOf<F>::type>(std::move(f));
    }
    /// With the state's type named, for generic functions: `StateSpec::function<Session>(f)`.
    template <class S, class F> static StateSpecOf<S, F> function(F f) {
        return StateSpecOf<S, F>(std::move(f), {}, Duration::zero(), {});
    }
};

} // namespace rivulet
