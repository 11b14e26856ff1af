#pragma once

#include "rivulet/shuffle/aggregate.h"

/// Two keyed RDDs brought together by key.
namespace rivulet::detail {

/// One of the two sides: shuffled, or read in place where it is partitioned as the result is.
template <class Pipe> class CogroupSide {
  public:
    using K = KeyOf<typename Pipe::value_type>;
    using V = ValueOf<typename Pipe::value_type>;
    using Shuffle = KeyedShuffle<Pipe, Grouping<V>>;

    CogroupSide(const LineagePtr& parent, const Pipe& pipe, const std::shared_ptr<const Partitioner>& partitioner)
        : pipe_(pipe) {
        if (!parent->partitioner() || !parent->partitioner()->equals(*partitioner))
            shuffle_ = adopt(new Shuffle(parent, pipe, Grouping<V>{}, partitioner));
        dependency_ = {parent, kIsErased<Pipe>, shuffle_};
    }
    const Dependency& dependency() const { return dependency_; }

    template <class Group, class Place>
    void addTo(Table<K, Group>& table, int partition, TaskContext& task, const Place& place) const {
        if (!shuffle_) {
            LocalSink<Group, Place> sink{table, place, {}};
            drain(pipe_, partition, task, sink);
            return;
        }
        eachOutput<KeyedRows<K, V>>(*shuffle_, partition, task, [&](const auto& rows) {
            mergeRows(table, rows, [&](Table<K, Group>& into, Cell<K, Group>& cell, const Cell<K, V>& row) {
                if (cell.used()) {
                    place(cell.value()).push_back(row.value());
                } else {
                    Group group;
                    place(group).push_back(row.value());
                    into.claimCopy(cell, row.slot(), std::move(group));
                }
            });
        });
    }

  private:
    template <class Group, class Place> struct LocalSink {
        Table<K, Group>& table;
        const Place& place;
        Arena texts;
        template <class Row> void operator()(Row&& row) {
            KeySlot<K> key;
            key.set(std::forward<Row>(row).first, texts);
            SlotGuard guard{key};
            Cell<K, Group>& cell = table.at(key);
            if (cell.used()) {
                place(cell.value()).push_back(own(std::forward<Row>(row).second));
            } else {
                Group group;
                place(group).push_back(own(std::forward<Row>(row).second));
                table.claim(cell, key, std::move(group));
            }
            texts.clear();
        }
        struct SlotGuard {
            KeySlot<K>& key;
            ~SlotGuard() { key.drop(); }
        };
    };

    Pipe pipe_;
    std::shared_ptr<ShuffleDependency> shuffle_; // null where the pipe is read in place
    Dependency dependency_;
};

template <class K, class V, class W> using Cogrouped = std::pair<K, std::pair<std::vector<V>, std::vector<W>>>;

template <class Left, class Right>
class CogroupedNode final
    : public Node<
          Cogrouped<typename CogroupSide<Left>::K, typename CogroupSide<Left>::V, typename CogroupSide<Right>::V>> {
  public:
    using K = typename CogroupSide<Left>::K;
    using Group = std::pair<std::vector<typename CogroupSide<Left>::V>, std::vector<typename CogroupSide<Right>::V>>;

    CogroupedNode(LineagePtr lineage, int partitions, CogroupSide<Left> left, CogroupSide<Right> right)
        : Node<std::pair<K, Group>>(std::move(lineage)),
          partitions_(partitions),
          left_(std::move(left)),
          right_(std::move(right)) {}
    int partitions() const override { return partitions_; }

  protected:
    ReaderPtr<std::pair<K, Group>> compute(int partition, TaskContext& task) const override {
        Table<K, Group> table;
        left_.addTo(table, partition, task, [](Group& group) -> auto& { return group.first; });
        right_.addTo(table, partition, task, [](Group& group) -> auto& { return group.second; });
        return ReaderPtr<std::pair<K, Group>>(new TableReader<K, Group>(std::move(table)));
    }

  private:
    int partitions_;
    CogroupSide<Left> left_;
    CogroupSide<Right> right_;
};

} // namespace rivulet::detail
