#pragma once

#include "rivulet/stream/state/stream.h"

/// The bodies of DStream's operations with a state.
namespace rivulet {
namespace detail {

/// Whether states are to be in RocksDB.
bool isPaged(const StreamCore& core, StateBackend backend);

/// The state of an operator before its first batch.
template <class K, class S>
std::shared_ptr<StateKeeper<K, S>> makeKeeper(const StreamCore& core, const char* operation, Partitioning partitioning,
                                              bool timed, std::optional<RDD<std::pair<K, S>>> initial,
                                              StateBackend backend, std::source_location where) {
    requireKey<K>();
    const auto engine = core.context().engine();
    if (initial && checkedLineage(initial->lineagePtr()).engine() != engine)
        throw UsageError(std::string(operation) +
                             ": the RDD of initial states belongs to another Context than the stream; make it with the "
                             "stream's",
                         where);
    if (!partitioning.get()) partitioning = HashPartitioner(core.context().defaultParallelism(), where);
    const bool paged = isPaged(core, backend);
    if (paged && !kPageable<K, S>) throwNotPageable(operation, where);
    return share(new StateKeeper<K, S>(engine, partitioning.get(), timed, std::move(initial), paged));
}

} // namespace detail

template <class T, class Recipe>
template <class S, class F>
auto DStream<T, Recipe>::updatedState(F update, Partitioning partitioning,
                                      std::optional<RDD<std::pair<typename detail::PairTypes<Owned>::Key, S>>> initial,
                                      UpdatedKeys which, StateBackend backend, Where where) const
    -> StateDStream<typename detail::PairTypes<Owned>::Key, S> {
    using K = typename Owned::first_type;
    using V = typename Owned::second_type;
    detail::requireConstUpdate<K, V, S, F>();
    const auto core = open("updateStateByKey", where);
    auto keeper = detail::makeKeeper<K, S>(*core, "updateStateByKey", std::move(partitioning), false,
                                           std::move(initial), backend, where);
    using Node = detail::StreamNode<RDD<std::pair<K, S>>>;
    std::shared_ptr<Node> node = detail::share(new detail::UpdateStateNode<Recipe, K, V, S, F>(
        core, CallSite{"updateStateByKey", where}, recipe(), keeper, std::move(update), which));
    return StateDStream<K, S>(DStream<std::pair<K, S>>(detail::NodeRecipe<Node>(std::move(node))), keeper->tables());
}

template <class T, class Recipe>
template <class S, class F, class Initial>
auto DStream<T, Recipe>::mapWithState(StateSpecOf<S, F, Initial> spec, Where where) const {
    using K = typename Owned::first_type;
    using V = typename Owned::second_type;
    constexpr bool kTimed = detail::MapsWithStateAt<F, K, V, S>;
    static_assert(kTimed || detail::MapsWithState<F, K, V, S>,
                  "the function of mapWithState must take (const K&, std::optional<V>, State<S>&), or the Time before "
                  "these, for the stream's pair<K, V>");
    if constexpr (kTimed)
        static_assert(detail::RequireConst<F, Time, const K&, std::optional<V>, State<S>&>::holds);
    else
        static_assert(detail::RequireConst<F, const K&, std::optional<V>, State<S>&>::holds);
    using M = typename detail::Mapped<F, K, V, S>::type;
    const auto core = open("mapWithState", where);
    std::optional<RDD<std::pair<K, S>>> initial;
    if constexpr (!std::same_as<Initial, detail::NoInitialState>) initial = spec.initial();
    const bool timed = spec.timeout() > Duration::zero();
    auto keeper = detail::makeKeeper<K, S>(*core, "mapWithState", spec.partitioning(), timed, std::move(initial),
                                           spec.backend(), where);
    using Node = detail::StreamNode<RDD<M>>;
    std::shared_ptr<Node> node = detail::share(new detail::MapStateNode<Recipe, K, V, S, F>(
        core, CallSite{"mapWithState", where}, recipe(), keeper, spec.function(), spec.timeout()));
    return MapWithStateDStream<M, K, S>(DStream<M>(detail::NodeRecipe<Node>(std::move(node))), std::move(keeper));
}

template <class M, class K, class S>
DStream<std::pair<K, S>> MapWithStateDStream<M, K, S>::stateSnapshots(Where where) const {
    const auto& mapped = this->recipe().root();
    const auto core = mapped->core();
    core->requireOpen("stateSnapshots", where);
    using Node = detail::StreamNode<RDD<std::pair<K, S>>>;
    std::shared_ptr<Node> node =
        detail::share(new detail::SnapshotNode<K, S>(core, CallSite{"stateSnapshots", where}, mapped, keeper_));
    return DStream<std::pair<K, S>>(detail::NodeRecipe<Node>(std::move(node)));
}

} // namespace rivulet
