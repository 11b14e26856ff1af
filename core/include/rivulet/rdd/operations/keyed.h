#pragma once

#include "rivulet/rdd/actions.h"
#include "rivulet/rdd/operations/cogrouped.h"
#include "rivulet/rdd/operations/statistics.h"
#include "rivulet/rdd/operations/zipped_pipe.h"
#include "rivulet/shuffle/sort.h"

namespace rivulet::detail {

/// Finds the elements of one key and keeps their values.
template <class K, class V> struct LookupSink {
    const K& key;
    Rows<V>& values;
    template <class X> void operator()(X&& x) {
        if (sameKey<K>(own(std::as_const(x.first)), key)) values.push_back(own(std::forward<X>(x).second));
    }
};

/// Whether a key lies between two, both included.
template <class K, class Less> struct WithinKeys {
    K lower, upper;
    Less less;
    template <class X> bool operator()(const X& x) const { return !less(x.first, lower) && !less(upper, x.first); }
};

/// The operations of RDDs of pairs beyond aggregation and joins, and those that make keys on their way.
template <class Self, class T> class KeyedOperations {
    using Where = std::source_location;
    const Self& self() const { return static_cast<const Self&>(*this); }
    using K = KeyTypeOf<T>;
    using V = ValueTypeOf<T>;

  public:
    /// For each value that `f` has for some element all elements for which it has it: `keyBy(f).groupByKey()`.
    ///
    /// Shape:  RDD<T> -> RDD<pair<K, vector<T>>>, where `f` returns K
    /// Source: Spark RDD.groupBy
    template <class F>
        requires std::invocable<F&, const T&>
    auto groupBy(F f, Partitioning partitioning = {}, Where where = Where::current()) const {
        return self().keyBy(std::move(f), where).groupByKey(partitioning, where);
    }
    /// The elements in the order of what `f` gives for them; equals keep their order.
    ///
    /// Cost:   as sortByKey: a job that samples the keys runs at once; then one shuffle
    /// Source: Spark RDD.sortBy
    template <class F, class Less = std::less<>>
        requires std::invocable<F&, const T&>
    auto sortBy(F f, bool ascending = true, int numPartitions = 0, Less less = {},
                Where where = Where::current()) const {
        return self()
            .keyBy(std::move(f), where)
            .sortByKey(ascending, numPartitions, std::move(less), where)
            .values(where);
    }
    /// The pairs partitioned by `partitioning`, each partition in the order of the keys; equal keys keep their order.
    /// Cheaper than sorting what `partitionBy` gave.
    ///
    /// Cost:   one shuffle; none where it is partitioned so already
    /// Source: Spark OrderedRDDFunctions.repartitionAndSortWithinPartitions
    template <class Less = std::less<>>
        requires(AnyPair<T> && requires(Less& less, const owned_t<T>& x) { static_cast<bool>(less(x.first, x.first)); })
    RDD<owned_t<T>> repartitionAndSortWithinPartitions(Partitioning partitioning, Less less = {},
                                                       Where where = Where::current()) const {
        requireKey<K>();
        const char* operation = "repartitionAndSortWithinPartitions";
        auto site = detail::share(new OperatorSite{CallSite{operation, where}, self().id()});
        Directed<Less> directed{std::move(less), true, std::move(site)};
        const auto partitioner = self().choosePartitioner(partitioning);
        if (const auto kept = self().partitioner(); kept && kept->equals(*partitioner)) {
            using Pipe = std::remove_cvref_t<decltype(self().pipe())>;
            auto made = lineageAfterNarrow(self().lineagePtr(), Self::kErased, operation, where, partitioner);
            auto node = makeNode<SortedInPlaceNode<Pipe, Directed<Less>>>(made, self().pipe(), std::move(directed));
            return RDD<owned_t<T>>(std::move(made), ErasedPipe<owned_t<T>>(std::move(node)));
        }
        return self().sortedInto(operation, partitioner, std::move(directed), where);
    }
    /// The pairs whose keys lie between `lower` and `upper`, both included. Of what `sortByKey` gave, the partitions
    /// that cannot have such keys are not computed.
    ///
    /// Source: Spark OrderedRDDFunctions.filterByRange
    template <class A, class B, class Less = std::less<>>
        requires(AnyPair<T> && std::convertible_to<A, KeyTypeOf<T>> && std::convertible_to<B, KeyTypeOf<T>> &&
                 requires(Less& less, const owned_t<T>& x) { static_cast<bool>(less(x.first, x.first)); })
    auto filterByRange(A lower, B upper, Less less = {}, Where where = Where::current()) const {
        WithinKeys<K, Less> within{K(std::move(lower)), K(std::move(upper)), std::move(less)};
        PartitionSpan span{0, self().getNumPartitions()};
        const auto* ranges = dynamic_cast<const RangePartitioner<K, Directed<Less>>*>(self().partitioner().get());
        if (ranges) {
            const int a = ranges->partitionOf(within.lower), b = ranges->partitionOf(within.upper);
            span = {std::min(a, b), std::max(a, b) + 1};
        }
        using Pipe = std::remove_cvref_t<decltype(self().pipe())>;
        auto made = lineageAfterNarrow(self().lineagePtr(), Self::kErased, "filterByRange", where,
                                       ranges ? nullptr : self().partitioner());
        return RDD<T, GroupedPipe<Pipe>>(std::move(made),
                                         GroupedPipe<Pipe>(self().pipe(), span, span.last - span.first))
            .template narrow<FilterSink, T>("filterByRange", where, ranges ? nullptr : self().partitioner(),
                                            std::move(within));
    }
    /// For each key of any of the three the values of all.
    ///
    /// Shape:  (K, V), (K, W) and (K, X) -> (K, tuple<vector<V>, vector<W>, vector<X>>)
    /// Cost:   a side that is partitioned as the result is does not move
    /// Source: Spark PairRDDFunctions.cogroup
    template <class U, class P, class X, class Q>
        requires(AnyPair<T> && AnyPair<U> && AnyPair<X> && std::same_as<KeyTypeOf<T>, KeyTypeOf<U>> &&
                 std::same_as<KeyTypeOf<T>, KeyTypeOf<X>>)
    auto cogroup(const RDD<U, P>& second, const RDD<X, Q>& third, Partitioning partitioning = {},
                 Where where = Where::current()) const {
        return cogroupMany(partitioning, where, self(), second, third);
    }
    /// For each key of any of the four the values of all.
    template <class U, class P, class X, class Q, class Y, class R>
        requires(AnyPair<T> && AnyPair<U> && AnyPair<X> && AnyPair<Y> && std::same_as<KeyTypeOf<T>, KeyTypeOf<U>> &&
                 std::same_as<KeyTypeOf<T>, KeyTypeOf<X>> && std::same_as<KeyTypeOf<T>, KeyTypeOf<Y>>)
    auto cogroup(const RDD<U, P>& second, const RDD<X, Q>& third, const RDD<Y, R>& fourth,
                 Partitioning partitioning = {}, Where where = Where::current()) const {
        return cogroupMany(partitioning, where, self(), second, third, fourth);
    }
    /// Another name of `cogroup`.
    template <class... Others>
        requires(AnyPair<T> && sizeof...(Others) >= 1 && sizeof...(Others) <= 3 && (AnyRdd<Others> && ...))
    auto groupWith(const Others&... others) const {
        return self().cogroup(others...);
    }

    // ---- actions

    /// All values of a key, in the order of partitions. Where the keys are partitioned, one task looks for them.
    ///
    /// Source: Spark PairRDDFunctions.lookup
    template <class X>
        requires(AnyPair<T> && std::constructible_from<KeyTypeOf<T>, const X&>)
    auto lookup(const X& wanted, Where where = Where::current()) const {
        requireKey<K>();
        const K key(wanted);
        const auto partitioner = self().partitioner();
        const auto partitions = partitioner ? std::vector{int(Router<K>(partitioner).ofKey(key))}
                                            : allPartitions(self().getNumPartitions());
        const auto& pipe = self().pipe();
        auto parts = runTasks<Rows<V>, std::remove_cvref_t<decltype(pipe)>>(
            self().lineagePtr(), CallSite{"lookup", where}, partitions, [&](int p, TaskContext& task) {
                Rows<V> values;
                LookupSink<K, V> sink{key, values};
                drain(pipe, p, task, sink);
                return values;
            });
        std::vector<V> values;
        for (auto& part : parts)
            for (V& value : part) values.push_back(std::move(value));
        return values;
    }
    /// `reduceByKey` without a shuffle: each partition is reduced by a task, and all of them by the caller.
    ///
    /// Shape:  a map from each key to the combination of its values
    /// Errors: JobError where `combine` throws
    /// Source: Spark PairRDDFunctions.reduceByKeyLocally
    template <class F>
        requires(AnyPair<T> && requires(F& f, const owned_t<T>& x) { f(x.second, x.second); })
    auto reduceByKeyLocally(F combine, Where where = Where::current()) const {
        requireKey<K>();
        static_assert(RequireConst<F, const V&, const V&>::holds);
        const OperatorSite site{CallSite{"reduceByKeyLocally", where}, self().id()};
        const Reduction<V, F> reduction(Function<F>(std::move(combine)), site);
        const auto& pipe = self().pipe();
        auto parts =
            self().template run<Rows<std::pair<K, V>>>("reduceByKeyLocally", where, [&](int p, TaskContext& task) {
                Table<K, V> table;
                combinePartition<std::remove_cvref_t<decltype(pipe)>, K>(pipe, p, task, reduction, table);
                Rows<std::pair<K, V>> rows;
                for (Cell<K, V>& cell : table.cells())
                    if (cell.used()) rows.emplace_back(cell.slot().takeKey(), std::move(cell.value()));
                return rows;
            });
        KeyMap<K, V> all;
        onDriver(site, [&] {
            for (auto& part : parts)
                for (auto& [key, value] : part)
                    if (auto [at, isNew] = all.try_emplace(std::move(key), std::move(value)); !isNew)
                        reduction.merge(at->second, value);
        });
        return all;
    }
    /// How often each key occurs.
    ///
    /// Source: Spark PairRDDFunctions.countByKey
    auto countByKey(Where where = Where::current()) const
        requires AnyPair<T>
    {
        return self().keys(where).countByValue(where);
    }
    /// About how many different values each key has; `relativeSD` is the standard deviation of the error.
    ///
    /// Shape:  RDD<pair<K, V>> -> RDD<pair<K, long>>
    /// Cost:   about (1.05 / relativeSD)^2 bytes per key: 512 for 0.05
    /// Errors: UsageError where `relativeSD` is not above 0.000017; does not compile where V is no Key
    /// Source: Spark PairRDDFunctions.countApproxDistinctByKey; see DistinctSketch
    auto countApproxDistinctByKey(double relativeSD = 0.05, Partitioning partitioning = {},
                                  Where where = Where::current()) const
        requires AnyPair<T>
    {
        requireKey<V>();
        const int precision = sketchPrecision("countApproxDistinctByKey", relativeSD, where);
        return self()
            .aggregateByKey(DistinctSketch(precision), SketchFunctions(), SketchFunctions(), partitioning, where)
            .mapValues(SketchEstimate(), where);
    }
};

} // namespace rivulet::detail
