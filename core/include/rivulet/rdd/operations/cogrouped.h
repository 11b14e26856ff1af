#pragma once

#include "rivulet/rdd/operations/concepts.h"
#include "rivulet/shuffle/cogroup.h"

#include <tuple>

/// Three or four keyed RDDs brought together by key.
namespace rivulet::detail {

template <class Groups, std::size_t I> struct PlaceAt {
    auto& operator()(Groups& groups) const { return std::get<I>(groups); }
};

template <class First, class... Others>
class CogroupedManyNode final
    : public Node<
          std::pair<typename CogroupSide<First>::K, std::tuple<std::vector<typename CogroupSide<First>::V>,
                                                               std::vector<typename CogroupSide<Others>::V>...>>> {
  public:
    using K = typename CogroupSide<First>::K;
    using Groups =
        std::tuple<std::vector<typename CogroupSide<First>::V>, std::vector<typename CogroupSide<Others>::V>...>;

    CogroupedManyNode(LineagePtr lineage, int partitions, CogroupSide<First> first, CogroupSide<Others>... others)
        : Node<std::pair<K, Groups>>(std::move(lineage)),
          partitions_(partitions),
          sides_(std::move(first), std::move(others)...) {}
    int partitions() const override { return partitions_; }

  protected:
    ReaderPtr<std::pair<K, Groups>> compute(int partition, TaskContext& task) const override {
        Table<K, Groups> table;
        addSides(table, partition, task, std::make_index_sequence<1 + sizeof...(Others)>());
        return ReaderPtr<std::pair<K, Groups>>(new TableReader<K, Groups>(std::move(table)));
    }

  private:
    template <std::size_t... I>
    void addSides(Table<K, Groups>& table, int partition, TaskContext& task, std::index_sequence<I...>) const {
        (std::get<I>(sides_).addTo(table, partition, task, PlaceAt<Groups, I>()), ...);
    }

    int partitions_;
    std::tuple<CogroupSide<First>, CogroupSide<Others>...> sides_;
};

template <class... T, class... P>
auto cogroupMany(const Partitioning& partitioning, std::source_location where, const RDD<T, P>&... parents) {
    using Node = CogroupedManyNode<P...>;
    using Out = typename Node::Element;
    requireKey<typename Node::K>();
    const auto& first = std::get<0>(std::tie(parents...));
    (requireSameContext(first.lineagePtr(), parents.lineagePtr(), "cogroup", where), ...);
    const auto partitioner = choosePartitioner(*first.lineagePtr()->engine(), partitioning,
                                               {{parents.getNumPartitions(), parents.partitioner()}...});
    auto made = lineageAfter(first.lineagePtr(), "CoGroupedRDD", "cogroup", where, partitioner);
    auto sides = std::tuple(CogroupSide<P>(parents.lineagePtr(), parents.pipe(), partitioner)...);
    std::apply([&](const auto&... side) { (made->dependOn(side.dependency()), ...); }, sides);
    auto node = std::apply(
        [&](auto&... side) { return makeNode<Node>(made, partitioner->numPartitions(), std::move(side)...); }, sides);
    return RDD<Out>(std::move(made), ErasedPipe<Out>(std::move(node)));
}

} // namespace rivulet::detail
