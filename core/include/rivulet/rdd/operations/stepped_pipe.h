#pragma once

#include "rivulet/rdd/operations/concepts.h"

/// Narrow operators that keep something from element to element of a partition: a position, a sequence of random
/// numbers.
namespace rivulet::detail {

template <class F, class Sink> struct StepSink {
    const F& step;
    typename F::State& state;
    Sink& next;
    template <class X> void operator()(X&& x) { step(state, std::forward<X>(x), next); }
};

/// `F::start(partition)` gives the state in which a partition begins; `step(state, x, next)` pushes what it makes of x.
template <class Parent, class F> class SteppedPipe {
  public:
    using value_type = typename F::template result<typename Parent::value_type>;
    struct Cursor {
        typename Parent::Cursor parent;
        typename F::State state;
    };

    SteppedPipe(Parent parent, F step) : parent_(std::move(parent)), step_(std::move(step)) {}
    int partitions() const { return parent_.partitions(); }
    Cursor open(int partition, TaskContext& task) const {
        return {parent_.open(partition, task), step_.start(partition)};
    }
    template <class Sink> bool advance(Cursor& cursor, Sink& sink) const {
        StepSink<F, Sink> next{step_, cursor.state, sink};
        return parent_.advance(cursor.parent, next);
    }

  private:
    Parent parent_;
    F step_; // small, or it shares what is large
};

template <class T, class P, class F>
auto stepped(const RDD<T, P>& rdd, const char* operation, std::source_location where,
             std::shared_ptr<const Partitioner> partitioner, F step) {
    using Next = SteppedPipe<P, F>;
    auto made = lineageAfterNarrow(rdd.lineagePtr(), kIsErased<P>, operation, where, std::move(partitioner));
    return RDD<typename Next::value_type, Next>(std::move(made), Next(rdd.pipe(), std::move(step)));
}

/// Numbers elements: partition p begins at `first(p)`, each element is `stride` further.
struct NumberStep {
    std::shared_ptr<const std::vector<long>> firsts; // null: partition p begins at p
    long stride;
    template <class T> using result = std::pair<T, long>;
    using State = long;
    State start(int partition) const { return firsts ? (*firsts)[std::size_t(partition)] : partition; }
    template <class X, class Sink> void operator()(State& at, X&& x, Sink& next) const {
        next(std::pair<std::remove_cvref_t<X>, long>(std::forward<X>(x), at));
        at += stride;
    }
};

} // namespace rivulet::detail
