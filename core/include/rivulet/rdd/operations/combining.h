#pragma once

#include "rivulet/rdd/actions.h"
#include "rivulet/rdd/adapters.h"
#include "rivulet/rdd/operations/child_process.h"
#include "rivulet/rdd/operations/stepped_pipe.h"
#include "rivulet/rdd/operations/zipped_pipe.h"
#include "rivulet/shuffle/product.h"

namespace rivulet::detail {

/// Once each key that both sides have.
struct InBoth {
    template <class K, class V, class W> using Element = std::pair<K, Nothing>;

    template <class Group> static std::size_t rows(const Group& group) {
        return group.second.first.empty() || group.second.second.empty() ? 0 : 1;
    }
    template <class Group> static std::size_t columns(const Group&) { return 1; }
    template <class K, class V, class W>
    static Element<K, V, W> at(const Cogrouped<K, V, W>& group, std::size_t, std::size_t) {
        return {group.first, Nothing()};
    }
};

/// Partitions pairs by their first as another partitioner does, so that what is partitioned by key need not move to be
/// compared as a whole.
template <class K, class V> class ByFirst final : public KeyPartitioner<std::pair<K, V>> {
  public:
    explicit ByFirst(std::shared_ptr<const Partitioner> ofKeys) : ofKeys_(ofKeys), route_(std::move(ofKeys)) {}
    int numPartitions() const override { return ofKeys_->numPartitions(); }
    int partitionOf(const std::pair<K, V>& pair) const override { return int(route_.ofKey(pair.first)); }
    bool equals(const Partitioner& other) const override {
        const auto* byFirst = dynamic_cast<const ByFirst*>(&other);
        return byFirst && byFirst->ofKeys_->equals(*ofKeys_);
    }

  private:
    std::shared_ptr<const Partitioner> ofKeys_;
    Router<K> route_;
};

/// The operations of RDD that bring it together with another one other than by key, and that number its elements or put
/// its partitions together.
template <class Self, class T> class CombiningOperations {
    using Where = std::source_location;
    const Self& self() const { return static_cast<const Self&>(*this); }

  public:
    /// The i-th elements of both as pairs. (The other's are copied.)
    ///
    /// Shape:  RDD<T> and RDD<U> -> RDD<pair<T, U>>, the same partitions
    /// Errors: UsageError where the numbers of partitions differ; from the action where a partition has more elements
    /// on one side
    /// Source: Spark RDD.zip
    template <class U, class P> auto zip(const RDD<U, P>& other, Where where = Where::current()) const {
        using Zipped = ZipPipe<std::remove_cvref_t<decltype(self().pipe())>, P>;
        requireEqualPartitions("zip", {self().getNumPartitions(), other.getNumPartitions()}, where);
        return both<Zipped>("ZippedPartitionsRDD", "zip", other, where, Zipped(self().pipe(), other.pipe()));
    }
    /// The elements of the range that `f(PartitionElements<T>, PartitionElements<U>)` gives for the partitions at each
    /// index; called once for each, the empty ones too. With `preservesPartitioning` the partitioner is this RDD's.
    ///
    /// Errors: UsageError where the numbers of partitions differ
    /// Source: Spark RDD.zipPartitions
    template <class U, class P, class F>
        requires std::invocable<F&, PartitionElements<owned_t<T>>, PartitionElements<owned_t<U>>>
    auto zipPartitions(const RDD<U, P>& other, F f, bool preservesPartitioning = false,
                       Where where = Where::current()) const {
        return zippedPartitions(std::move(f), preservesPartitioning, where, self(), other);
    }
    /// The same of three.
    template <class U, class P, class V, class Q, class F>
        requires std::invocable<F&, PartitionElements<owned_t<T>>, PartitionElements<owned_t<U>>,
                                PartitionElements<owned_t<V>>>
    auto zipPartitions(const RDD<U, P>& second, const RDD<V, Q>& third, F f, bool preservesPartitioning = false,
                       Where where = Where::current()) const {
        return zippedPartitions(std::move(f), preservesPartitioning, where, self(), second, third);
    }
    /// The same of four.
    template <class U, class P, class V, class Q, class W, class R, class F>
        requires std::invocable<F&, PartitionElements<owned_t<T>>, PartitionElements<owned_t<U>>,
                                PartitionElements<owned_t<V>>, PartitionElements<owned_t<W>>>
    auto zipPartitions(const RDD<U, P>& second, const RDD<V, Q>& third, const RDD<W, R>& fourth, F f,
                       bool preservesPartitioning = false, Where where = Where::current()) const {
        return zippedPartitions(std::move(f), preservesPartitioning, where, self(), second, third, fourth);
    }
    /// Each element with its position among all, in the order of partitions.
    ///
    /// Shape:  RDD<T> -> RDD<pair<T, long>>
    /// Cost:   with more than one partition a job that counts all but the last runs at once
    /// Source: Spark RDD.zipWithIndex
    auto zipWithIndex(Where where = Where::current()) const {
        auto firsts = detail::share(new std::vector<long>{0});
        if (self().getNumPartitions() > 1)
            for (const long count : self().countPartitions("zipWithIndex", where, self().getNumPartitions() - 1))
                firsts->push_back(firsts->back() + count);
        return stepped(self(), "zipWithIndex", where, nullptr, NumberStep{std::move(firsts), 1});
    }
    /// Each element with a number that no other has: of partition k of n they are k, k + n, k + 2n, ... No job runs.
    ///
    /// Shape:  RDD<T> -> RDD<pair<T, long>>
    /// Source: Spark RDD.zipWithUniqueId
    auto zipWithUniqueId(Where where = Where::current()) const {
        return stepped(self(), "zipWithUniqueId", where, nullptr, NumberStep{nullptr, self().getNumPartitions()});
    }
    /// All pairs of an element of this and one of the other.
    ///
    /// Shape:  p and q partitions -> p * q; partition i * q + j has those of i and j
    /// Cost:   a partition of the other is computed again for every element of this: cache it
    /// Errors: UsageError where p * q is more than there can be
    /// Source: Spark RDD.cartesian
    template <class U, class P> auto cartesian(const RDD<U, P>& other, Where where = Where::current()) const {
        using Product = CartesianPipe<std::remove_cvref_t<decltype(self().pipe())>, P>;
        requireProductFits(self().getNumPartitions(), other.getNumPartitions(), where);
        return both<Product>("CartesianRDD", "cartesian", other, where, Product(self().pipe(), other.pipe()));
    }
    /// The same elements in fewer partitions, without a shuffle: each is several of this RDD's, one after the other.
    /// Where there are not more than `numPartitions`, they stay as they are; `repartition` makes more.
    ///
    /// Cost:   all that leads here runs in as many tasks
    /// Errors: UsageError where `numPartitions` is below 1
    /// Source: Spark RDD.coalesce without shuffle
    auto coalesce(int numPartitions, Where where = Where::current()) const {
        if (numPartitions < 1) throwBadPartitionCount(numPartitions, where, "coalesce");
        const int before = self().getNumPartitions();
        using Pipe = std::remove_cvref_t<decltype(self().pipe())>;
        auto made = lineageAfter(self().lineagePtr(), "CoalescedRDD", "coalesce", where, nullptr);
        made->dependOn({self().lineagePtr(), kIsErased<Pipe>, nullptr});
        return RDD<T, GroupedPipe<Pipe>>(
            std::move(made), GroupedPipe<Pipe>(self().pipe(), {0, before}, std::min(before, numPartitions)));
    }
    /// The lines that a command writes, one process for each partition, the empty ones too: its input are the elements
    /// as lines, as saveAsTextFile writes them.
    ///
    /// Shape:  RDD<T> -> RDD<string_view>, lines without their ends
    /// Cost:   a process per partition; the task's thread serves its pipes
    /// Errors: UsageError where the command is empty; from the action IoError where it cannot be started, or ends with
    /// another status than 0
    /// Source: Spark RDD.pipe
    auto pipe(std::vector<std::string> command, Variables environment = {}, Where where = Where::current()) const
        requires Printable<T>
    {
        requireCommand(command, where);
        using Pipe = std::remove_cvref_t<decltype(self().pipe())>;
        auto made = lineageAfterNarrow(self().lineagePtr(), Self::kErased, "pipe", where, nullptr);
        return RDD<std::string_view, CommandPipe<Pipe>>(
            std::move(made),
            CommandPipe<Pipe>(self().pipe(), detail::share(new Command{std::move(command), std::move(environment)})));
    }
    /// The same of a command line, whose words are split at white space: there is no shell.
    auto pipe(std::string_view command, Variables environment = {}, Where where = Where::current()) const
        requires Printable<T>
    {
        return pipe(commandWords(command, where), std::move(environment), where);
    }
    /// The elements that the other does not have, duplicates included.
    ///
    /// Cost:   one shuffle of each; of pairs that are partitioned by key only the other moves
    /// Errors: does not compile where T is no Key
    /// Source: Spark RDD.subtract
    template <class U, class P>
        requires std::same_as<owned_t<U>, owned_t<T>>
    auto subtract(const RDD<U, P>& other, Partitioning partitioning = {}, Where where = Where::current()) const {
        requireKey<owned_t<T>>();
        std::shared_ptr<const Partitioner> kept;
        if constexpr (AnyPair<owned_t<T>>)
            if (const auto ofKeys = self().partitioner();
                ofKeys && (!partitioning.get() || partitioning.get()->equals(*ofKeys))) {
                kept = detail::share(new ByFirst<KeyTypeOf<T>, ValueTypeOf<T>>(ofKeys));
                partitioning = kept;
            }
        return present(self(), "subtract", kept, where)
            .subtractByKey(present(other, "subtract", nullptr, where), partitioning, where)
            .keys(where);
    }
    /// The elements that both have, each once.
    ///
    /// Errors: does not compile where T is no Key
    /// Source: Spark RDD.intersection
    template <class U, class P>
        requires std::same_as<owned_t<U>, owned_t<T>>
    auto intersection(const RDD<U, P>& other, Partitioning partitioning = {}, Where where = Where::current()) const {
        requireKey<owned_t<T>>();
        return present(self(), "intersection", nullptr, where)
            .template product<InBoth>("intersection", present(other, "intersection", nullptr, where), partitioning,
                                      where)
            .keys(where);
    }

  private:
    template <class U, class P>
    static auto present(const RDD<U, P>& rdd, const char* operation, std::shared_ptr<const Partitioner> partitioner,
                        Where where) {
        return rdd.template narrow<MapSink, std::pair<U, Nothing>>(operation, where, std::move(partitioner),
                                                                   WithConstant<Nothing>{});
    }
    template <class Next, class Other>
    auto both(const char* kind, const char* operation, const Other& other, Where where, Next next) const {
        requireSameContext(self().lineagePtr(), other.lineagePtr(), operation, where);
        auto made = lineageAfter(self().lineagePtr(), kind, operation, where, nullptr);
        made->dependOn({self().lineagePtr(), Self::kErased, nullptr});
        made->dependOn({other.lineagePtr(), Other::kErased, nullptr});
        return RDD<typename Next::value_type, Next>(std::move(made), std::move(next));
    }
    template <class F, class... U, class... P>
    static auto zippedPartitions(F f, bool preservesPartitioning, Where where, const RDD<U, P>&... parents) {
        static_assert(RequireConst<F, PartitionElements<owned_t<U>>...>::holds);
        using Next = ZipPartitionsPipe<F, P...>;
        const auto& first = std::get<0>(std::tie(parents...));
        requireEqualPartitions("zipPartitions", {parents.getNumPartitions()...}, where);
        (requireSameContext(first.lineagePtr(), parents.lineagePtr(), "zipPartitions", where), ...);
        auto made = lineageAfter(first.lineagePtr(), "ZippedPartitionsRDD", "zipPartitions", where,
                                 preservesPartitioning ? first.partitioner() : nullptr);
        (made->dependOn({parents.lineagePtr(), kIsErased<P>, nullptr}), ...);
        Next next(Function<F>(std::move(f)), made->site(), parents.pipe()...);
        return RDD<typename Next::value_type, Next>(std::move(made), std::move(next));
    }
};

} // namespace rivulet::detail
