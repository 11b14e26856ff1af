#pragma once

#include "rivulet/stream/core.h"
#include "rivulet/words.h"

#include <algorithm>
#include <limits>

/// Recipes: how the RDD of a batch is made out of that of a node, fused as RDD operators fuse. One step is one line
/// over the RDD's.
namespace rivulet::detail {

/// The identity that copies of a chain share, and the one node that its erasures lead to.
struct StreamRecord {
    std::weak_ptr<StreamNodeBase> node;
};
std::shared_ptr<StreamRecord> newRecord();

/// The beginning of every chain: a node.
template <class Node> class NodeRecipe {
  public:
    using RddType = typename Node::RddType;
    static constexpr bool kErased = RddType::kErased;

    NodeRecipe() = default;
    explicit NodeRecipe(std::shared_ptr<Node> node) : node_(std::move(node)) {}
    const std::shared_ptr<Node>& root() const { return node_; }
    std::optional<RddType> operator()(Time time) const { return node_->at(time); }

  private:
    std::shared_ptr<Node> node_;
};

template <class Previous, class Step> class StepRecipe {
  public:
    using RddType = std::invoke_result_t<const Step&, const typename Previous::RddType&>;
    static constexpr bool kErased = false;

    StepRecipe(Previous previous, Step step) : previous_(std::move(previous)), step_(std::move(step)) {}
    decltype(auto) root() const { return previous_.root(); }
    std::optional<RddType> operator()(Time time) const {
        const auto rdd = previous_(time);
        if (!rdd) return std::nullopt;
        return step_(*rdd);
    }

  private:
    Previous previous_;
    Step step_;
};

template <class F> struct MapStep {
    F f;
    std::source_location where;
    template <class R> auto operator()(const R& rdd) const { return rdd.map(f, where); }
};
template <class F> struct FlatMapStep {
    F f;
    std::source_location where;
    template <class R> auto operator()(const R& rdd) const { return rdd.flatMap(f, where); }
};
template <class F> struct FilterStep {
    F f;
    std::source_location where;
    template <class R> auto operator()(const R& rdd) const { return rdd.filter(f, where); }
};
template <class F> struct MapPartitionsStep {
    F f;
    bool preservesPartitioning;
    std::source_location where;
    template <class R> auto operator()(const R& rdd) const {
        return rdd.mapPartitions(f, preservesPartitioning, where);
    }
};
template <class F> struct KeyByStep {
    F f;
    std::source_location where;
    template <class R> auto operator()(const R& rdd) const { return rdd.keyBy(f, where); }
};
struct KeysStep {
    std::source_location where;
    template <class R> auto operator()(const R& rdd) const { return rdd.keys(where); }
};
struct ValuesStep {
    std::source_location where;
    template <class R> auto operator()(const R& rdd) const { return rdd.values(where); }
};
template <class F> struct MapValuesStep {
    F f;
    std::source_location where;
    template <class R> auto operator()(const R& rdd) const { return rdd.mapValues(f, where); }
};

struct GlomStep {
    std::source_location where;
    template <class R> auto operator()(const R& rdd) const { return rdd.glom(where); }
};
template <class F> struct FlatMapValuesStep {
    F f;
    std::source_location where;
    template <class R> auto operator()(const R& rdd) const { return rdd.flatMapValues(f, where); }
};

/// What two RDDs of the same batch, or one of a batch and one that stays, are joined by.
struct CogroupStep {
    static constexpr const char* kName = "cogroup";
    template <class K, class V, class W> using Element = Cogrouped<K, V, W>;
    Partitioning partitioning;
    std::source_location where;
    template <class A, class B> auto operator()(const A& a, const B& b) const {
        return a.cogroup(b, partitioning, where);
    }
};
struct JoinStep {
    static constexpr const char* kName = "join";
    template <class K, class V, class W> using Element = InnerProduct::Element<K, V, W>;
    Partitioning partitioning;
    std::source_location where;
    template <class A, class B> auto operator()(const A& a, const B& b) const { return a.join(b, partitioning, where); }
};
struct LeftOuterJoinStep {
    static constexpr const char* kName = "leftOuterJoin";
    template <class K, class V, class W> using Element = LeftOuterProduct::Element<K, V, W>;
    Partitioning partitioning;
    std::source_location where;
    template <class A, class B> auto operator()(const A& a, const B& b) const {
        return a.leftOuterJoin(b, partitioning, where);
    }
};
struct RightOuterJoinStep {
    static constexpr const char* kName = "rightOuterJoin";
    template <class K, class V, class W> using Element = RightOuterProduct::Element<K, V, W>;
    Partitioning partitioning;
    std::source_location where;
    template <class A, class B> auto operator()(const A& a, const B& b) const {
        return a.rightOuterJoin(b, partitioning, where);
    }
};
struct FullOuterJoinStep {
    static constexpr const char* kName = "fullOuterJoin";
    template <class K, class V, class W> using Element = FullOuterProduct::Element<K, V, W>;
    Partitioning partitioning;
    std::source_location where;
    template <class A, class B> auto operator()(const A& a, const B& b) const {
        return a.fullOuterJoin(b, partitioning, where);
    }
};

/// Gives every element the same key: a reduction of all elements is one by that key.
struct WithSameKey {
    template <class T> std::pair<char, T> operator()(const T& x) const { return {char(), x}; }
};

/// What `countByWindow` adds up, and what it gives: the one value that there is, or 0.
struct OneOfSameKey {
    template <class T> std::pair<char, long> operator()(const T&) const { return {char(), 1L}; }
};
struct CountOrZero {
    std::vector<long> operator()(PartitionElements<std::pair<char, long>> counts) const {
        long sum = 0;
        for (const auto& count : counts) sum += count.second;
        return {sum};
    }
};

/// The sum of the counts, as one element, also where there are none.
RDD<long> sumOfCounts(const RDD<std::pair<char, long>>& counts, std::source_location where);

/// One element: how many the RDD has.
template <class Rdd> RDD<long> countOf(const Rdd& rdd, std::source_location where) {
    struct CountPartition {
        std::vector<std::pair<char, long>> operator()(PartitionElements<typename Rdd::Owned> elements) const {
            long n = 0;
            for (auto at = elements.begin(); at != elements.end(); ++at) ++n;
            return {{char(), n}};
        }
    };
    return sumOfCounts(RDD<std::pair<char, long>>(rdd.mapPartitions(CountPartition{}, false, where)), where);
}

template <class Rdd> void printFirst(const Rdd& rdd, long limit, Time time, std::source_location where) {
    limit = std::min(limit, std::numeric_limits<long>::max() - 1);
    auto elements = rdd.take(limit + 1, where);
    std::vector<std::string> texts;
    for (long i = 0; i < limit && std::size_t(i) < elements.size(); ++i)
        appendText(texts.emplace_back(), elements[std::size_t(i)]);
    printBatch(time, texts, elements.size() > std::size_t(limit));
}

} // namespace rivulet::detail
