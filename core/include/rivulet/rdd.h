#pragma once

#include "rivulet/rdd/actions.h"
#include "rivulet/rdd/adapters.h"
#include "rivulet/rdd/operations/async.h"
#include "rivulet/rdd/operations/combining.h"
#include "rivulet/rdd/operations/keyed.h"
#include "rivulet/rdd/operations/sampling.h"
#include "rivulet/rdd/operations/summaries.h"
#include "rivulet/rdd/partitions.h"
#include "rivulet/rdd/source.h"
#include "rivulet/rdd/text_format.h"
#include "rivulet/shuffle/aggregate.h"
#include "rivulet/shuffle/cogroup.h"
#include "rivulet/shuffle/combination.h"
#include "rivulet/shuffle/exchange.h"
#include "rivulet/shuffle/product.h"
#include "rivulet/shuffle/sort.h"

#include <functional>

namespace rivulet {

/// The elements of all parts, in order; of no part, an RDD without partitions cannot be told its context: use
/// `Context::unionAll`.
template <class T>
RDD<T> unionAll(const std::vector<RDD<T>>& parts, std::source_location where = std::source_location::current());

/// A lazy, typed, partitioned collection that knows how it was computed.
///
/// Five properties define it, as in Spark: its partitions, how to compute one of them, what it depends on, by what its
/// keys are partitioned (if at all), and where it is kept. Nothing is computed before an action (`collect`, `count`,
/// ...) asks.
///
/// `RDD<T, Pipe>` is a chain of narrow operators that a task runs as one inlined loop; every operator returns a new
/// type. `RDD<T>` is the handle that forgets the chain's type: every chain over T converts to it, and moves chunks of
/// elements there, never single ones. Results of shuffles and of `cache` are such handles. A chain may carry views
/// (`std::string_view`); a handle's elements own their bytes.
///
/// Functions are called as const, concurrently, and again where a task is repeated. An RDD must not be used inside of
/// another's function.
///
/// Threads: immutable; may be copied, used and destroyed from any thread
/// Source:  Spark RDD; Zaharia et al., NSDI 2012
template <class T, class Pipe>
class RDD : public detail::CombiningOperations<RDD<T, Pipe>, T>,
            public detail::KeyedOperations<RDD<T, Pipe>, T>,
            public detail::SamplingOperations<RDD<T, Pipe>, T>,
            public detail::SummaryOperations<RDD<T, Pipe>, T>,
            public detail::AsyncOperations<RDD<T, Pipe>, T> {
  public:
    using value_type = T;
    using Owned = owned_t<T>;
    using Where = std::source_location;
    static constexpr bool kErased = detail::kIsErased<Pipe>;

    /// A handle to nothing, to be assigned later; using it is a UsageError.
    RDD()
    requires kErased = default;
    RDD(detail::LineagePtr lineage, const Pipe& pipe) : lineage_(std::move(lineage)), pipe_(pipe) {}
    /// The type-erased handle of a chain, by itself wherever an `RDD<T>` is named.
    template <class U, class P>
        requires(kErased && !detail::kIsErased<P> && std::same_as<owned_t<U>, T>)
    RDD(const RDD<U, P>& chain) : RDD(chain.erased()) {}

    // ---- what it is

    int id() const { return lineage().id(); }
    std::string name() const { return lineage().name(); }
    const RDD& setName(std::string name) const {
        lineage().setName(std::move(name));
        return *this;
    }
    /// Errors: IoError where the partitions follow from files that cannot be listed
    int getNumPartitions() const {
        detail::checkedLineage(lineage_);
        return pipe_.partitions();
    }
    std::shared_ptr<const Partitioner> partitioner() const { return lineage().partitioner(); }
    StorageLevel getStorageLevel() const { return lineage().storageLevel(); }
    /// The lineage as text, an RDD a line, indented at every shuffle, in Spark's form.
    std::string toDebugString() const { return detail::debugString(lineage(), getNumPartitions()); }

    /// The type-erased handle: equal chains give the same one.
    RDD<Owned> erased() const {
        if constexpr (kErased) {
            return *this;
        } else {
            auto node = lineage().nodeOr([&] { return detail::makeNode<detail::PipeNode<Pipe>>(lineage_, pipe_); });
            return RDD<Owned>(lineage_, detail::ErasedPipe<Owned>(std::move(node)));
        }
    }

    // ---- kept between jobs

    /// Keeps the partitions that jobs compute from now on in memory. Returns the handle to use from here on: a chain
    /// that was fused already does not look into the cache.
    ///
    /// Errors: UsageError where another level is set already
    /// Source: Spark RDD.persist
    [[nodiscard("only the returned handle reads the cached partitions")]] RDD<Owned>
    persist(StorageLevel level = StorageLevel::MEMORY_ONLY) const
        requires(!kErased)
    {
        auto handle = erased();
        handle.persist(level);
        return handle;
    }
    RDD<Owned> persist(StorageLevel level = StorageLevel::MEMORY_ONLY) const
        requires kErased
    {
        lineage().setStorageLevel(level);
        return *this;
    }
    /// `persist(StorageLevel::MEMORY_ONLY)`.
    [[nodiscard("only the returned handle reads the cached partitions")]] RDD<Owned> cache() const
        requires(!kErased)
    {
        return persist();
    }
    RDD<Owned> cache() const
        requires kErased
    {
        return persist();
    }
    /// Gives the kept partitions up; the RDD is computed again where it is needed.
    const RDD& unpersist() const {
        lineage().setStorageLevel(StorageLevel::NONE);
        return *this;
    }

    // ---- narrow transformations

    /// `f` of every element.
    template <class F>
        requires detail::Callable<F&, const T&>
    auto map(F f, Where where = Where::current()) const {
        static_assert(detail::RequireConst<F, const T&>::holds);
        using U = std::remove_cvref_t<detail::call_result_t<F&, const T&>>;
        static_assert(!std::is_void_v<U>, "map's function returns nothing; use foreach for its effect");
        return narrow<detail::MapSink, U>("map", where, nullptr, std::move(f));
    }
    /// The elements of the ranges that `f` gives, one after the other. A range with a member `each(sink)` pushes its
    /// elements itself.
    template <class F>
        requires detail::Callable<F&, const T&>
    auto flatMap(F f, Where where = Where::current()) const {
        static_assert(detail::RequireConst<F, const T&>::holds);
        using U = typename detail::RangeElement<std::remove_cvref_t<detail::call_result_t<F&, const T&>>>::type;
        return narrow<detail::FlatMapSink, U>("flatMap", where, nullptr, std::move(f));
    }
    /// The elements for which `f` is true. Keeps the partitioner.
    template <class F>
        requires detail::Deciding<F&, const T&>
    auto filter(F f, Where where = Where::current()) const {
        static_assert(detail::RequireConst<F, const T&>::holds);
        return narrow<detail::FilterSink, T>("filter", where, detail::checkedLineage(lineage_).partitioner(),
                                             std::move(f));
    }
    /// The elements of the range that `f(PartitionElements<T>)` gives for each partition; called once for each, the
    /// empty ones too.
    template <class F>
        requires std::invocable<F&, PartitionElements<owned_t<T>>>
    auto mapPartitions(F f, bool preservesPartitioning = false, Where where = Where::current()) const {
        static_assert(detail::RequireConst<F, PartitionElements<Owned>>::holds);
        return partitionwise("mapPartitions", where, preservesPartitioning,
                             detail::WithoutIndex<F>{detail::Function<F>(std::move(f))});
    }
    /// The same with the partition's index: `f(int, PartitionElements<T>)`.
    template <class F>
        requires std::invocable<F&, int, PartitionElements<owned_t<T>>>
    auto mapPartitionsWithIndex(F f, bool preservesPartitioning = false, Where where = Where::current()) const {
        static_assert(detail::RequireConst<F, int, PartitionElements<Owned>>::holds);
        return partitionwise("mapPartitionsWithIndex", where, preservesPartitioning, std::move(f));
    }
    /// The elements of each partition as one vector; an empty vector for an empty partition.
    ///
    /// Shape:  RDD<T> -> RDD<vector<T>>, as many elements as partitions
    /// Cost:   holds a whole partition
    /// Source: Spark RDD.glom
    auto glom(Where where = Where::current()) const {
        return partitionwise("glom", where, false, detail::AllElements<Owned>{});
    }
    /// `(f(x), x)` for every element x.
    template <class F>
        requires detail::Callable<F&, const T&>
    auto keyBy(F f, Where where = Where::current()) const {
        static_assert(detail::RequireConst<F, const T&>::holds);
        using K = std::remove_cvref_t<detail::call_result_t<F&, const T&>>;
        return narrow<detail::MapSink, std::pair<K, T>>("keyBy", where, nullptr,
                                                        detail::WithKey<F>{detail::Function<F>(std::move(f))});
    }
    auto keys(Where where = Where::current()) const
        requires AnyPair<T>
    {
        return narrow<detail::MapSink, typename T::first_type>("keys", where, nullptr, detail::TakeKey{});
    }
    auto values(Where where = Where::current()) const
        requires AnyPair<T>
    {
        return narrow<detail::MapSink, typename T::second_type>("values", where, nullptr, detail::TakeValue{});
    }
    /// `f` of every value. Keeps the partitioner.
    template <class F>
        requires(AnyPair<T> && requires(F& f, const T& x) { f(x.second); })
    auto mapValues(F f, Where where = Where::current()) const {
        static_assert(detail::RequireConst<F, decltype((std::declval<const T&>().second))>::holds);
        using Adapter = detail::MapValue<F>;
        return narrow<detail::MapSink, typename Adapter::template result<T>>(
            "mapValues", where, lineage().partitioner(), Adapter{detail::Function<F>(std::move(f))});
    }
    /// The key with each element of the range that `f` gives for its value. Keeps the partitioner.
    ///
    /// Shape:  RDD<pair<K, V>> -> RDD<pair<K, U>>
    /// Source: Spark PairRDDFunctions.flatMapValues
    template <class F>
        requires(AnyPair<T> && requires(F& f, const T& x) { f(x.second); })
    auto flatMapValues(F f, Where where = Where::current()) const {
        static_assert(detail::RequireConst<F, decltype((std::declval<const T&>().second))>::holds);
        return narrow<detail::FlatMapValuesSink, detail::FlatMappedValue<F, T>>("flatMapValues", where,
                                                                                lineage().partitioner(), std::move(f));
    }
    /// The elements of both, duplicates included: the other's partitions follow this one's. Where both are partitioned
    /// by equal partitioners, partition i holds the i-th of both and the partitioner is kept. (`union` is a reserved
    /// word.)
    template <class U, class P>
        requires std::same_as<owned_t<U>, owned_t<T>>
    RDD<Owned> unionWith(const RDD<U, P>& other, Where where = Where::current()) const {
        return unionAll(std::vector<RDD<Owned>>{erased(), other.erased()}, where);
    }

    // ---- shuffles

    /// Every element once.
    ///
    /// Shape:  hash-partitioned into as many partitions as before (or `numPartitions`); no shuffle where this is
    /// partitioned already Errors: does not compile where T is no Key
    auto distinct(int numPartitions = 0, Where where = Where::current()) const;
    /// The elements dealt out evenly over `numPartitions` partitions.
    ///
    /// Errors: UsageError where `numPartitions` is below 1
    RDD<Owned> repartition(int numPartitions, Where where = Where::current()) const;
    /// The pairs, partitioned by `partitioner` (or by hash into that many partitions); this RDD itself where it is
    /// already.
    RDD<Owned> partitionBy(Partitioning partitioning, Where where = Where::current()) const
        requires AnyPair<T>
    {
        return routed(partitioning, where);
    }

    /// For each key the combination of its values by `combine`, on each partition first and then across them.
    ///
    /// Shape:   RDD<pair<K, V>> -> RDD<pair<K, V>>, partitioned by `partitioning` (default: Spark's rule); no shuffle
    /// where it is already Cost:    one look-up per element, by view; memory for the distinct keys of each partition
    /// Errors:  JobError where `combine` throws; does not compile where K is no Key
    /// Threads: `combine` runs concurrently; it must be associative. Values are combined in the order of partitions
    /// Source:  Spark PairRDDFunctions.reduceByKey
    template <class F>
        requires(AnyPair<T> && requires(F& f, const owned_t<T>& x) { f(x.second, x.second); })
    auto reduceByKey(F combine, Partitioning partitioning = {}, Where where = Where::current()) const {
        using V = typename Owned::second_type;
        static_assert(detail::RequireConst<F, const V&, const V&>::holds);
        return aggregateBy("reduceByKey", where, choosePartitioner(partitioning),
                           [&](const detail::OperatorSite& site) {
                               return detail::Reduction<V, F>(detail::Function<F>(std::move(combine)), site);
                           });
    }
    /// For each key what its values become: `create(first)`, then `add(combined, next)` on each partition, and
    /// `merge(combined, other)` across them. `add` and `merge` may return the new value, or change the first argument
    /// in place and return nothing.
    ///
    /// Shape:   RDD<pair<K, V>> -> RDD<pair<K, C>>, where `create` returns C; partitioned as by reduceByKey
    /// Cost:    as reduceByKey
    /// Errors:  JobError where a function throws; does not compile where K is no Key
    /// Threads: the functions run concurrently; values are combined in the order of partitions
    /// Source:  Spark PairRDDFunctions.combineByKey
    template <class Create, class Add, class Merge>
        requires(AnyPair<T> && requires(Create& create, const owned_t<T>& x) { create(x.second); } &&
                 std::invocable<Add&, detail::CombinedOf<Create, typename detail::PairTypes<owned_t<T>>::Value>&,
                                const typename detail::PairTypes<owned_t<T>>::Value&> &&
                 std::invocable<Merge&, detail::CombinedOf<Create, typename detail::PairTypes<owned_t<T>>::Value>&,
                                const detail::CombinedOf<Create, typename detail::PairTypes<owned_t<T>>::Value>&>)
    auto combineByKey(Create create, Add add, Merge merge, Partitioning partitioning = {},
                      Where where = Where::current()) const {
        return combinedByKey("combineByKey", where, partitioning, std::move(create), std::move(add), std::move(merge));
    }
    /// For each key the fold of its values by `fold(value, element)`, begun with a copy of `zero`, and combined across
    /// partitions by `combine(value, value)`. Both may return the new value, or change the first argument in place and
    /// return nothing.
    ///
    /// `zero` counts once per key and partition that has it: let it be neutral.
    ///
    /// Shape:  RDD<pair<K, V>> -> RDD<pair<K, A>>
    /// Source: Spark PairRDDFunctions.aggregateByKey
    template <class A, class F, class G>
        requires(AnyPair<T> && std::invocable<F&, owned_t<A>&, const typename detail::PairTypes<owned_t<T>>::Value&> &&
                 std::invocable<G&, owned_t<A>&, const owned_t<A>&>)
    auto aggregateByKey(A zero, F fold, G combine, Partitioning partitioning = {},
                        Where where = Where::current()) const {
        using V = typename Owned::second_type;
        static_assert(detail::RequireConst<F, owned_t<A>&, const V&>::holds);
        return combinedByKey("aggregateByKey", where, partitioning,
                             detail::FoldFromZero<owned_t<A>, F>{detail::own(std::move(zero)), fold}, fold,
                             std::move(combine));
    }
    /// For each key the combination of `zero` and its values by `f(value, element)`, which may return the new value, or
    /// change the first argument in place and return nothing.
    ///
    /// `zero` counts once per key and partition that has it: let it be neutral.
    ///
    /// Shape:  RDD<pair<K, V>> -> RDD<pair<K, V>>
    /// Source: Spark PairRDDFunctions.foldByKey
    template <class A, class F>
        requires(AnyPair<T> && std::convertible_to<A, typename detail::PairTypes<owned_t<T>>::Value> &&
                 std::invocable<F&, typename detail::PairTypes<owned_t<T>>::Value&,
                                const typename detail::PairTypes<owned_t<T>>::Value&>)
    auto foldByKey(A zero, F f, Partitioning partitioning = {}, Where where = Where::current()) const {
        using V = typename Owned::second_type;
        return combinedByKey("foldByKey", where, partitioning, detail::FoldFromZero<V, F>{V(std::move(zero)), f}, f, f);
    }
    /// For each key all its values, in the order of partitions.
    ///
    /// Shape:  RDD<pair<K, V>> -> RDD<pair<K, vector<V>>>
    /// Cost:   every value is moved and held; use reduceByKey where the values of a key become one
    auto groupByKey(Partitioning partitioning = {}, Where where = Where::current()) const
        requires AnyPair<T>
    {
        using V = typename Owned::second_type;
        return aggregateBy("groupByKey", where, choosePartitioner(partitioning),
                           [](const detail::OperatorSite&) { return detail::Grouping<V>{}; });
    }
    using detail::KeyedOperations<RDD, T>::cogroup; // of three and four
    /// For each key of either the values of both.
    ///
    /// Shape: (K, V) and (K, W) -> (K, (vector<V>, vector<W>))
    template <class U, class P>
        requires(AnyPair<T> && AnyPair<U> &&
                 std::same_as<typename owned_t<T>::first_type, typename owned_t<U>::first_type>)
    auto cogroup(const RDD<U, P>& other, Partitioning partitioning = {}, Where where = Where::current()) const {
        return cogroupWith("cogroup", other, partitioning, where);
    }
    /// All pairs of values that the two have for a key: `(K, (V, W))`. A side that is partitioned as the result is does
    /// not move.
    template <class U, class P>
        requires(AnyPair<T> && AnyPair<U> &&
                 std::same_as<typename owned_t<T>::first_type, typename owned_t<U>::first_type>)
    auto join(const RDD<U, P>& other, Partitioning partitioning = {}, Where where = Where::current()) const {
        return product<detail::InnerProduct>("join", other, partitioning, where);
    }
    /// As join, and `(K, (V, nullopt))` for each value whose key the other does not have.
    ///
    /// Shape:  (K, V) and (K, W) -> (K, (V, optional<W>))
    /// Source: Spark PairRDDFunctions.leftOuterJoin
    template <class U, class P>
        requires(AnyPair<T> && AnyPair<U> &&
                 std::same_as<typename owned_t<T>::first_type, typename owned_t<U>::first_type>)
    auto leftOuterJoin(const RDD<U, P>& other, Partitioning partitioning = {}, Where where = Where::current()) const {
        return product<detail::LeftOuterProduct>("leftOuterJoin", other, partitioning, where);
    }
    /// As join, and `(K, (nullopt, W))` for each of the other's values whose key this does not have.
    ///
    /// Shape:  (K, V) and (K, W) -> (K, (optional<V>, W))
    /// Source: Spark PairRDDFunctions.rightOuterJoin
    template <class U, class P>
        requires(AnyPair<T> && AnyPair<U> &&
                 std::same_as<typename owned_t<T>::first_type, typename owned_t<U>::first_type>)
    auto rightOuterJoin(const RDD<U, P>& other, Partitioning partitioning = {}, Where where = Where::current()) const {
        return product<detail::RightOuterProduct>("rightOuterJoin", other, partitioning, where);
    }
    /// As join, and the values of keys that only one of the two has, with nullopt for the other's.
    ///
    /// Shape:  (K, V) and (K, W) -> (K, (optional<V>, optional<W>))
    /// Source: Spark PairRDDFunctions.fullOuterJoin
    template <class U, class P>
        requires(AnyPair<T> && AnyPair<U> &&
                 std::same_as<typename owned_t<T>::first_type, typename owned_t<U>::first_type>)
    auto fullOuterJoin(const RDD<U, P>& other, Partitioning partitioning = {}, Where where = Where::current()) const {
        return product<detail::FullOuterProduct>("fullOuterJoin", other, partitioning, where);
    }
    /// The pairs whose key the other does not have, duplicates included.
    ///
    /// Shape:  partitioned as this is, or (where it is not) by hash into as many partitions
    /// Source: Spark PairRDDFunctions.subtractByKey
    template <class U, class P>
        requires(AnyPair<T> && AnyPair<U> &&
                 std::same_as<typename owned_t<T>::first_type, typename owned_t<U>::first_type>)
    auto subtractByKey(const RDD<U, P>& other, Partitioning partitioning = {}, Where where = Where::current()) const {
        if (!partitioning.get()) partitioning = partitioner();
        if (!partitioning.get()) partitioning = std::max(getNumPartitions(), 1);
        using Present = std::pair<typename U::first_type, detail::Nothing>; // the other's values need not move
        const auto present = other.template narrow<detail::MapSink, Present>(
            "subtractByKey", where, other.partitioner(), detail::WithoutValue<detail::Nothing>{});
        return product<detail::LeftOnly>("subtractByKey", present, partitioning, where);
    }
    /// The pairs in the order of their keys: partitions follow each other, and each is sorted. Equal keys keep their
    /// order.
    ///
    /// Cost:   a job that samples the keys runs at once; then one shuffle
    /// Source: Spark OrderedRDDFunctions.sortByKey
    template <class Less = std::less<>>
        requires(AnyPair<T> && requires(Less& less, const owned_t<T>& x) { static_cast<bool>(less(x.first, x.first)); })
    RDD<Owned> sortByKey(bool ascending = true, int numPartitions = 0, Less less = {},
                         Where where = Where::current()) const {
        auto site = detail::share(new detail::OperatorSite{CallSite{"sortByKey", where}, id()});
        return sortedBy(detail::Directed<Less>{std::move(less), ascending, std::move(site)}, numPartitions, where);
    }

    // ---- actions

    /// All elements, in the order of partitions.
    ///
    /// Errors: every action throws JobError where a user function threw in all attempts, and IoError where a file could
    /// not be read
    std::vector<Owned> collect(Where where = Where::current()) const;
    /// The pairs as a map; of several with the same key the last one counts.
    auto collectAsMap(Where where = Where::current()) const
        requires AnyPair<T>
    {
        detail::requireKey<KeyType>();
        KeyMap<KeyType, typename Owned::second_type> map;
        for (auto& [key, value] : collect(where)) map.insert_or_assign(std::move(key), std::move(value));
        return map;
    }
    long count(Where where = Where::current()) const;
    /// How often each value occurs.
    auto countByValue(Where where = Where::current()) const {
        detail::requireKey<Owned>();
        return narrow<detail::MapSink, std::pair<T, long>>("countByValue", where, nullptr,
                                                           detail::WithConstant<long>{1})
            .reduceByKey(std::plus<>(), {}, where)
            .collectAsMap(where);
    }
    /// The first element.
    ///
    /// Errors: UsageError "empty collection" where there is none
    Owned first(Where where = Where::current()) const {
        auto one = take(1, where);
        if (one.empty())
            throw UsageError("first: empty collection: RDD " + lineage().text() +
                                 " has no element; use take(1) where that may be",
                             where);
        return std::move(one.front());
    }
    /// The first `limit` elements, in the order of partitions; computes no more partitions than it needs to, and of
    /// those no more blocks.
    ///
    /// Cost:   jobs over 1, then 4 times as many partitions (`rivulet.rdd.limit.*`) until there are enough
    /// Source: Spark RDD.take
    std::vector<Owned> take(long limit, Where where = Where::current()) const;
    /// Whether there is no element; computes as little as `take(1)`.
    bool isEmpty(Where where = Where::current()) const { return getNumPartitions() == 0 || take(1, where).empty(); }
    /// The `limit` largest by `less`, the largest first; of equals the earlier comes first.
    template <class Less = std::less<>>
        requires std::predicate<Less&, const owned_t<T>&, const owned_t<T>&>
    std::vector<Owned> top(long limit, Less less = {}, Where where = Where::current()) const {
        return firstBy("top", limit, [&less](const Owned& a, const Owned& b) { return less(b, a); }, where);
    }
    /// The `limit` smallest by `less`, the smallest first; of equals the earlier comes first.
    template <class Less = std::less<>>
        requires std::predicate<Less&, const owned_t<T>&, const owned_t<T>&>
    std::vector<Owned> takeOrdered(long limit, Less less = {}, Where where = Where::current()) const {
        return firstBy("takeOrdered", limit, std::move(less), where);
    }
    /// The combination of all elements by `f`, in the order of partitions.
    ///
    /// Errors: UsageError "empty collection" where there is no element
    template <class F>
        requires std::invocable<F&, const owned_t<T>&, const owned_t<T>&>
    Owned reduce(F f, Where where = Where::current()) const;
    /// The combination of `zero` and all elements: `zero` counts once per partition and once more.
    template <class F>
        requires std::invocable<F&, const owned_t<T>&, const owned_t<T>&>
    Owned fold(Owned zero, F f, Where where = Where::current()) const;
    /// Folds each partition by `fold(value, element)`, then the results by `combine(value, value)`, in the order of
    /// partitions. Both may return the new value, or change the first argument in place and return nothing. `zero`
    /// counts once per partition and once more.
    template <class A, class F, class G>
        requires(std::invocable<F&, A&, const T&> && std::invocable<G&, A&, const A&>)
    A aggregate(A zero, F fold, G combine, Where where = Where::current()) const;
    /// Calls `f` for every element, on the threads of the tasks.
    template <class F>
        requires detail::Callable<F&, const T&>
    void foreach (F f, Where where = Where::current()) const {
        static_assert(detail::RequireConst<F, const T&>::holds);
        forEachElement(f, where);
    }
    /// Calls `f(PartitionElements<T>)` once for every partition, the empty ones too.
    template <class F>
        requires std::invocable<F&, PartitionElements<owned_t<T>>>
    void foreachPartition(F f, Where where = Where::current()) const {
        static_assert(detail::RequireConst<F, PartitionElements<Owned>>::holds);
        forEachPartition(f, where);
    }
    /// Writes one line per element into `directory`/part-00000 and so on, and `_SUCCESS` when all is there. A reader
    /// never sees half a part, and nothing but a directory `_temporary` is left where the job fails.
    ///
    /// Errors: IoError where the directory exists already, or cannot be written
    void saveAsTextFile(const std::string& directory, Where where = Where::current()) const
        requires Printable<T>
    {
        saveText(directory, false, where);
    }

    // ---- for the library

    const Pipe& pipe() const { return pipe_; }
    using detail::CombiningOperations<RDD, T>::pipe; // through a command
    const detail::LineagePtr& lineagePtr() const { return lineage_; }
    /// saveAsTextFile, optionally over what is there (a streaming batch that is repeated).
    void saveText(const std::string& directory, bool overwrite, Where where) const;

  private:
    template <class U, class P> friend class RDD;
    template <class Self, class U> friend class detail::CombiningOperations;
    template <class Self, class U> friend class detail::KeyedOperations;
    template <class Self, class U> friend class detail::SamplingOperations;
    template <class Self, class U> friend class detail::SummaryOperations;
    using KeyType = typename detail::PairTypes<Owned>::Key;
    using PartitionerPtr = std::shared_ptr<const Partitioner>;

    const detail::Lineage& lineage() const { return detail::checkedLineage(lineage_); }
    PartitionerPtr choosePartitioner(const Partitioning& wanted) const;

    template <template <class, class> class Sink, class U, class F>
    auto narrow(const char* operation, Where where, PartitionerPtr partitioner, F f) const;
    template <class F> auto partitionwise(const char* operation, Where where, bool preservesPartitioning, F f) const;
    template <class Make>
    auto aggregateBy(const char* operation, Where where, PartitionerPtr partitioner, const Make& makeAggregation,
                     bool inPlace = false) const;
    template <class Route>
    RDD<Owned> exchange(const char* operation, Where where, Route route, PartitionerPtr partitioner) const;
    RDD<Owned> routed(const Partitioning& partitioning, Where where) const;
    template <class U, class P>
    auto cogroupWith(const char* operation, const RDD<U, P>& other, const Partitioning& partitioning,
                     Where where) const;
    template <class Product, class U, class P>
    auto product(const char* operation, const RDD<U, P>& other, const Partitioning& partitioning, Where where) const;
    template <class Create, class Add, class Merge>
    auto combinedByKey(const char* operation, Where where, const Partitioning& partitioning, Create create, Add add,
                       Merge merge) const;
    template <class Less> RDD<Owned> sortedBy(Less less, int numPartitions, Where where) const;
    template <class Less>
    RDD<Owned> sortedInto(const char* operation, PartitionerPtr partitioner, Less less, Where where) const;

    template <class Result, class Task>
    std::vector<Result> run(const char* operation, Where where, const Task& task) const;
    std::vector<long> countPartitions(const char* operation, Where where, int partitions = -1) const;
    template <class Before>
    std::vector<Owned> firstBy(const char* operation, long limit, const Before& before, Where where) const;
    template <class F> void forEachElement(const F& f, Where where) const;
    template <class F> void forEachPartition(const F& f, Where where) const;

    detail::LineagePtr lineage_;
    Pipe pipe_;
};

} // namespace rivulet

#include "rivulet/rdd/operations.h"
