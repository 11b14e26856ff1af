#pragma once

#include "rivulet/state_spec.h"
#include "rivulet/stream/core.h"
#include "rivulet/stream/event_time.h"
#include "rivulet/stream/recipe.h"
#include "rivulet/stream/state/update.h"
#include "rivulet/stream/window.h"
#include "rivulet/stream/window/reduced_window.h"

namespace rivulet {

template <class T> class EventTimeStream;

template <class T, class Recipe = detail::NodeRecipe<detail::StreamNode<RDD<T>>>> class DStream;
template <class K, class S> class StateDStream;

namespace detail {
template <class S> inline constexpr bool kIsDStream = false;
template <class T, class R> inline constexpr bool kIsDStream<DStream<T, R>> = true;

/// Pairs whose keys are the same once their bytes are owned.
template <class T, class U>
concept SameKeys =
    AnyPair<T> && AnyPair<U> && std::same_as<typename owned_t<T>::first_type, typename owned_t<U>::first_type>;

/// What foreachRDD calls: `f(rdd)`, `f(rdd, Time)` or `f(rdd, const BatchContext&)`.
template <class F, class Rdd>
concept BatchFunction =
    std::invocable<F&, Rdd> || std::invocable<F&, Rdd, Time> || std::invocable<F&, Rdd, const BatchContext&>;
} // namespace detail

/// Any stream, fused or erased.
template <class S>
concept AnyDStream = detail::kIsDStream<std::remove_cvref_t<S>>;

/// A discretized stream: a recipe that gives an RDD for every batch time.
///
/// Three properties define it, as in Spark: the interval at which it has RDDs (`slideDuration`), the streams that it
/// depends on, and how the RDD of a time is made. Narrow operators fuse as they do on RDDs; `DStream<T>` is the handle
/// that forgets the chain's type. Shuffles, windows, state and `transform` make one RDD per batch time, however many
/// streams follow them.
///
/// Nothing runs without an output operation (`print`, `foreachRDD`, `saveAsTextFiles`). Streams are declared before the
/// start of their context, which they do not keep alive.
///
/// Errors:  every operation throws a UsageError once the context was started, was stopped, or is gone
/// Threads: declared by one thread; functions are called concurrently by the tasks of a batch
/// Source:  Spark DStream; Zaharia et al., SOSP 2013
template <class T, class Recipe> class DStream {
  public:
    using value_type = T;
    using Owned = owned_t<T>;
    using Where = std::source_location;
    static constexpr bool kErased = Recipe::kErased;

    /// A handle to nothing, to be assigned later.
    DStream()
        requires kErased
    = default;
    explicit DStream(Recipe recipe) : DStream(detail::newRecord(), std::move(recipe)) {}
    DStream(std::shared_ptr<detail::StreamRecord> record, Recipe recipe)
        : record_(std::move(record)),
          recipe_(std::move(recipe)) {}
    template <class U, class R>
        requires(kErased && !R::kErased && std::same_as<owned_t<U>, T>)
    DStream(const DStream<U, R>& chain) : DStream(chain.erased()) {}

    Duration slideDuration() const { return recipe().root()->slide(); }

    /// Names this stream's operator or source: by this name its state and positions are found again. Unique within a
    /// context.
    [[nodiscard("only the returned handle has the name")]] DStream<Owned> uid(std::string name) const
        requires(!kErased)
    {
        return erased().uid(std::move(name));
    }
    DStream<Owned> uid(std::string name) const
        requires kErased
    {
        recipe().root()->setUid(std::move(name));
        return *this;
    }
    /// The type-erased handle: equal chains give the same one, whose RDDs are made once per batch.
    DStream<Owned> erased(Where where = Where::current()) const;
    /// Keeps the RDD of each batch in memory, for streams that several outputs or windows read.
    [[nodiscard("only the returned handle reads the cached RDDs")]] DStream<Owned>
    cache(Where where = Where::current()) const {
        return persist(StorageLevel::MEMORY_ONLY, where);
    }
    /// The same at a level.
    [[nodiscard("only the returned handle reads the cached RDDs")]] DStream<Owned>
    persist(StorageLevel level = StorageLevel::MEMORY_ONLY, Where where = Where::current()) const {
        open("persist", where);
        auto handle = erased(where);
        handle.recipe().root()->persist(level);
        return handle;
    }
    /// The RDDs of the batches from `from` to `to`, both included, that have begun; those that are not remembered are
    /// made again, as far as their inputs remember (`StreamingContext::remember`). Ends that are no batch times are
    /// floored, with a warning.
    ///
    /// Errors:  UsageError before the start
    /// Threads: may be called from any thread; waits while a batch is being planned
    /// Source:  Spark DStream.slice
    std::vector<RDD<Owned>> slice(Time from, Time to, Where where = Where::current()) const;
    std::vector<RDD<Owned>> slice(const Interval& interval, Where where = Where::current()) const {
        return slice(interval.begin, interval.end, where);
    }

    // ---- stateless: the RDD's operation of the same name, on the RDD of each batch

    template <class F>
        requires detail::Callable<F&, const T&>
    auto map(F f, Where where = Where::current()) const {
        return step("map", where, [&] { return detail::MapStep<F>{std::move(f), where}; });
    }
    template <class F>
        requires detail::Callable<F&, const T&>
    auto flatMap(F f, Where where = Where::current()) const {
        return step("flatMap", where, [&] { return detail::FlatMapStep<F>{std::move(f), where}; });
    }
    template <class F>
        requires detail::Deciding<F&, const T&>
    auto filter(F f, Where where = Where::current()) const {
        return step("filter", where, [&] { return detail::FilterStep<F>{std::move(f), where}; });
    }
    template <class F>
        requires std::invocable<F&, PartitionElements<owned_t<T>>>
    auto mapPartitions(F f, bool preservesPartitioning = false, Where where = Where::current()) const {
        return step("mapPartitions", where,
                    [&] { return detail::MapPartitionsStep<F>{std::move(f), preservesPartitioning, where}; });
    }
    template <class F>
        requires detail::Callable<F&, const T&>
    auto keyBy(F f, Where where = Where::current()) const {
        return step("keyBy", where, [&] { return detail::KeyByStep<F>{std::move(f), where}; });
    }
    auto keys(Where where = Where::current()) const
        requires AnyPair<T>
    {
        return step("keys", where, [&] { return detail::KeysStep{where}; });
    }
    auto values(Where where = Where::current()) const
        requires AnyPair<T>
    {
        return step("values", where, [&] { return detail::ValuesStep{where}; });
    }
    template <class F>
        requires(AnyPair<T> && requires(F& f, const T& x) { f(x.second); })
    auto mapValues(F f, Where where = Where::current()) const {
        return step("mapValues", where, [&] { return detail::MapValuesStep<F>{std::move(f), where}; });
    }
    template <class F>
        requires(AnyPair<T> && requires(F& f, const T& x) { f(x.second); })
    auto flatMapValues(F f, Where where = Where::current()) const {
        return step("flatMapValues", where, [&] { return detail::FlatMapValuesStep<F>{std::move(f), where}; });
    }
    auto glom(Where where = Where::current()) const {
        return step("glom", where, [&] { return detail::GlomStep{where}; });
    }
    DStream<Owned> repartition(int numPartitions, Where where = Where::current()) const {
        if (numPartitions < 1) detail::throwBadPartitionCount(numPartitions, where);
        return made<Owned>("repartition", where,
                           [numPartitions, where](const auto& rdd) { return rdd.repartition(numPartitions, where); });
    }
    template <class F>
        requires(AnyPair<T> && requires(F& f, const owned_t<T>& x) { f(x.second, x.second); })
    DStream<owned_t<T>> reduceByKey(F combine, Partitioning partitioning = {}, Where where = Where::current()) const {
        return made<Owned>("reduceByKey", where, [combine, partitioning, where](const auto& rdd) {
            return rdd.reduceByKey(combine, partitioning, where);
        });
    }
    template <class Create, class Add, class Merge>
        requires(AnyPair<T> && requires(Create& create, const owned_t<T>& x) { create(x.second); })
    auto combineByKey(Create create, Add add, Merge merge, Partitioning partitioning = {},
                      Where where = Where::current()) const {
        using C = detail::CombinedOf<Create, typename Owned::second_type>;
        return made<std::pair<typename Owned::first_type, C>>(
            "combineByKey", where, [create, add, merge, partitioning, where](const auto& rdd) {
                return rdd.combineByKey(create, add, merge, partitioning, where);
            });
    }
    auto groupByKey(Partitioning partitioning = {}, Where where = Where::current()) const
        requires AnyPair<T>
    {
        using Group = std::pair<typename Owned::first_type, std::vector<typename Owned::second_type>>;
        return made<Group>("groupByKey", where,
                           [partitioning, where](const auto& rdd) { return rdd.groupByKey(partitioning, where); });
    }
    DStream<Owned> distinct(Where where = Where::current()) const {
        return made<Owned>("distinct", where, [where](const auto& rdd) { return RDD<Owned>(rdd.distinct(0, where)); });
    }
    /// How often each value occurs in the batch.
    DStream<std::pair<Owned, long>> countByValue(Where where = Where::current()) const {
        return map(withOne, where).reduceByKey(std::plus<>(), {}, where);
    }
    /// One element per batch: how many it has, 0 for an empty one.
    DStream<long> count(Where where = Where::current()) const {
        return made<long>("count", where, [where](const auto& rdd) { return detail::countOf(rdd, where); });
    }
    /// The combination of a batch's elements; nothing for an empty batch.
    template <class F>
        requires std::invocable<F&, const owned_t<T>&, const owned_t<T>&>
    DStream<Owned> reduce(F f, Where where = Where::current()) const {
        return made<Owned>("reduce", where, [f, where](const auto& rdd) {
            return RDD<Owned>(rdd.map(detail::WithSameKey{}, where).reduceByKey(f, 1, where).values(where));
        });
    }
    /// The elements of this batch, then those of the other stream's. (`union` is a reserved word.)
    ///
    /// Errors: UsageError where the two differ in slide or context
    template <class U, class R>
        requires std::same_as<owned_t<U>, owned_t<T>>
    DStream<Owned> unionWith(const DStream<U, R>& other, Where where = Where::current()) const {
        return transformPair<RDD<Owned>>("union", other, where,
                                         [where](const auto& a, const auto& b, Time) { return a.unionWith(b, where); });
    }
    /// All pairs of values that both streams have for a key in the same batch. To join with earlier batches, join with
    /// `window(length)`.
    ///
    /// Errors: UsageError where the two differ in slide or context
    template <class U, class R>
        requires detail::SameKeys<T, U>
    auto join(const DStream<U, R>& other, Partitioning partitioning = {}, Where where = Where::current()) const {
        return joined<detail::JoinStep>(other, partitioning, where);
    }
    /// All pairs of values that the batch and the RDD have for a key.
    ///
    /// Cost:   the RDD moves in every batch, unless it is partitioned as the result is: give it and this the same
    ///         partitioner, and cache it
    template <class U, class P>
        requires detail::SameKeys<T, U>
    auto join(const RDD<U, P>& table, Partitioning partitioning = {}, Where where = Where::current()) const {
        return joined<detail::JoinStep>(table, partitioning, where);
    }
    /// As join, and `(K, (V, nullopt))` for each value whose key the other stream does not have in the batch.
    template <class U, class R>
        requires detail::SameKeys<T, U>
    auto leftOuterJoin(const DStream<U, R>& other, Partitioning partitioning = {},
                       Where where = Where::current()) const {
        return joined<detail::LeftOuterJoinStep>(other, partitioning, where);
    }
    /// The same with an RDD.
    template <class U, class P>
        requires detail::SameKeys<T, U>
    auto leftOuterJoin(const RDD<U, P>& table, Partitioning partitioning = {}, Where where = Where::current()) const {
        return joined<detail::LeftOuterJoinStep>(table, partitioning, where);
    }
    /// As join, and `(K, (nullopt, W))` for each of the other stream's values whose key this does not have in the
    /// batch.
    template <class U, class R>
        requires detail::SameKeys<T, U>
    auto rightOuterJoin(const DStream<U, R>& other, Partitioning partitioning = {},
                        Where where = Where::current()) const {
        return joined<detail::RightOuterJoinStep>(other, partitioning, where);
    }
    /// The same with an RDD.
    template <class U, class P>
        requires detail::SameKeys<T, U>
    auto rightOuterJoin(const RDD<U, P>& table, Partitioning partitioning = {}, Where where = Where::current()) const {
        return joined<detail::RightOuterJoinStep>(table, partitioning, where);
    }
    /// As join, and the values of keys that only one of the two has in the batch, with nullopt for the other's.
    template <class U, class R>
        requires detail::SameKeys<T, U>
    auto fullOuterJoin(const DStream<U, R>& other, Partitioning partitioning = {},
                       Where where = Where::current()) const {
        return joined<detail::FullOuterJoinStep>(other, partitioning, where);
    }
    /// The same with an RDD.
    template <class U, class P>
        requires detail::SameKeys<T, U>
    auto fullOuterJoin(const RDD<U, P>& table, Partitioning partitioning = {}, Where where = Where::current()) const {
        return joined<detail::FullOuterJoinStep>(table, partitioning, where);
    }
    /// For each key of either, all its values in both streams in the same batch: `(K, (vector<V>, vector<W>))`.
    template <class U, class R>
        requires detail::SameKeys<T, U>
    auto cogroup(const DStream<U, R>& other, Partitioning partitioning = {}, Where where = Where::current()) const {
        return joined<detail::CogroupStep>(other, partitioning, where);
    }
    /// The same with an RDD.
    template <class U, class P>
        requires detail::SameKeys<T, U>
    auto cogroup(const RDD<U, P>& table, Partitioning partitioning = {}, Where where = Where::current()) const {
        return joined<detail::CogroupStep>(table, partitioning, where);
    }
    /// What `f(RDD<T>)` or `f(RDD<T>, Time)` makes of the RDD of each batch. `f` runs on the driver, once per batch,
    /// and may run jobs.
    template <class F>
        requires(std::invocable<F&, RDD<owned_t<T>>> || std::invocable<F&, RDD<owned_t<T>>, Time>)
    auto transform(F f, Where where = Where::current()) const;
    /// What `f(RDD<T>, RDD<U>)` or `f(RDD<T>, RDD<U>, Time)` makes of the RDDs of both streams.
    ///
    /// Errors: UsageError where the two differ in slide or context
    template <class U, class R, class F>
        requires(std::invocable<F&, RDD<owned_t<T>>, RDD<owned_t<U>>> ||
                 std::invocable<F&, RDD<owned_t<T>>, RDD<owned_t<U>>, Time>)
    auto transformWith(const DStream<U, R>& other, F f, Where where = Where::current()) const;

    // ---- windows

    /// The elements of the last `window`, once every `slide` (default: every batch).
    ///
    /// Units:  both are multiples of this stream's slide, not necessarily of each other
    /// Cost:   the batches of a window are kept in memory
    /// Errors: UsageError at the call where a duration is not a multiple
    DStream<Owned> window(Duration window, Duration slide = {}, Where where = Where::current()) const;
    /// Returns, for each key, the combination of its values over the last `window`, once every `slide` (default: every
    /// batch).
    ///
    /// Values are combined in the order of their batches, and by partition within a batch. A key that has no element in
    /// the window is not there.
    ///
    /// Shape:   DStream<pair<K, V>> -> DStream<pair<K, V>>; one RDD every `slide`; hash-partitioned
    /// Units:   `window` and `slide` are multiples of this stream's slide, not necessarily of each other
    /// Cost:    O(elements of the slide + keys in the window) per slide, however long the window is; memory for one
    /// combined value per key and pane, where a pane is as long as the greatest common divisor of window and slide
    /// Errors:  UsageError at the call where a duration is not a multiple; JobError where `combine` throws in every
    /// attempt
    /// Threads: `combine` runs concurrently; it must be pure and associative, not commutative
    /// Source:  Spark PairDStreamFunctions.reduceByKeyAndWindow; Zaharia et al., SOSP 2013, section 3.3; panes in two
    /// stacks: Tangwongsan, Hirzel, Schneider, DEBS 2017
    template <class F>
        requires(AnyPair<T> && requires(F& f, const owned_t<T>& x) { f(x.second, x.second); })
    DStream<owned_t<T>> reduceByKeyAndWindow(F combine, Duration window, Duration slide = {},
                                             Partitioning partitioning = {}, Where where = Where::current()) const {
        return reducedWindow("reduceByKeyAndWindow", std::move(combine), detail::KeepAll{}, window, slide,
                             std::move(partitioning), where);
    }
    /// The same. `inverse` is accepted for Spark's sake and not called: panes cost less than taking values out, keys
    /// that left the window are gone, and nothing drifts.
    template <class F, class G>
        requires(AnyPair<T> &&
                 requires(F& f, G& g, const owned_t<T>& x) {
                     f(x.second, x.second);
                     g(x.second, x.second);
                 })
    DStream<owned_t<T>> reduceByKeyAndWindow(F combine, G inverse, Duration window, Duration slide = {},
                                             Partitioning partitioning = {}, Where where = Where::current()) const {
        static_cast<void>(inverse);
        return reduceByKeyAndWindow(std::move(combine), window, slide, std::move(partitioning), where);
    }
    /// The same of those pairs of a key and its combination for which `filter` is true. What it leaves out stays in the
    /// window, and may come out again at a later slide.
    template <class F, class G, class P>
        requires(AnyPair<T> && std::predicate<P&, const owned_t<T>&> &&
                 requires(F& f, G& g, const owned_t<T>& x) {
                     f(x.second, x.second);
                     g(x.second, x.second);
                 })
    DStream<owned_t<T>> reduceByKeyAndWindow(F combine, G inverse, Duration window, Duration slide,
                                             Partitioning partitioning, P filter,
                                             Where where = Where::current()) const {
        static_cast<void>(inverse);
        static_assert(detail::RequireConst<P, const Owned&>::holds);
        return reducedWindow("reduceByKeyAndWindow", std::move(combine), std::move(filter), window, slide,
                             std::move(partitioning), where);
    }
    template <class F, class G, class P>
        requires(AnyPair<T> && std::predicate<P&, const owned_t<T>&> &&
                 requires(F& f, G& g, const owned_t<T>& x) {
                     f(x.second, x.second);
                     g(x.second, x.second);
                 })
    DStream<owned_t<T>> reduceByKeyAndWindow(F combine, G inverse, Duration window, Duration slide, P filter,
                                             Where where = Where::current()) const {
        return reduceByKeyAndWindow(std::move(combine), std::move(inverse), window, slide, Partitioning(),
                                    std::move(filter), where);
    }
    /// The combination of all elements of the last `window`; nothing where there are none.
    ///
    /// Shape:   one element or none every `slide`, in one partition
    /// Units, cost, errors: as for `reduceByKeyAndWindow`
    /// Source:  Spark DStream.reduceByWindow
    template <class F>
        requires std::invocable<F&, const owned_t<T>&, const owned_t<T>&>
    DStream<owned_t<T>> reduceByWindow(F combine, Duration window, Duration slide = {},
                                       Where where = Where::current()) const {
        return map(detail::WithSameKey{}, where)
            .reducedWindow("reduceByWindow", std::move(combine), detail::KeepAll{}, window, slide, 1, where)
            .values(where);
    }
    /// The same; `inverse` is not called.
    template <class F, class G>
        requires(std::invocable<F&, const owned_t<T>&, const owned_t<T>&> &&
                 std::invocable<G&, const owned_t<T>&, const owned_t<T>&>)
    DStream<owned_t<T>> reduceByWindow(F combine, G inverse, Duration window, Duration slide = {},
                                       Where where = Where::current()) const {
        static_cast<void>(inverse);
        return reduceByWindow(std::move(combine), window, slide, where);
    }
    /// One element every `slide`: how many the last `window` has, 0 where there are none.
    ///
    /// Source: Spark DStream.countByWindow, which gives nothing before the first element
    DStream<long> countByWindow(Duration window, Duration slide = {}, Where where = Where::current()) const {
        return map(detail::OneOfSameKey{}, where)
            .reducedWindow("countByWindow", std::plus<>(), detail::KeepAll{}, window, slide, 1, where)
            .mapPartitions(detail::CountOrZero{}, false, where);
    }
    /// How often each value occurs in the last `window`.
    ///
    /// Cost:   as for `reduceByKeyAndWindow`
    /// Source: Spark DStream.countByValueAndWindow
    DStream<std::pair<Owned, long>> countByValueAndWindow(Duration window, Duration slide = {},
                                                          Partitioning partitioning = {},
                                                          Where where = Where::current()) const {
        return map(withOne, where)
            .reducedWindow("countByValueAndWindow", std::plus<>(), detail::KeepAll{}, window, slide,
                           std::move(partitioning), where);
    }
    /// For each key all its values in the last `window`, in the order of their batches.
    ///
    /// Shape:  DStream<pair<K, V>> -> DStream<pair<K, vector<V>>>; hash-partitioned
    /// Cost:   O(elements of the window) per slide, which is what it gives; an element is shuffled once
    /// Source: Spark PairDStreamFunctions.groupByKeyAndWindow
    auto groupByKeyAndWindow(Duration window, Duration slide = {}, Partitioning partitioning = {},
                             Where where = Where::current()) const
        requires AnyPair<T>
    {
        partitioning = partitioningOf("groupByKeyAndWindow", std::move(partitioning), where);
        return made<Owned>("groupByKeyAndWindow", where,
                           [partitioning, where](const auto& rdd) { return rdd.partitionBy(partitioning, where); })
            .windowOf("groupByKeyAndWindow", window, slide, where)
            .groupByKey(partitioning, where);
    }

    // ---- late data

    /// Puts every record into the batch of its own time, `timeOf(record)`, and has batches wait `slack` for records
    /// that are on their way: all batches of the context run that much later than they would.
    ///
    /// A record that arrives after its batch has run is late: it is counted, and goes where `late` says. A time that
    /// lies after the record's arrival counts as its arrival.
    ///
    /// Shape:   DStream<T> -> DStream<T>, whose batch T has the records with times in (T - slide, T]
    /// Units:   `slack` is whole milliseconds, 0 or more
    /// Cost:    O(elements); those of batches to come wait in memory, and in the checkpoint directory where there is
    /// one Errors:  UsageError where `slack` is negative
    template <class F>
        requires std::is_invocable_r_v<Time, F&, const T&>
    EventTimeStream<owned_t<T>> withEventTime(F timeOf, Duration slack, LateRecords late = LateRecords::current,
                                              Where where = Where::current()) const;

    // ---- state

    /// Keeps a state per key: `update(arrived, state)` gives the new state of a key, or nothing to drop it.
    ///
    /// Called every batch for every key that has a state or arrived, with what arrived in this batch (a span, maybe
    /// empty) and the state (nothing for a new key). With `UpdatedKeys::touched` only for keys for which something
    /// arrived. The function may take the key before these, or the batch time, or both: `(Time, const K&, arrived,
    /// state)`. The state changes when the whole batch has succeeded, and not at all if it fails.
    ///
    /// Shape:   DStream<pair<K, V>> -> DStream<pair<K, S>>: the state of all keys after each batch; hash-partitioned
    /// Cost:    O(keys with a state + elements) per batch; O(elements) with `UpdatedKeys::touched`
    /// Errors:  JobError where `update` throws in every attempt; UsageError where the states are to be in RocksDB and
    ///          cannot be stored, at the start without a checkpoint directory
    /// Threads: `update` runs concurrently for different keys; the stream's `stateView` may be asked from any thread
    /// Source:  Spark PairDStreamFunctions.updateStateByKey
    template <class F>
        requires(AnyPair<T> && detail::NamesItsState<F>)
    auto updateStateByKey(F update, Partitioning partitioning = {}, UpdatedKeys which = UpdatedKeys::all,
                          StateBackend backend = StateBackend::asConfigured, Where where = Where::current()) const {
        return updateStateByKey<typename detail::StateOf<F>::type>(std::move(update), std::move(partitioning), which,
                                                                   backend, where);
    }
    /// The same with the state's type named, for generic functions: `updateStateByKey<long>(f)`.
    template <class S, class F>
        requires(AnyPair<T> && detail::StateUpdate<F, owned_t<T>, S>)
    StateDStream<typename detail::PairTypes<owned_t<T>>::Key, S>
    updateStateByKey(F update, Partitioning partitioning = {}, UpdatedKeys which = UpdatedKeys::all,
                     StateBackend backend = StateBackend::asConfigured, Where where = Where::current()) const {
        return updatedState<S>(std::move(update), std::move(partitioning), {}, which, backend, where);
    }
    /// The same with states before the first batch, an RDD of pairs; of several for a key the last counts. It tells the
    /// state's type.
    template <class F, class U, class P>
        requires(AnyPair<T> && AnyPair<U> &&
                 detail::StateUpdate<F, owned_t<T>, typename detail::PairTypes<owned_t<U>>::Value>)
    StateDStream<typename detail::PairTypes<owned_t<T>>::Key, typename detail::PairTypes<owned_t<U>>::Value>
    updateStateByKey(F update, Partitioning partitioning, const RDD<U, P>& initialState,
                     UpdatedKeys which = UpdatedKeys::all, StateBackend backend = StateBackend::asConfigured,
                     Where where = Where::current()) const {
        return updatedState<typename detail::PairTypes<owned_t<U>>::Value>(
            std::move(update), std::move(partitioning), initialState.erased(), which, backend, where);
    }
    /// Maps every record with the state of its key, which the function of `spec` reads and changes: sessions, alarms,
    /// running figures.
    ///
    /// Called once per record, for each key in the order of arrival, and once for a key that times out; never for keys
    /// for which nothing arrived. The states change when the whole batch has succeeded, and not at all if it fails.
    ///
    /// Shape:   DStream<pair<K, V>> -> DStream<M>: what the function emitted; `stateSnapshots()` has all states
    /// Cost:    O(elements + keys that time out) per batch
    /// Errors:  JobError where the function throws in every attempt
    /// Threads: the function runs concurrently for different keys; `stateView` may be asked from any thread
    /// Source:  Spark PairDStreamFunctions.mapWithState
    template <class S, class F, class Initial>
    auto mapWithState(StateSpecOf<S, F, Initial> spec, Where where = Where::current()) const;
    /// `mapWithState(StateSpec::function(f))`
    template <class F>
        requires(AnyPair<T> && requires { typename detail::MappedStateOf<F>::type; })
    auto mapWithState(F f, Where where = Where::current()) const {
        return mapWithState(StateSpec::function(std::move(f)), where);
    }

    // ---- outputs

    /// Calls `f(RDD<T>)`, `f(RDD<T>, Time)` or `f(RDD<T>, const BatchContext&)` for every batch, on the thread that
    /// runs the batches; it must call an action to do anything.
    ///
    /// With a checkpoint directory a batch that a crash has interrupted is run again with the same id, time and input,
    /// so `f` is called at least once for each; what it writes is there once if it tells batches by their ids.
    ///
    /// Source: Spark DStream.foreachRDD
    template <class F>
        requires detail::BatchFunction<F, RDD<owned_t<T>>>
    void foreachRDD(F f, Where where = Where::current()) const;
    /// Prints the first `limit` elements of every batch to standard output, in Spark's form.
    void print(long limit = 10, Where where = Where::current()) const
        requires Printable<T>
    {
        // For people, who see the same batch twice and think nothing of it.
        output(
            "print", where,
            [limit, where](const auto& rdd, const BatchContext& batch) {
                detail::printFirst(rdd, limit, batch.time, where);
            },
            false);
    }
    /// Writes every batch into a directory of its own, `prefix-<milliseconds>[.suffix]`; one that is there already is
    /// replaced.
    void saveAsTextFiles(std::string prefix, std::string suffix = "", Where where = Where::current()) const
        requires Printable<T>
    {
        output("saveAsTextFiles", where,
               [prefix = std::move(prefix), suffix = std::move(suffix), where](const auto& rdd,
                                                                               const BatchContext& batch) {
                   rdd.saveText(detail::batchDirectory(prefix, suffix, batch.time), true, where);
               });
    }

    // ---- for the library

    const Recipe& recipe() const {
        if (!record_) [[unlikely]]
            throw UsageError(
                "this DStream is a handle to nothing: assign it a stream of a StreamingContext before it is used");
        return recipe_;
    }

  private:
    template <class U, class R> friend class DStream;

    std::shared_ptr<detail::StreamCore> open(const char* operation, Where where) const {
        auto core = recipe().root()->core();
        core->requireOpen(operation, where);
        return core;
    }
    template <class MakeStep> auto step(const char* operation, Where where, MakeStep makeStep) const {
        open(operation, where);
        using Next = detail::StepRecipe<Recipe, decltype(makeStep())>;
        using U = typename Next::RddType::value_type;
        return DStream<U, Next>(Next(recipe(), makeStep()));
    }
    template <class U, class Make>
    DStream<U> node(const char* operation, Where where, Duration slide, std::vector<detail::StreamNodePtr> parents,
                    Make make) const {
        auto core = open(operation, where);
        using Node = detail::ComputedNode<RDD<U>, Make>;
        return DStream<U>(detail::NodeRecipe<detail::StreamNode<RDD<U>>>(detail::share<detail::StreamNode<RDD<U>>>(
            new Node(core, CallSite{operation, where}, slide, std::move(parents), std::move(make)))));
    }
    /// A node that applies a function of the library's to the RDD of each batch.
    template <class U, class Apply> DStream<U> made(const char* operation, Where where, Apply apply) const {
        return node<U>(operation, where, slideDuration(), {recipe().root()},
                       [recipe = recipe(), apply](Time time) -> std::optional<RDD<U>> {
                           auto rdd = recipe(time);
                           if (!rdd) return std::nullopt;
                           return RDD<U>(apply(*rdd));
                       });
    }
    template <class Rdd, class U, class R, class Apply>
    DStream<typename Rdd::value_type> transformPair(const char* operation, const DStream<U, R>& other, Where where,
                                                    Apply apply) const;
    template <class Join, class U, class R>
    auto joined(const DStream<U, R>& other, const Partitioning& partitioning, Where where) const;
    template <class Join, class U, class P>
    auto joined(const RDD<U, P>& table, const Partitioning& partitioning, Where where) const;
    template <class S, class F>
    auto updatedState(F update, Partitioning partitioning,
                      std::optional<RDD<std::pair<typename detail::PairTypes<Owned>::Key, S>>> initial,
                      UpdatedKeys which, StateBackend backend, Where where) const
        -> StateDStream<typename detail::PairTypes<Owned>::Key, S>;
    DStream<Owned> windowOf(const char* operation, Duration window, Duration slide, Where where) const;
    template <class F, class Filter>
    DStream<Owned> reducedWindow(const char* operation, F combine, Filter filter, Duration window, Duration slide,
                                 Partitioning partitioning, Where where) const;
    /// What was asked for, or a partitioner that is the same for every batch.
    Partitioning partitioningOf(const char* operation, Partitioning wanted, Where where) const {
        if (wanted.get()) return wanted;
        return HashPartitioner(open(operation, where)->context().defaultParallelism(), where);
    }
    template <class Use> void output(const char* operation, Where where, Use use, bool needsSameBatch = true) const;

    std::shared_ptr<detail::StreamRecord> record_;
    Recipe recipe_;
};

/// What `withEventTime` gives: the stream itself, and what came too late for it.
template <class T> class EventTimeStream : public DStream<T> {
  public:
    EventTimeStream(DStream<T> stream, DStream<T> late, std::shared_ptr<const std::atomic<long>> lateRecords)
        : DStream<T>(std::move(stream)),
          late_(std::move(late)),
          lateRecords_(std::move(lateRecords)) {}
    /// With LateRecords::side, the late records of each batch; empty otherwise.
    const DStream<T>& late() const { return late_; }
    /// How many have come too late so far. May be called from any thread.
    long lateRecords() const { return lateRecords_->load(std::memory_order_relaxed); }

  private:
    DStream<T> late_;
    std::shared_ptr<const std::atomic<long>> lateRecords_;
};

} // namespace rivulet

#include "rivulet/stream/operations.h"
#include "rivulet/stream/state/stream.h"
