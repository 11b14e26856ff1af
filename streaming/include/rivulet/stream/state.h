#pragma once

#include "rivulet/stream/graph.h"

#include <mutex>

/// `updateStateByKey`: the states of all keys, as one version per batch.
///
/// A batch reads the version in force and makes the next one; it comes into force when all jobs of the batch have
/// succeeded. A task that is repeated begins from the version in force again, and a batch that fails leaves it as it
/// was.
namespace rivulet::detail {

/// The type S of a function (span<const V>, optional<S>) -> optional<S>, where it can be told.
template <class T> struct OptionalValue;
template <class S> struct OptionalValue<std::optional<S>> {
    using type = S;
};
template <class F> struct StateOf : StateOf<decltype(&F::operator())> {};
template <class R, class V, class S> struct StateOf<R (*)(V, S)> : OptionalValue<std::remove_cvref_t<S>> {};
template <class C, class R, class V, class S>
struct StateOf<R (C::*)(V, S) const> : OptionalValue<std::remove_cvref_t<S>> {};
template <class C, class R, class V, class S> struct StateOf<R (C::*)(V, S)> : OptionalValue<std::remove_cvref_t<S>> {};

/// The versions of a state: the one in force, and what the running batch has made of the next.
template <class K, class S> class StateVersions {
  public:
    using Partition = std::shared_ptr<const std::vector<std::pair<K, S>>>;

    explicit StateVersions(int partitions)
        : inForce_(std::size_t(partitions), std::make_shared<const std::vector<std::pair<K, S>>>()) {}

    int partitions() const { return int(inForce_.size()); }
    const Partition& inForce(int partition) const { return inForce_[std::size_t(partition)]; }

    void begin(Time time) {
        std::lock_guard lock(mutex_);
        batch_ = time;
        next_.assign(inForce_.size(), nullptr);
    }
    /// What this batch made of a partition, or null; also of the batch in force, where a later reader asks.
    Partition made(Time time, int partition) const {
        std::lock_guard lock(mutex_);
        if (batch_ == time) return next_[std::size_t(partition)];
        return nullptr;
    }
    /// Takes a task's result; of two attempts the first counts.
    Partition offer(Time time, int partition, Partition made) {
        std::lock_guard lock(mutex_);
        if (batch_ != time) return made;
        Partition& slot = next_[std::size_t(partition)];
        if (!slot) slot = std::move(made);
        return slot;
    }
    void commit() {
        std::lock_guard lock(mutex_);
        if (batch_) inForce_ = std::move(next_);
        batch_.reset();
    }
    void abort() noexcept {
        std::lock_guard lock(mutex_);
        next_.clear();
        batch_.reset();
    }

  private:
    std::vector<Partition> inForce_; // changed by commit alone, between batches
    mutable std::mutex mutex_;       // guards the following
    std::optional<Time> batch_;
    std::vector<Partition> next_;
};

/// The RDD of all keys and their states after a batch. Keeps what it has computed, as long as it lives itself.
template <class K, class V, class S, class F> class StateRddNode final : public Node<std::pair<K, S>> {
  public:
    using Groups = RDD<std::pair<K, std::vector<V>>>;
    using Versions = StateVersions<K, S>;

    StateRddNode(LineagePtr lineage, Time time, std::shared_ptr<Versions> versions, std::optional<Groups> groups,
                 Function<F> update)
        : Node<std::pair<K, S>>(std::move(lineage)),
          time_(time),
          versions_(std::move(versions)),
          groups_(std::move(groups)),
          update_(std::move(update)),
          kept_(std::size_t(versions_->partitions())) {}
    int partitions() const override { return versions_->partitions(); }

  protected:
    std::unique_ptr<Reader<std::pair<K, S>>> compute(int partition, TaskContext& task) const override {
        typename Versions::Partition rows = versions_->made(time_, partition);
        if (!rows) rows = kept(partition);
        if (!rows) rows = versions_->offer(time_, partition, next(partition, task));
        keep(partition, rows);
        const std::span<const std::pair<K, S>> span(*rows);
        return std::make_unique<RowsReader<std::pair<K, S>>>(std::move(rows), span);
    }

  private:
    typename Versions::Partition kept(int partition) const {
        std::lock_guard lock(mutex_);
        return kept_[std::size_t(partition)];
    }
    void keep(int partition, const typename Versions::Partition& rows) const {
        std::lock_guard lock(mutex_);
        kept_[std::size_t(partition)] = rows;
    }
    typename Versions::Partition next(int partition, TaskContext& task) const {
        Table<K, std::vector<V>> arrived;
        if (groups_) gather(arrived, partition, task);
        const auto& before = *versions_->inForce(partition);
        auto after = std::make_shared<std::vector<std::pair<K, S>>>();
        after->reserve(before.size() + arrived.size());
        Table<K, Nothing> known;
        Arena texts;
        for (const auto& [key, state] : before) {
            KeySlot<K> slot;
            slot.set(key, texts);
            const Cell<K, std::vector<V>>* group = arrived.find(slot);
            apply(*after, key, group ? std::span<const V>(group->value()) : std::span<const V>(),
                  std::optional<S>(state));
            if (group) known.claim(known.at(slot), slot, Nothing{});
            slot.drop();
            texts.clear();
        }
        for (const auto& cell : arrived.cells()) {
            if (!cell.used() || known.find(cell.slot())) continue;
            apply(*after, cell.slot().key(), std::span<const V>(cell.value()), std::optional<S>());
        }
        return after;
    }
    void gather(Table<K, std::vector<V>>& arrived, int partition, TaskContext& task) const {
        auto reader = groups_->pipe().node()->open(partition, task);
        Arena texts;
        for (bool more = true; more;) {
            std::span<const std::pair<K, std::vector<V>>> chunk;
            more = reader->next(chunk);
            for (const auto& [key, values] : chunk) {
                KeySlot<K> slot;
                slot.set(key, texts);
                arrived.claim(arrived.at(slot), slot, values);
                slot.drop();
                texts.clear();
            }
        }
    }
    void apply(std::vector<std::pair<K, S>>& after, const K& key, std::span<const V> arrived,
               std::optional<S> state) const {
        std::optional<S> updated = callUser(this->lineage()->site(), *update_, arrived, std::move(state));
        if (updated) after.emplace_back(key, std::move(*updated));
    }

    const Time time_;
    const std::shared_ptr<Versions> versions_;
    const std::optional<Groups> groups_;
    const Function<F> update_;
    mutable std::mutex mutex_; // guards kept_
    mutable std::vector<typename Versions::Partition> kept_;
};

template <class K, class V, class S, class F>
class StateNode final : public StreamNode<RDD<std::pair<K, S>>>, public StateOperator {
  public:
    using Rdd = RDD<std::pair<K, S>>;
    using Groups = RDD<std::pair<K, std::vector<V>>>;

    StateNode(std::weak_ptr<StreamCore> core, CallSite site, std::shared_ptr<StreamNode<Groups>> groups,
              std::shared_ptr<const Partitioner> partitioner, F update)
        : StreamNode<Rdd>(std::move(core), site, groups->slide(), {groups}),
          groups_(std::move(groups)),
          partitioner_(std::move(partitioner)),
          update_(std::move(update)),
          versions_(std::make_shared<StateVersions<K, S>>(partitioner_->numPartitions())) {}

    void materialize(Time time) override {
        const auto rdd = this->at(time);
        if (!rdd) return;
        const auto& node = rdd->pipe().node();
        node->lineage()->engine()->run({node->lineage(), true, this->site(), allPartitions(node->partitions()),
                                        [&](std::size_t p, TaskContext& task) { node->open(int(p), task); }});
    }
    void commit(Time) override { versions_->commit(); }
    void abort(Time) noexcept override { versions_->abort(); }

  protected:
    std::optional<Rdd> compute(Time time) override {
        const auto engine = this->core()->context().engine();
        auto groups = groups_->at(time);
        versions_->begin(time);
        auto made = std::make_shared<Lineage>(engine, "StateRDD", this->site(), partitioner_);
        if (groups) made->dependOn({groups->lineagePtr(), true, nullptr});
        auto node = std::make_shared<const StateRddNode<K, V, S, F>>(made, time, versions_, std::move(groups), update_);
        return Rdd(std::move(made), ErasedPipe<std::pair<K, S>>(std::move(node)));
    }

  private:
    std::shared_ptr<StreamNode<Groups>> groups_;
    std::shared_ptr<const Partitioner> partitioner_;
    Function<F> update_;
    std::shared_ptr<StateVersions<K, S>> versions_;
};

} // namespace rivulet::detail
