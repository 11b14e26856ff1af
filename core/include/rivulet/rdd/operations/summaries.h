#pragma once

#include "rivulet/rdd/actions.h"
#include "rivulet/rdd/operations/concepts.h"
#include "rivulet/rdd/operations/statistics.h"

#include <functional>

namespace rivulet {

/// The elements of an RDD one after the other on the caller's thread: what `toLocalIterator` gives. A job computes a
/// partition when the first of its elements is asked for.
///
///     for (const auto& x : rdd.toLocalIterator()) ...
///
/// Threads: one at a time; copies share their position
template <class T> class LocalElements {
  public:
    using value_type = T;
    using Fetch = std::function<detail::Rows<T>(int partition)>;

    class Iterator {
      public:
        using value_type = T;
        using difference_type = std::ptrdiff_t;
        using iterator_category = std::input_iterator_tag;
        using reference = T&;
        using pointer = T*;

        explicit Iterator(LocalElements& elements) : elements_(&elements) {}
        T& operator*() const { return elements_->rows_[elements_->at_]; }
        T* operator->() const { return &**this; }
        Iterator& operator++() {
            ++elements_->at_;
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const { return !elements_->fill(); }

      private:
        LocalElements* elements_;
    };

    LocalElements(int partitions, Fetch fetch) : partitions_(partitions), fetch_(std::move(fetch)) {}
    Iterator begin() { return Iterator(*this); }
    std::default_sentinel_t end() const { return {}; }

  private:
    bool fill() {
        while (at_ == rows_.size() && next_ < partitions_) {
            rows_ = fetch_(next_++);
            at_ = 0;
        }
        return at_ < rows_.size();
    }

    int partitions_, next_ = 0;
    Fetch fetch_;
    detail::Rows<T> rows_;
    std::size_t at_ = 0;
};

namespace detail {

[[noreturn]] void throwEmpty(const char* operation, const Lineage& lineage, const char* advice,
                             std::source_location where);
void requireDepth(const char* operation, int depth, std::source_location where);
/// How many groups the results of so many partitions are merged into next, in a tree of this depth; 0: all at once.
int nextTreeLevel(int parts, int scale);
int treeScale(int partitions, int depth);

struct StatSink {
    StatCounter& counter;
    template <class X> void operator()(X&& x) { counter.add(double(x)); }
};
template <class N> struct SumSink {
    N& sum;
    template <class X> void operator()(X&& x) { sum += x; }
};
struct HistogramSink {
    BucketCounts& buckets;
    template <class X> void operator()(X&& x) { buckets.add(double(x)); }
};

template <class Less> struct Reversed {
    Less less;
    template <class A> bool operator()(const A& a, const A& b) const { return less(b, a); }
};

/// The actions of RDD that make one value of all elements.
template <class Self, class T> class SummaryOperations {
    using Where = std::source_location;
    const Self& self() const { return static_cast<const Self&>(*this); }
    using Owned = owned_t<T>;
    /// Integers are summed exactly.
    using Sum = std::conditional_t<std::is_integral_v<T>, long, double>;

  public:
    /// The largest element by `less`; of equals the earliest.
    ///
    /// Errors: UsageError "empty collection" where there is none
    template <class Less = std::less<>>
        requires std::predicate<Less&, const owned_t<T>&, const owned_t<T>&>
    Owned max(Less less = {}, Where where = Where::current()) const {
        return extreme("max", Reversed<Less>{std::move(less)}, where);
    }
    /// The smallest element by `less`; of equals the earliest.
    ///
    /// Errors: UsageError "empty collection" where there is none
    template <class Less = std::less<>>
        requires std::predicate<Less&, const owned_t<T>&, const owned_t<T>&>
    Owned min(Less less = {}, Where where = Where::current()) const {
        return extreme("min", std::move(less), where);
    }
    /// As reduce, but that tasks merge the results of partitions in `depth` levels before the caller merges the rest:
    /// for many partitions and merges that take long. `f` need not be commutative.
    ///
    /// Errors: UsageError "empty collection" where there is no element, or where `depth` is below 1
    /// Source: Spark RDD.treeReduce
    template <class F>
        requires std::invocable<F&, const owned_t<T>&, const owned_t<T>&>
    Owned treeReduce(F f, int depth = 2, Where where = Where::current()) const {
        static_assert(RequireConst<F, const Owned&, const Owned&>::holds);
        requireDepth("treeReduce", depth, where);
        const OperatorSite site{CallSite{"treeReduce", where}, self().id()};
        const auto& pipe = self().pipe();
        auto parts = self().template run<std::optional<Owned>>("treeReduce", where, [&](int p, TaskContext& task) {
            return reducePartition<Owned>(pipe, p, task, f, site);
        });
        auto value = mergeInTree(site, std::move(parts), depth, [&](std::optional<Owned>& into, const auto& part) {
            if (part) FirstReduceSink<Owned, F>{into, f, site}(*part);
        });
        if (!value) throwEmpty("treeReduce", *self().lineagePtr(), "use treeAggregate with a zero", where);
        return std::move(*value);
    }
    /// As aggregate, but that tasks merge the results of partitions in `depth` levels before the caller merges the
    /// rest. `zero` counts once per partition: let it be neutral.
    ///
    /// Errors: UsageError where `depth` is below 1
    /// Source: Spark RDD.treeAggregate
    template <class A, class F, class G>
        requires(std::invocable<F&, A&, const T&> && std::invocable<G&, A&, const A&>)
    A treeAggregate(A zero, F fold, G combine, int depth = 2, Where where = Where::current()) const {
        static_assert(RequireConst<F, A&, const T&>::holds);
        static_assert(RequireConst<G, A&, const A&>::holds);
        requireDepth("treeAggregate", depth, where);
        const OperatorSite site{CallSite{"treeAggregate", where}, self().id()};
        const auto& pipe = self().pipe();
        auto parts = self().template run<std::optional<A>>("treeAggregate", where, [&](int p, TaskContext& task) {
            A value = zero;
            FoldSink<A, F> sink{value, fold, site};
            drain(pipe, p, task, sink);
            return value;
        });
        auto value = mergeInTree(site, std::move(parts), depth, [&](std::optional<A>& into, const auto& part) {
            if (into)
                FoldSink<A, G>{*into, combine, site}(*part);
            else
                into = part;
        });
        return value ? std::move(*value) : zero;
    }
    /// The elements one by one on the caller's thread, a job for each partition, on demand.
    ///
    /// Cost:   memory for one partition; cache what is not to be computed in sequence
    /// Source: Spark RDD.toLocalIterator
    LocalElements<Owned> toLocalIterator(Where where = Where::current()) const {
        self().lineagePtr()->engine()->checkUsable();
        return {self().getNumPartitions(), [rdd = self(), where](int partition) {
                    auto parts = runTasks<Rows<Owned>, std::remove_cvref_t<decltype(rdd.pipe())>>(
                        rdd.lineagePtr(), CallSite{"toLocalIterator", where}, {partition},
                        [&](int p, TaskContext& task) {
                            Rows<Owned> rows;
                            AppendSink<Owned> sink{rows};
                            drain(rdd.pipe(), p, task, sink);
                            return rows;
                        });
                    return std::move(parts.front());
                }};
    }
    /// About how many different elements there are; `relativeSD` is the standard deviation of the error.
    ///
    /// Cost:   about (1.05 / relativeSD)^2 bytes per task
    /// Errors: UsageError where `relativeSD` is not above 0.000017; does not compile where T is no Key
    /// Source: Spark RDD.countApproxDistinct; see DistinctSketch
    long countApproxDistinct(double relativeSD = 0.05, Where where = Where::current()) const {
        requireKey<Owned>();
        const int precision = sketchPrecision("countApproxDistinct", relativeSD, where);
        return self().aggregate(DistinctSketch(precision), SketchFunctions(), SketchFunctions(), where).estimate();
    }

    // ---- of numbers

    /// The sum of all numbers: of integers a long, of others a double; 0 where there are none.
    ///
    /// Source: Spark DoubleRDDFunctions.sum
    auto sum(Where where = Where::current()) const
        requires std::is_arithmetic_v<T>
    {
        Sum all = 0;
        for (const Sum part : drained<Sum, SumSink<Sum>>("sum", Sum(), where)) all += part;
        return all;
    }
    /// Count, mean, variances, extremes and sum in one pass.
    ///
    /// Source: Spark DoubleRDDFunctions.stats
    StatCounter stats(Where where = Where::current()) const
        requires std::is_arithmetic_v<T>
    {
        StatCounter all;
        for (const auto& part : drained<StatCounter, StatSink>("stats", StatCounter(), where)) all.merge(part);
        return all;
    }
    double mean(Where where = Where::current()) const
        requires std::is_arithmetic_v<T>
    {
        return stats(where).mean();
    }
    double variance(Where where = Where::current()) const
        requires std::is_arithmetic_v<T>
    {
        return stats(where).variance();
    }
    double popVariance(Where where = Where::current()) const
        requires std::is_arithmetic_v<T>
    {
        return stats(where).variance();
    }
    double stdev(Where where = Where::current()) const
        requires std::is_arithmetic_v<T>
    {
        return stats(where).stdev();
    }
    double popStdev(Where where = Where::current()) const
        requires std::is_arithmetic_v<T>
    {
        return stats(where).stdev();
    }
    double sampleVariance(Where where = Where::current()) const
        requires std::is_arithmetic_v<T>
    {
        return stats(where).sampleVariance();
    }
    double sampleStdev(Where where = Where::current()) const
        requires std::is_arithmetic_v<T>
    {
        return stats(where).sampleStdev();
    }
    /// The bounds of `buckets` buckets of the same width between the smallest and the largest number, and how many
    /// numbers lie in each.
    ///
    /// Shape:  bounds b0, b1, ..., bn and n counts, of [b0, b1), [b1, b2), ..., [bn-1, bn]; one bucket where all
    /// numbers are the same
    /// Errors: UsageError where there are no numbers, infinite ones or NaNs, or where `buckets` is below 1
    /// Source: Spark DoubleRDDFunctions.histogram
    std::pair<std::vector<double>, std::vector<long>> histogram(int buckets, Where where = Where::current()) const
        requires std::is_arithmetic_v<T>
    {
        requireBucketCount(buckets, where);
        auto bounds = evenBuckets(stats(where), buckets, where);
        auto counts = histogram(bounds, true, where);
        return {std::move(bounds), std::move(counts)};
    }
    /// How many numbers lie in the buckets between these bounds: each without its end, but for the last. What lies
    /// outside, and NaNs, do not count.
    ///
    /// Cost:   a binary search per number; none with `evenBuckets`, which says that all are of the same width
    /// Errors: UsageError where there are less than two bounds, or they do not ascend
    std::vector<long> histogram(const std::vector<double>& bounds, bool evenBuckets = false,
                                Where where = Where::current()) const
        requires std::is_arithmetic_v<T>
    {
        requireBuckets(bounds, where);
        std::optional<BucketCounts> all;
        for (auto& part : drained<std::optional<BucketCounts>, HistogramSink>(
                 "histogram", std::optional(BucketCounts(bounds, evenBuckets)), where)) {
            if (all)
                all->merge(*part);
            else
                all = std::move(part);
        }
        return all ? all->take() : std::vector<long>(bounds.size() - 1);
    }

  private:
    template <class Before> Owned extreme(const char* operation, Before before, Where where) const {
        auto one = self().firstBy(operation, 1, before, where);
        if (one.empty()) throwEmpty(operation, *self().lineagePtr(), "use takeOrdered(1) or top(1)", where);
        return std::move(one.front());
    }
    template <class A> static A& unwrap(A& value) { return value; }
    template <class A> static A& unwrap(std::optional<A>& value) { return *value; }
    /// What a sink makes of each partition, beginning with `zero`.
    template <class A, class Sink> std::vector<A> drained(const char* operation, const A& zero, Where where) const {
        const auto& pipe = self().pipe();
        return self().template run<A>(operation, where, [&](int p, TaskContext& task) {
            A value = zero;
            Sink sink{unwrap(value)};
            drain(pipe, p, task, sink);
            return value;
        });
    }
    /// Neighbours are merged, so that the order of the partitions is kept.
    template <class A, class Merge>
    std::optional<A> mergeInTree(const OperatorSite& site, std::vector<std::optional<A>> parts, int depth,
                                 const Merge& merge) const {
        const int scale = treeScale(int(parts.size()), depth);
        while (const int groups = nextTreeLevel(int(parts.size()), scale)) {
            parts = runTasks<std::optional<A>, std::remove_cvref_t<decltype(self().pipe())>>(
                self().lineagePtr(), site.site, allPartitions(groups), [&](int group, TaskContext& task) {
                    const auto bound = [&](int i) { return std::size_t(i) * parts.size() / std::size_t(groups); };
                    std::optional<A> value;
                    for (std::size_t i = bound(group); i < bound(group + 1); ++i) {
                        task.throwIfCancelled();
                        merge(value, std::as_const(parts[i]));
                    }
                    return value;
                });
        }
        std::optional<A> value;
        onDriver(site, [&] {
            for (const auto& part : parts) merge(value, part);
        });
        return value;
    }
};

} // namespace detail
} // namespace rivulet
