#pragma once

#include "rivulet/stream/state/keeper.h"

/// `updateStateByKey`: one pass over the keys of a partition, with the values that arrived for each.
namespace rivulet::detail {

/// The type S of a function whose last parameter is an optional<S>, where it can be told.
template <class T> struct OptionalValue {};
template <class S> struct OptionalValue<std::optional<S>> {
    using type = S;
};
template <class... X> struct LastOptional {};
template <class X> struct LastOptional<X> : OptionalValue<std::remove_cvref_t<X>> {};
template <class X, class Y, class... Z> struct LastOptional<X, Y, Z...> : LastOptional<Y, Z...> {};

template <class F> struct StateOf {};
template <class F>
    requires requires { &F::operator(); }
struct StateOf<F> : StateOf<decltype(&F::operator())> {};
template <class R, class... X> struct StateOf<R (*)(X...)> : LastOptional<X...> {};
template <class C, class R, class... X> struct StateOf<R (C::*)(X...) const> : LastOptional<X...> {};
template <class C, class R, class... X> struct StateOf<R (C::*)(X...)> : LastOptional<X...> {};

template <class F>
concept NamesItsState = requires { typename StateOf<F>::type; };

/// The forms of an update function, by what it wants to know beside the values and the state.
template <class F, class V, class S>
concept UpdatesState = std::invocable<F&, std::span<const V>, std::optional<S>>;
template <class F, class K, class V, class S>
concept UpdatesStateOfKey = std::invocable<F&, const K&, std::span<const V>, std::optional<S>>;
template <class F, class V, class S>
concept UpdatesStateAt = std::invocable<F&, Time, std::span<const V>, std::optional<S>>;
template <class F, class K, class V, class S>
concept UpdatesStateOfKeyAt = std::invocable<F&, Time, const K&, std::span<const V>, std::optional<S>>;

template <class F, class T, class S>
concept StateUpdate = UpdatesState<F, typename PairTypes<T>::Value, S> ||
                      UpdatesStateOfKey<F, typename PairTypes<T>::Key, typename PairTypes<T>::Value, S> ||
                      UpdatesStateAt<F, typename PairTypes<T>::Value, S> ||
                      UpdatesStateOfKeyAt<F, typename PairTypes<T>::Key, typename PairTypes<T>::Value, S>;

template <class K, class V, class S, class F> constexpr void requireConstUpdate() {
    if constexpr (UpdatesState<F, V, S>)
        static_assert(RequireConst<F, std::span<const V>, std::optional<S>>::holds);
    else if constexpr (UpdatesStateOfKey<F, K, V, S>)
        static_assert(RequireConst<F, const K&, std::span<const V>, std::optional<S>>::holds);
    else if constexpr (UpdatesStateAt<F, V, S>)
        static_assert(RequireConst<F, Time, std::span<const V>, std::optional<S>>::holds);
    else
        static_assert(RequireConst<F, Time, const K&, std::span<const V>, std::optional<S>>::holds);
}

/// What arrived in a partition; its memory is used again.
template <class V> struct Arrived {
    GroupedValues<V> known, added;
};

/// One partition's changes, out of its states and the values that arrived.
template <class K, class V, class S, class F> class UpdatePass {
  public:
    static constexpr std::uint32_t kNone = DenseIndex::kNone;

    using Row = BucketedRow<K, V>;

    UpdatePass(StateTable<K, S>& table, const F& update, const OperatorSite& site, Time time, UpdatedKeys which,
               Arrived<V>& arrived)
        : table_(table),
          update_(update),
          site_(site),
          time_(time),
          all_(which == UpdatedKeys::all),
          arrived_(arrived.known),
          arrivedNew_(arrived.added),
          delta_(table.beginPass()) {
        arrived_.clear();
        arrivedNew_.clear();
    }

    void operator()(const Row* rows, std::size_t count) {
        std::uint32_t numbers[kResolved];
        for (std::size_t at = 0; at < count; at += kResolved) {
            const std::size_t n = std::min(kResolved, count - at);
            const RowKeys<K, Row, kResolved> keys(rows + at, n);
            table_.resolve(keys, n, numbers, !all_);
            for (std::size_t i = 0; i < n; ++i) {
                const V& value = valueOf(rows[at + i]);
                if (numbers[i] == kNone)
                    arrivedNew_.add(newKeyOf(delta_, keys[i]), value);
                else
                    arrived_.add(all_ ? numbers[i] : touchedOf(numbers[i]), value);
            }
        }
    }
    StateDelta<K, S> finish(TaskContext& task) {
        const std::size_t count = all_ ? table_.rowCount() : touched_.size();
        arrived_.finish(count);
        for (std::size_t i = 0; i < count; ++i) {
            if (i % kChunk == 0) task.throwIfCancelled();
            const std::uint32_t number = all_ ? std::uint32_t(i) : touched_[i];
            const auto& [key, state] = table_.row(number);
            auto after = call(key, arrived_.of(i), std::optional<S>(state));
            if (!after)
                delta_.known.push_back({number, StateChange::removed, std::nullopt});
            else if (!isSameState(state, *after))
                delta_.known.push_back({number, StateChange::updated, std::move(after)});
        }
        arrivedNew_.finish(delta_.newKeys.size());
        for (std::size_t i = 0; i < delta_.newKeys.size(); ++i) {
            auto& change = delta_.newStates[i];
            auto after = call(delta_.newKeys[i], arrivedNew_.of(i), std::nullopt);
            if (!after) continue;
            change.state = std::move(*after);
            change.kind = StateChange::updated;
        }
        return std::move(delta_);
    }

  private:
    std::uint32_t touchedOf(std::uint32_t number) {
        const std::uint32_t known = table_.markOf(number);
        if (known != kNone) return known;
        const auto position = std::uint32_t(touched_.size());
        touched_.push_back(number);
        table_.mark(number, position);
        return position;
    }
    std::optional<S> call(const K& key, std::span<const V> arrived, std::optional<S> state) const {
        if constexpr (UpdatesState<F, V, S>)
            return callUser(site_, update_, arrived, std::move(state));
        else if constexpr (UpdatesStateOfKey<F, K, V, S>)
            return callUser(site_, update_, key, arrived, std::move(state));
        else if constexpr (UpdatesStateAt<F, V, S>)
            return callUser(site_, update_, time_, arrived, std::move(state));
        else
            return callUser(site_, update_, time_, key, arrived, std::move(state));
    }

    StateTable<K, S>& table_;
    const F& update_;
    const OperatorSite& site_;
    const Time time_;
    const bool all_;
    GroupedValues<V>&arrived_, &arrivedNew_; // by row, or by position in `touched_`; by new key
    Rows<std::uint32_t> touched_;
    StateDelta<K, S> delta_;
};

/// The same for one page after the other.
template <class K, class V, class S, class F> struct UpdatePageStep {
    const F& update;
    const OperatorSite& site;
    const Time time;
    const UpdatedKeys which;
    Arrived<V>& arrived;
    TaskContext& task;

    StateDelta<K, S> operator()(StateTable<K, S>& table, const PageInput<K, V>& input) const {
        UpdatePass<K, V, S, F> pass(table, update, site, time, which, arrived);
        input.each(pass);
        return pass.finish(task);
    }
};

/// The states of all keys after each batch.
template <class Recipe, class K, class V, class S, class F>
class UpdateStateNode final : public StateNode<Recipe, K, S, std::pair<K, S>> {
  public:
    using Base = StateNode<Recipe, K, S, std::pair<K, S>>;

    UpdateStateNode(std::weak_ptr<StreamCore> core, CallSite site, Recipe recipe,
                    std::shared_ptr<StateKeeper<K, S>> keeper, F update, UpdatedKeys which)
        : Base(std::move(core), site, std::move(recipe), std::move(keeper)),
          update_(std::move(update)),
          which_(which),
          arrived_(std::size_t(this->keeper().tables()->partitions())) {}

  protected:
    RDD<std::pair<K, S>> makeRdd(const std::shared_ptr<Engine>& engine, const StateJob<typename Base::Input>& job,
                                 Time time) override {
        auto& keeper = this->keeper();
        if (keeper.pages()) {
            updatePages(job, time);
            return keeper.version(engine, this->site());
        }
        auto deltas = job.template run<StateDelta<K, S>>([&](int p, TaskContext& task) {
            UpdatePass<K, V, S, F> pass(keeper.table(p), *update_, job.site(), time, which_, arrived_[std::size_t(p)]);
            job.read(p, task, pass);
            return pass.finish(task);
        });
        std::size_t records = 0;
        for (const auto& arrived : arrived_) records += arrived.known.size() + arrived.added.size();
        keeper.setRecords(records);
        keeper.apply(job, time, std::move(deltas));
        return keeper.version(engine, this->site());
    }

  private:
    struct Counted {
        std::size_t records = 0;
    };
    void updatePages(const StateJob<typename Base::Input>& job, Time time) {
        if constexpr (kPageable<K, S>) {
            auto& keeper = this->keeper();
            keeper.template overPages<V, Counted>(
                job, {.all = which_ == UpdatedKeys::all, .version = keeper.batchVersion(), .time = time},
                [&](int p, TaskContext& task, Counted&) {
                    return UpdatePageStep<K, V, S, F>{*update_, job.site(), time, which_, arrived_[std::size_t(p)],
                                                      task};
                });
        }
    }

    Function<F> update_;
    const UpdatedKeys which_;
    Rows<Arrived<V>> arrived_; // by partition
};

} // namespace rivulet::detail
