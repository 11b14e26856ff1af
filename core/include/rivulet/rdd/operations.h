#pragma once

#include "rivulet/rdd.h"
#include "rivulet/rdd/text_output.h"

/// The bodies of RDD's operations.
namespace rivulet {

// ---- lineage

template <class T, class Pipe>
auto RDD<T, Pipe>::choosePartitioner(const Partitioning& wanted) const -> PartitionerPtr {
    return detail::choosePartitioner(*lineage().engine(), wanted, {{getNumPartitions(), lineage().partitioner()}});
}

// ---- narrow

template <class T, class Pipe>
template <template <class, class> class Sink, class U, class F>
auto RDD<T, Pipe>::narrow(const char* operation, Where where, PartitionerPtr partitioner, F f) const {
    using Next = detail::NarrowPipe<Pipe, F, Sink, U>;
    const auto made = detail::lineageAfterNarrow(lineage_, kErased, operation, where, std::move(partitioner));
    return RDD<U, Next>(made, Next(pipe_, detail::Function<F>(std::move(f)), made->site()));
}

template <class T, class Pipe>
template <class F>
auto RDD<T, Pipe>::partitionwise(const char* operation, Where where, bool preservesPartitioning, F f) const {
    using Next = detail::PartitionPipe<Pipe, F>;
    auto made = detail::lineageAfterNarrow(lineage_, kErased, operation, where,
                                           preservesPartitioning ? lineage().partitioner() : nullptr);
    Next next(pipe_, detail::Function<F>(std::move(f)), made->site());
    return RDD<typename Next::value_type, Next>(std::move(made), std::move(next));
}

template <class T> RDD<T> unionAll(const std::vector<RDD<T>>& parts, std::source_location where) {
    if (parts.empty())
        throw UsageError("unionAll: no RDDs were given, and without one there is no context; use Context::unionAll",
                         where);
    std::vector<detail::NodePtr<T>> nodes;
    std::vector<detail::Dependency> dependencies;
    std::shared_ptr<const Partitioner> common;
    bool alike = true;
    const auto engine = detail::checkedLineage(parts.front().lineagePtr()).engine();
    engine->checkUsable();
    for (const RDD<T>& part : parts) {
        if (detail::checkedLineage(part.lineagePtr()).engine() != engine)
            throw UsageError("union: the RDDs belong to different contexts; make all of them with the same Context",
                             where);
        if (part.getNumPartitions() == 0) continue;
        const auto partitioner = part.partitioner();
        if (nodes.empty()) common = partitioner;
        alike = alike && common && partitioner && common->equals(*partitioner);
        nodes.push_back(part.pipe().node());
        dependencies.push_back({part.lineagePtr(), true, nullptr});
    }
    auto made = detail::makeLineage(engine->weak_from_this(), alike && common ? "PartitionerAwareUnionRDD" : "UnionRDD",
                                    CallSite{"union", where}, alike ? common : nullptr);
    for (auto& dependency : dependencies) made->dependOn(std::move(dependency));
    return RDD<T>(made, detail::ErasedPipe<T>(detail::makeNode<detail::UnionNode<T>>(made, std::move(nodes))));
}

// ---- shuffles

template <class T, class Pipe>
template <class Make>
auto RDD<T, Pipe>::aggregateBy(const char* operation, Where where, PartitionerPtr partitioner,
                               const Make& makeAggregation, bool inPlace) const {
    detail::requireKey<KeyType>();
    using Aggregation = std::invoke_result_t<const Make&, const detail::OperatorSite&>;
    using Out = std::pair<KeyType, typename Aggregation::Combined>;
    const PartitionerPtr own = lineage().partitioner();
    inPlace = inPlace || (own && own->equals(*partitioner));
    auto made =
        detail::lineageAfter(lineage_, inPlace ? "MapPartitionsRDD" : "ShuffledRDD", operation, where, partitioner);
    Aggregation aggregation = makeAggregation(made->site());
    detail::NodePtr<Out> node;
    if (inPlace) {
        made->dependOn({lineage_, kErased, nullptr});
        node = detail::makeNode<detail::AggregatedInPlaceNode<Pipe, Aggregation>>(made, pipe_, std::move(aggregation));
    } else {
        using Shuffle = detail::KeyedShuffle<Pipe, Aggregation>;
        auto shuffle = detail::adopt(new Shuffle(lineage_, pipe_, aggregation, std::move(partitioner)));
        made->dependOn({lineage_, kErased, shuffle});
        node = detail::makeNode<detail::AggregatedNode<KeyType, Aggregation>>(made, std::move(shuffle),
                                                                              std::move(aggregation));
    }
    return RDD<Out>(std::move(made), detail::ErasedPipe<Out>(std::move(node)));
}

template <class T, class Pipe> auto RDD<T, Pipe>::distinct(int numPartitions, Where where) const {
    detail::requireKey<Owned>();
    const PartitionerPtr own = lineage().partitioner();
    const int before = getNumPartitions();
    const bool inPlace = own && (numPartitions <= 0 || numPartitions == before);
    const PartitionerPtr partitioner =
        inPlace ? own : Partitioning(std::max(numPartitions > 0 ? numPartitions : before, 1), where).get();
    auto present = narrow<detail::MapSink, std::pair<T, detail::Nothing>>("distinct", where, nullptr,
                                                                          detail::WithConstant<detail::Nothing>{})
                       .aggregateBy(
                           "distinct", where, partitioner,
                           [](const detail::OperatorSite&) { return detail::Presence{}; }, inPlace);
    return present.template narrow<detail::MapSink, Owned>("distinct", where, inPlace ? own : nullptr,
                                                           detail::TakeKey{});
}

template <class T, class Pipe>
template <class Route>
auto RDD<T, Pipe>::exchange(const char* operation, Where where, Route route, PartitionerPtr partitioner) const
    -> RDD<Owned> {
    auto made = detail::lineageAfter(lineage_, "ShuffledRDD", operation, where, std::move(partitioner));
    auto shuffle = detail::adopt(new detail::Exchange<Pipe, Route>(lineage_, pipe_, std::move(route)));
    made->dependOn({lineage_, kErased, shuffle});
    auto node = detail::makeNode<detail::ExchangedNode<Owned>>(made, std::move(shuffle));
    return RDD<Owned>(std::move(made), detail::ErasedPipe<Owned>(std::move(node)));
}

template <class T, class Pipe> auto RDD<T, Pipe>::repartition(int numPartitions, Where where) const -> RDD<Owned> {
    if (numPartitions < 1) detail::throwBadPartitionCount(numPartitions, where);
    return exchange("repartition", where, detail::RoundRobin{std::size_t(numPartitions)}, nullptr);
}

template <class T, class Pipe>
auto RDD<T, Pipe>::routed(const Partitioning& partitioning, Where where) const -> RDD<Owned> {
    detail::requireKey<KeyType>();
    const PartitionerPtr partitioner = choosePartitioner(partitioning);
    if (lineage().partitioner() && lineage().partitioner()->equals(*partitioner)) return erased();
    return exchange("partitionBy", where, detail::ByKey<KeyType>{detail::Router<KeyType>(partitioner)}, partitioner);
}

template <class T, class Pipe>
template <class U, class P>
auto RDD<T, Pipe>::cogroupWith(const char* operation, const RDD<U, P>& other, const Partitioning& partitioning,
                               Where where) const {
    detail::requireKey<KeyType>();
    using Node = detail::CogroupedNode<Pipe, P>;
    using Out = std::pair<KeyType, typename Node::Group>;
    const auto engine = lineage().engine();
    if (other.lineagePtr() && other.lineagePtr()->engine() != engine)
        throw UsageError(std::string(operation) +
                             ": the two RDDs belong to different contexts; make both with the same Context",
                         where);
    const PartitionerPtr partitioner = detail::choosePartitioner(
        *engine, partitioning,
        {{getNumPartitions(), lineage().partitioner()}, {other.getNumPartitions(), other.partitioner()}});
    auto made = detail::lineageAfter(lineage_, "CoGroupedRDD", operation, where, partitioner);
    detail::CogroupSide<Pipe> left(lineage_, pipe_, partitioner);
    detail::CogroupSide<P> right(other.lineagePtr(), other.pipe(), partitioner);
    made->dependOn(left.dependency());
    made->dependOn(right.dependency());
    auto node = detail::makeNode<Node>(made, partitioner->numPartitions(), std::move(left), std::move(right));
    return RDD<Out>(std::move(made), detail::ErasedPipe<Out>(std::move(node)));
}

template <class T, class Pipe>
template <class Product, class U, class P>
auto RDD<T, Pipe>::product(const char* operation, const RDD<U, P>& other, const Partitioning& partitioning,
                           Where where) const {
    const auto groups = cogroupWith(operation, other, partitioning, where);
    using Products =
        detail::ProductPipe<Product, KeyType, typename Owned::second_type, typename owned_t<U>::second_type>;
    auto made = detail::lineageAfterNarrow(groups.lineagePtr(), true, operation, where, groups.partitioner());
    return RDD<typename Products::value_type, Products>(std::move(made), Products(groups.pipe().node()));
}

template <class T, class Pipe>
template <class Create, class Add, class Merge>
auto RDD<T, Pipe>::combinedByKey(const char* operation, Where where, const Partitioning& partitioning, Create create,
                                 Add add, Merge merge) const {
    using V = typename Owned::second_type;
    using C = detail::CombinedOf<Create, V>;
    static_assert(detail::RequireConst<Create, const V&>::holds);
    static_assert(detail::RequireConst<Add, C&, const V&>::holds);
    static_assert(detail::RequireConst<Merge, C&, const C&>::holds);
    using Combination = detail::Combination<V, C, Create, Add, Merge>;
    return aggregateBy(operation, where, choosePartitioner(partitioning), [&](const detail::OperatorSite& site) {
        return Combination(detail::Function<Create>(std::move(create)), detail::Function<Add>(std::move(add)),
                           detail::Function<Merge>(std::move(merge)), site);
    });
}

template <class T, class Pipe>
template <class Less>
auto RDD<T, Pipe>::sortedBy(Less less, int numPartitions, Where where) const -> RDD<Owned> {
    constexpr std::size_t kSamplePerRange = 20, kOversampling = 3, kMostSampled = 1'000'000;
    const int before = getNumPartitions(), wanted = numPartitions > 0 ? numPartitions : std::max(before, 1);
    std::vector<KeyType> bounds;
    if (wanted > 1 && before > 0) {
        const std::size_t sampleSize = std::min(kSamplePerRange * std::size_t(wanted), kMostSampled);
        const std::size_t capacity = (kOversampling * sampleSize + std::size_t(before) - 1) / std::size_t(before);
        auto samples = run<detail::KeySample<KeyType>>("sortByKey", where, [&](int p, TaskContext& task) {
            detail::KeySample<KeyType> sample;
            detail::SampleSink<KeyType> sink{sample, capacity, std::uint64_t(p) ^ std::uint64_t(id()) << 16};
            detail::drain(pipe_, p, task, sink);
            return sample;
        });
        detail::onDriver(*less.site, [&] { bounds = detail::rangeBounds(std::move(samples), wanted, less); });
    }
    const PartitionerPtr partitioner = detail::share(new RangePartitioner<KeyType, Less>(std::move(bounds), less));
    return sortedInto("sortByKey", partitioner, std::move(less), where);
}

template <class T, class Pipe>
template <class Less>
auto RDD<T, Pipe>::sortedInto(const char* operation, PartitionerPtr partitioner, Less less, Where where) const
    -> RDD<Owned> {
    auto made = detail::lineageAfter(lineage_, "ShuffledRDD", operation, where, partitioner);
    using Route = detail::ByKey<KeyType>;
    auto shuffle =
        detail::adopt(new detail::Exchange<Pipe, Route>(lineage_, pipe_, Route{detail::Router<KeyType>(partitioner)}));
    made->dependOn({lineage_, kErased, shuffle});
    auto node = detail::makeNode<detail::SortedNode<Owned, Less>>(made, std::move(shuffle), std::move(less));
    return RDD<Owned>(std::move(made), detail::ErasedPipe<Owned>(std::move(node)));
}

// ---- actions

template <class T, class Pipe>
template <class Result, class Task>
std::vector<Result> RDD<T, Pipe>::run(const char* operation, Where where, const Task& task) const {
    lineage().engine()->checkUsable();
    return detail::runTasks<Result, Pipe>(lineage_, CallSite{operation, where},
                                          detail::allPartitions(pipe_.partitions()), task);
}

template <class T, class Pipe> auto RDD<T, Pipe>::collect(Where where) const -> std::vector<Owned> {
    using Part = detail::Rows<Owned>;
    auto parts = run<Part>("collect", where, [&](int p, TaskContext& task) {
        Part rows;
        detail::AppendSink<Owned> sink{rows};
        detail::drain(pipe_, p, task, sink);
        return rows;
    });
    std::vector<Owned> all;
    std::size_t size = 0;
    for (const Part& part : parts) size += part.size();
    all.reserve(size);
    for (Part& part : parts) {
        for (auto& x : part) all.push_back(std::move(x));
        part = Part(); // so that elements are there twice one partition at a time
    }
    return all;
}

template <class T, class Pipe> long RDD<T, Pipe>::count(Where where) const {
    long sum = 0;
    for (const long n : countPartitions("count", where)) sum += n;
    return sum;
}

/// The elements of each partition, of the first `partitions` where a number is given.
template <class T, class Pipe>
std::vector<long> RDD<T, Pipe>::countPartitions(const char* operation, Where where, int partitions) const {
    lineage().engine()->checkUsable();
    return detail::runTasks<long, Pipe>(lineage_, CallSite{operation, where},
                                        detail::allPartitions(partitions < 0 ? pipe_.partitions() : partitions),
                                        [&](int p, TaskContext& task) {
                                            long n = 0;
                                            detail::CountSink sink{n};
                                            detail::drain(pipe_, p, task, sink);
                                            return n;
                                        });
}

template <class T, class Pipe> auto RDD<T, Pipe>::take(long limit, Where where) const -> std::vector<Owned> {
    std::vector<Owned> taken;
    if (limit <= 0) return taken;
    const auto engine = lineage().engine();
    const int total = getNumPartitions();
    const std::size_t wanted = std::size_t(limit);
    for (int scanned = 0; scanned < total && taken.size() < wanted;) {
        const int tried = std::min(total - scanned, detail::partitionsToTry(*engine, scanned, taken.size(), wanted));
        std::vector<int> partitions(static_cast<std::size_t>(tried));
        for (int i = 0; i < tried; ++i) partitions[std::size_t(i)] = scanned + i;
        const std::size_t left = wanted - taken.size();
        auto parts = detail::runTasks<detail::Rows<Owned>, Pipe>(lineage_, CallSite{"take", where}, partitions,
                                                                 [&](int p, TaskContext& task) {
                                                                     detail::Rows<Owned> rows;
                                                                     detail::TakeSink<Owned> sink{rows, left};
                                                                     auto cursor = pipe_.open(p, task);
                                                                     while (!sink.full() && pipe_.advance(cursor, sink))
                                                                         task.throwIfCancelled();
                                                                     return rows;
                                                                 });
        for (auto& part : parts)
            for (auto&& x : part)
                if (taken.size() < wanted) taken.push_back(std::move(x));
        scanned += tried;
    }
    return taken;
}

template <class T, class Pipe>
template <class Before>
auto RDD<T, Pipe>::firstBy(const char* operation, long limit, const Before& before, Where where) const
    -> std::vector<Owned> {
    if (limit <= 0) return {};
    const detail::OperatorSite site{CallSite{operation, where}, id()};
    using Heap = detail::BoundedHeap<Owned, Before>;
    auto parts = run<std::vector<Owned>>(operation, where, [&](int p, TaskContext& task) {
        Heap heap(std::size_t(limit), before, site);
        detail::drain(pipe_, p, task, heap);
        return heap.take();
    });
    std::vector<Owned> taken;
    Heap all(std::size_t(limit), before, site);
    detail::onDriver(site, [&] {
        for (auto& part : parts)
            for (Owned& x : part) all(std::move(x));
        taken = all.take();
    });
    return taken;
}

template <class T, class Pipe>
template <class F>
    requires std::invocable<F&, const owned_t<T>&, const owned_t<T>&>
auto RDD<T, Pipe>::reduce(F f, Where where) const -> Owned {
    static_assert(detail::RequireConst<F, const Owned&, const Owned&>::holds);
    const detail::OperatorSite site{CallSite{"reduce", where}, id()};
    auto parts = run<std::optional<Owned>>("reduce", where, [&](int p, TaskContext& task) {
        return detail::reducePartition<Owned>(pipe_, p, task, f, site);
    });
    std::optional<Owned> value;
    detail::onDriver(site, [&] {
        detail::FirstReduceSink<Owned, F> sink{value, f, site};
        for (auto& part : parts)
            if (part) sink(std::move(*part));
    });
    if (!value)
        throw UsageError("reduce: empty collection: RDD " + lineage().text() +
                             " has no element; use fold with a zero where that may be",
                         where);
    return std::move(*value);
}

template <class T, class Pipe>
template <class F>
    requires std::invocable<F&, const owned_t<T>&, const owned_t<T>&>
auto RDD<T, Pipe>::fold(Owned zero, F f, Where where) const -> Owned {
    static_assert(detail::RequireConst<F, const Owned&, const Owned&>::holds);
    const detail::OperatorSite site{CallSite{"fold", where}, id()};
    auto parts = run<std::optional<Owned>>("fold", where, [&](int p, TaskContext& task) {
        Owned value = zero;
        detail::ReduceSink<Owned, F> sink{value, f, site};
        detail::drain(pipe_, p, task, sink);
        return value;
    });
    Owned value = zero;
    detail::onDriver(site, [&] {
        detail::ReduceSink<Owned, F> sink{value, f, site};
        for (auto& part : parts) sink(std::move(*part));
    });
    return value;
}

template <class T, class Pipe>
template <class A, class F, class G>
    requires(std::invocable<F&, A&, const T&> && std::invocable<G&, A&, const A&>)
A RDD<T, Pipe>::aggregate(A zero, F fold, G combine, Where where) const {
    static_assert(detail::RequireConst<F, A&, const T&>::holds);
    static_assert(detail::RequireConst<G, A&, const A&>::holds);
    const detail::OperatorSite site{CallSite{"aggregate", where}, id()};
    auto parts = run<std::optional<A>>("aggregate", where, [&](int p, TaskContext& task) {
        A value = zero;
        detail::FoldSink<A, F> sink{value, fold, site};
        detail::drain(pipe_, p, task, sink);
        return value;
    });
    A value = zero;
    detail::onDriver(site, [&] {
        detail::FoldSink<A, G> sink{value, combine, site};
        for (const auto& part : parts) sink(*part);
    });
    return value;
}

template <class T, class Pipe> template <class F> void RDD<T, Pipe>::forEachElement(const F& f, Where where) const {
    const detail::OperatorSite site{CallSite{"foreach", where}, id()};
    run<char>("foreach", where, [&](int p, TaskContext& task) {
        detail::ForeachSink<F> sink{f, site};
        detail::drain(pipe_, p, task, sink);
        return char();
    });
}

template <class T, class Pipe> template <class F> void RDD<T, Pipe>::forEachPartition(const F& f, Where where) const {
    const detail::OperatorSite site{CallSite{"foreachPartition", where}, id()};
    run<char>("foreachPartition", where, [&](int p, TaskContext& task) {
        detail::PipeSource<Pipe> source(pipe_, p, task);
        detail::callUser(site, f, PartitionElements<Owned>(source));
        return char();
    });
}

template <class T, class Pipe>
void RDD<T, Pipe>::saveText(const std::string& directory, bool overwrite, Where where) const {
    const auto engine = lineage().engine();
    engine->checkUsable();
    const int partitions = getNumPartitions();
    detail::TextOutput output(directory, partitions, overwrite);
    run<char>("saveAsTextFile", where, [&](int p, TaskContext& task) {
        auto part = output.openPart(p, task.attemptNumber());
        detail::LineSink sink{*part, {}};
        auto cursor = pipe_.open(p, task);
        bool more = true;
        while (more) {
            more = pipe_.advance(cursor, sink);
            sink.flush();
            task.throwIfCancelled();
        }
        part->commit();
        return char();
    });
    output.commit();
}

} // namespace rivulet
