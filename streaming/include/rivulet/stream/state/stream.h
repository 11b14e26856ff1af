#pragma once

#include "rivulet/dstream.h"
#include "rivulet/state_spec.h"
#include "rivulet/stream/state/map.h"
#include "rivulet/stream/state/update.h"

namespace rivulet {

/// The states of a stateful operator, to be asked by key from outside of the batches.
///
///     auto totals = pairs.updateStateByKey(addAll).uid("totals");
///     auto view = totals.stateView();
///     ...                                         // in another thread, at any time:
///     std::optional<long> total = view.lookup("river");
///
/// It sees the batch that was completed last, and never one that is running or has failed; two look-ups may see two
/// batches. It may be kept longer than the context.
///
/// Cost:    O(1), and a copy of the state; a look-up waits while the changes of its partition are put in force
/// Threads: any
template <class K, class S> class StateView {
  public:
    /// A view for strings, whose bytes need not be copied for a look-up.
    using KeyArgument = std::conditional_t<std::is_same_v<K, std::string>, std::string_view, const K&>;

    explicit StateView(std::shared_ptr<const detail::StateTables<K, S>> tables) : tables_(std::move(tables)) {}

    /// The state of a key, or nothing where it has none.
    std::optional<S> lookup(KeyArgument key) const {
        detail::Arena texts;
        detail::Cell<K, detail::Nothing> cell;
        cell.set(key, detail::Nothing{}, texts);
        return tables_->lookup(cell.slot());
    }
    /// How many keys have a state.
    long size() const { return long(tables_->size()); }

  private:
    std::shared_ptr<const detail::StateTables<K, S>> tables_;
};

/// The stream of `updateStateByKey`: the state of all keys after each batch.
template <class K, class S> class StateDStream : public DStream<std::pair<K, S>> {
  public:
    using Base = DStream<std::pair<K, S>>;

    /// A handle to nothing, to be assigned later.
    StateDStream() = default;
    StateDStream(Base stream, std::shared_ptr<const detail::StateTables<K, S>> tables)
        : Base(std::move(stream)),
          tables_(std::move(tables)) {}

    StateDStream uid(std::string name) const {
        Base::uid(std::move(name));
        return *this;
    }
    /// For look-ups from any thread.
    StateView<K, S> stateView() const {
        this->recipe();
        return StateView<K, S>(tables_);
    }

  private:
    std::shared_ptr<const detail::StateTables<K, S>> tables_;
};

/// The stream of `mapWithState`: what the function emitted in each batch.
template <class M, class K, class S> class MapWithStateDStream : public DStream<M> {
  public:
    using Where = std::source_location;

    /// A handle to nothing, to be assigned later.
    MapWithStateDStream() = default;
    MapWithStateDStream(DStream<M> mapped, std::shared_ptr<detail::StateKeeper<K, S>> keeper)
        : DStream<M>(std::move(mapped)),
          keeper_(std::move(keeper)) {}

    MapWithStateDStream uid(std::string name) const {
        DStream<M>::uid(std::move(name));
        return *this;
    }
    /// The state of all keys after each batch.
    ///
    /// Cost:   nothing before it is read; then O(keys)
    /// Source: Spark MapWithStateDStream.stateSnapshots
    DStream<std::pair<K, S>> stateSnapshots(Where where = Where::current()) const;
    /// For look-ups from any thread.
    StateView<K, S> stateView() const {
        this->recipe();
        return StateView<K, S>(keeper_->tables());
    }

  private:
    std::shared_ptr<detail::StateKeeper<K, S>> keeper_;
};

} // namespace rivulet

#include "rivulet/stream/state/operations.h"
