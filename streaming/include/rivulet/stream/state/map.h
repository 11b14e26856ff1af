#pragma once

#include "rivulet/state_spec.h"
#include "rivulet/stream/state/keeper.h"

/// `mapWithState`: one call per record, which reads and changes the state of the record's key.
namespace rivulet::detail {

/// What a function of `mapWithState` emits: always (the form without the time), or as its optional says.
template <class F, class K, class V, class S>
concept MapsWithState = std::invocable<F&, const K&, std::optional<V>, State<S>&>;
template <class F, class K, class V, class S>
concept MapsWithStateAt = std::invocable<F&, Time, const K&, std::optional<V>, State<S>&>;

template <class F, class K, class V, class S> struct Mapped {
    using Result = std::remove_cvref_t<std::invoke_result_t<const F&, const K&, std::optional<V>, State<S>&>>;
    static_assert(!std::is_void_v<Result>, "the function of mapWithState returns nothing: return what is to be emitted "
                                           "for the record, or take the time first and return an optional");
    using type = owned_t<Result>;
};
template <class F, class K, class V, class S>
    requires MapsWithStateAt<F, K, V, S>
struct Mapped<F, K, V, S> {
    using Result = std::remove_cvref_t<std::invoke_result_t<const F&, Time, const K&, std::optional<V>, State<S>&>>;
    static_assert(kIsOptional<Result>, "the function of mapWithState that takes the time returns an optional: nothing "
                                       "where nothing is to be emitted");
    using type = owned_t<typename Result::value_type>;
};

/// One partition's changes and what was emitted, out of its states and the records that arrived.
template <class K, class V, class S, class F> class MapPass {
  public:
    using M = typename Mapped<F, K, V, S>::type;
    static constexpr std::uint32_t kNone = DenseIndex::kNone;
    struct Result {
        StateDelta<K, S> delta;
        Rows<M> mapped;
        std::size_t records = 0;
    };

    using Row = BucketedRow<K, V>;

    MapPass(StateTable<K, S>& table, const F& f, const OperatorSite& site, Time time, Rows<M> mapped)
        : table_(table),
          f_(f),
          site_(site),
          time_(time),
          result_{table.beginPass(), std::move(mapped)} {}

    void operator()(const Row* rows, std::size_t count) {
        constexpr std::size_t kAhead = 6;
        std::uint32_t numbers[kResolved];
        result_.records += count;
        for (std::size_t at = 0; at < count; at += kResolved) {
            const std::size_t n = std::min(kResolved, count - at);
            const RowKeys<K, Row, kResolved> keys(rows + at, n);
            table_.resolve(keys, n, numbers, true);
            for (std::size_t i = 0; i < n; ++i) {
                const V& value = valueOf(rows[at + i]);
                if (i + kAhead < n && numbers[i + kAhead] != kNone)
                    table_.prefetchChange(result_.delta, numbers[i + kAhead]);
                if (numbers[i] != kNone)
                    callKnown(numbers[i], value);
                else
                    callNew(newKeyOf(result_.delta, keys[i]), value);
            }
        }
    }
    /// Calls for the keys that were last touched before `threshold`.
    void expire(Time threshold) {
        const StateTimers& timers = table_.timers();
        timers.eachDue(threshold, [&](std::uint32_t number) {
            if (table_.markOf(number) != kNone) return; // touched in this batch
            if (timers.last(number) >= threshold) return result_.delta.rearmed.push_back(number);
            auto& change = changeOf(number);
            const auto& [key, state] = table_.row(number);
            callTimedOut(key, std::nullopt, State<S>(&state, change, true));
            change.kind = StateChange::removed;
        });
    }
    Result finish() {
        result_.delta.marked = true;
        return std::move(result_);
    }

  private:
    ChangedState<S>& changeOf(std::uint32_t number) {
        std::uint32_t position = table_.markOf(number);
        if (position == kNone) {
            position = std::uint32_t(result_.delta.known.size());
            result_.delta.known.push_back({number});
            table_.mark(number, position);
        }
        return result_.delta.known[position];
    }
    void callKnown(std::uint32_t number, const V& value) {
        const auto& [key, state] = table_.row(number);
        call(key, value, State<S>(&state, changeOf(number), false));
    }
    void callNew(std::uint32_t number, const V& value) {
        auto& delta = result_.delta;
        call(delta.newKeys[number], value, State<S>(nullptr, delta.newStates[number], false));
    }
    // Not inline: GCC would warn of the value that is not there.
    [[gnu::noinline]] void callTimedOut(const K& key, std::optional<V> none, State<S>&& state) {
        call(key, std::move(none), std::move(state));
    }
    void call(const K& key, std::optional<V> value, State<S>&& state) {
        try { // as callUser does, which the compiler makes a call of here: a tenth of the pass
            if constexpr (MapsWithStateAt<F, K, V, S>) {
                auto mapped = std::invoke(f_, time_, key, std::move(value), state);
                if (mapped) result_.mapped.push_back(own(std::move(*mapped)));
            } else {
                result_.mapped.push_back(own(std::invoke(f_, key, std::move(value), state)));
            }
        } catch (...) {
            rethrowFrom(site_);
        }
    }

    StateTable<K, S>& table_;
    const F& f_;
    const OperatorSite& site_;
    const Time time_;
    Result result_;
};

/// The same for one page after the other.
template <class K, class V, class S, class F> struct MapPageStep {
    const F& f;
    const OperatorSite& site;
    const Time time, due;
    typename MapPass<K, V, S, F>::Result& result;

    StateDelta<K, S> operator()(StateTable<K, S>& table, const PageInput<K, V>& input) const {
        MapPass<K, V, S, F> pass(table, f, site, time, std::move(result.mapped));
        input.each(pass);
        if (due > Time::min()) pass.expire(due);
        auto done = pass.finish();
        result.mapped = std::move(done.mapped);
        return std::move(done.delta);
    }
};

/// What was emitted in each batch.
template <class Recipe, class K, class V, class S, class F>
class MapStateNode final : public StateNode<Recipe, K, S, typename Mapped<F, K, V, S>::type> {
  public:
    using M = typename Mapped<F, K, V, S>::type;
    using Base = StateNode<Recipe, K, S, M>;
    using Pass = MapPass<K, V, S, F>;

    MapStateNode(std::weak_ptr<StreamCore> core, CallSite site, Recipe recipe,
                 std::shared_ptr<StateKeeper<K, S>> keeper, F f, Duration timeout)
        : Base(std::move(core), site, std::move(recipe), keeper),
          f_(std::move(f)),
          timeout_(timeout),
          spares_(keeper->tables()->partitions()) {}

  protected:
    RDD<M> makeRdd(const std::shared_ptr<Engine>& engine, const StateJob<typename Base::Input>& job,
                   Time time) override {
        auto& keeper = this->keeper();
        auto results = keeper.pages() ? runPages(job, time) : runTables(job, time);
        typename StateKeeper<K, S>::Deltas deltas;
        std::vector<KeptRows<M>> mapped;
        std::size_t bytes = 0, records = 0;
        for (auto& result : results) {
            records += result.records;
            deltas.push_back(std::move(result.delta));
            bytes += rowsSizeBytes(result.mapped);
            mapped.push_back(spares_.lend(std::move(result.mapped)));
        }
        keeper.setRecords(records);
        if (!keeper.pages()) keeper.apply(job, time, std::move(deltas));
        MemoryReservation memory(engine->memory(), engine->memory()->consumer("streams"), std::int64_t(bytes));
        LineagePtr lineage = makeLineage(engine, "MapWithStateRDD", this->site());
        auto node = makeNode<KeptNode<M>>(lineage, std::move(mapped), std::move(memory));
        return RDD<M>(std::move(lineage), ErasedPipe<M>(std::move(node)));
    }

  private:
    using Job = StateJob<typename Base::Input>;
    using Results = std::vector<typename Pass::Result>;

    Results runTables(const Job& job, Time time) const {
        auto& keeper = this->keeper();
        return job.template run<typename Pass::Result>([&](int p, TaskContext& task) {
            Pass pass(keeper.table(p), *f_, job.site(), time, spares_.take());
            job.read(p, task, pass);
            if (timeout_ > Duration::zero()) pass.expire(time - timeout_);
            return pass.finish();
        });
    }
    Results runPages(const Job& job, Time time) const {
        if constexpr (kPageable<K, S>) {
            auto& keeper = this->keeper();
            const Time due = timeout_ > Duration::zero() ? time - timeout_ : Time::min();
            return keeper.template overPages<V, typename Pass::Result>(
                job, {.due = due, .version = keeper.batchVersion(), .time = time},
                [&](int, TaskContext&, typename Pass::Result& result) {
                    result.mapped = spares_.take();
                    return MapPageStep<K, V, S, F>{*f_, job.site(), time, due, result};
                });
        } else {
            return {};
        }
    }

    Function<F> f_;
    const Duration timeout_;
    const SpareRows<M> spares_;
};

/// All states after each batch.
template <class K, class S> class SnapshotNode final : public StreamNode<RDD<std::pair<K, S>>> {
  public:
    SnapshotNode(std::weak_ptr<StreamCore> core, CallSite site, StreamNodePtr mapped,
                 std::shared_ptr<StateKeeper<K, S>> keeper)
        : StreamNode<RDD<std::pair<K, S>>>(std::move(core), site, mapped->slide(), {mapped}),
          keeper_(std::move(keeper)) {}

  protected:
    /// The states are those of this time while its batch is planned, after they were changed.
    std::optional<RDD<std::pair<K, S>>> compute(Time time) override {
        const auto core = this->core();
        if (!core->isPlanning(time)) return std::nullopt;
        return keeper_->version(core->context().engine(), this->site());
    }

  private:
    std::shared_ptr<StateKeeper<K, S>> keeper_;
};

} // namespace rivulet::detail
