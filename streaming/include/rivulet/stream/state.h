#pragma once

#include "rivulet/stream/kept.h"

/// `updateStateByKey`: the states of all keys, as one version per batch.
///
/// A batch reads the version in force and makes the next one; that comes into force when all jobs of the batch have
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

/// One partition's next version, out of the one in force and the values that arrived.
template <class K, class V, class S, class F> class StateUpdate {
  public:
    using States = Rows<std::pair<K, S>>;

    StateUpdate(const States& before, const F& update, const OperatorSite& site)
        : before_(before),
          update_(update),
          site_(site) {}

    /// Takes a key's values; each key comes once.
    void operator()(const std::pair<K, std::vector<V>>& group) {
        Arena texts;
        Cell<K, std::vector<V>> row;
        row.set(group.first, group.second, texts);
        arrived_.claim(arrived_.at(row.slot()), row.slot(), std::move(row.value()));
    }
    std::shared_ptr<const States> finish() {
        auto after = share(new States());
        after->reserve(before_.size() + arrived_.size());
        Table<K, Nothing> known;
        Arena texts;
        for (const auto& [key, state] : before_) {
            Cell<K, Nothing> row;
            row.set(key, Nothing{}, texts);
            const auto* group = arrived_.find(row.slot());
            apply(*after, key, group ? std::span<const V>(group->value()) : std::span<const V>(),
                  std::optional<S>(state));
            if (group) known.claim(known.at(row.slot()), row.slot(), Nothing{});
            texts.clear();
        }
        for (const auto& cell : arrived_.cells())
            if (cell.used() && !known.find(cell.slot()))
                apply(*after, cell.slot().key(), std::span<const V>(cell.value()), std::optional<S>());
        return after;
    }

  private:
    void apply(States& after, const K& key, std::span<const V> arrived, std::optional<S> state) const {
        std::optional<S> updated = callUser(site_, update_, arrived, std::move(state));
        if (updated) after.emplace_back(key, std::move(*updated));
    }

    const States& before_;
    const F& update_;
    const OperatorSite& site_;
    Table<K, std::vector<V>> arrived_;
};

template <class K, class V, class S, class F> class StateNode final : public KeptStreamNode<std::pair<K, S>> {
  public:
    using Groups = RDD<std::pair<K, std::vector<V>>>;
    using States = Rows<std::pair<K, S>>;
    using Version = std::vector<KeptRows<std::pair<K, S>>>;

    StateNode(std::weak_ptr<StreamCore> core, CallSite site, std::shared_ptr<StreamNode<Groups>> groups,
              std::shared_ptr<const Partitioner> partitioner, F update)
        : KeptStreamNode<std::pair<K, S>>(std::move(core), site, groups->slide(), {groups}),
          groups_(std::move(groups)),
          partitioner_(std::move(partitioner)),
          update_(std::move(update)),
          inForce_(std::size_t(partitioner_->numPartitions()), share(new States())) {}

    void commit(Time) override {
        if (next_) inForce_ = std::move(*next_);
        next_.reset();
    }
    void abort(Time time) noexcept override {
        next_.reset();
        this->drop(time);
    }

  protected:
    std::optional<Version> makeRows(Time time, std::shared_ptr<const Partitioner>& partitioner) override {
        const auto engine = this->core()->context().engine();
        const auto groups = groups_->at(time);
        auto lineage = makeLineage(engine, "StateRDD", this->site(), partitioner_);
        if (groups) lineage->dependOn({groups->lineagePtr(), true, nullptr});
        next_ = runTasks<KeptRows<std::pair<K, S>>, ErasedPipe<std::pair<K, S>>>(
            lineage, this->site(), allPartitions(int(inForce_.size())), [&](int p, TaskContext& task) {
                StateUpdate<K, V, S, F> update(*inForce_[std::size_t(p)], *update_, lineage->site());
                if (groups) drain(groups->pipe(), p, task, update);
                return update.finish();
            });
        partitioner = partitioner_;
        return next_;
    }

  private:
    std::shared_ptr<StreamNode<Groups>> groups_;
    std::shared_ptr<const Partitioner> partitioner_;
    Function<F> update_;
    Version inForce_;
    std::optional<Version> next_;
};

} // namespace rivulet::detail
