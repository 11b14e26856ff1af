#pragma once

#include "rivulet/rdd/pipe.h"

#include <algorithm>
#include <optional>

/// What the tasks of actions do with a partition. Every task publishes its result last, so that a repeated one replaces
/// it.
namespace rivulet::detail {

/// Runs `taskOf(partition, task)` for the given partitions and returns their results in that order.
template <class Result, class Pipe, class Task>
std::vector<Result> runTasks(const LineagePtr& lineage, CallSite site, const std::vector<int>& partitions,
                             const Task& taskOf) {
    std::vector<Result> results(partitions.size());
    lineage->engine()->run({lineage, kIsErased<Pipe>, site, partitions,
                            [&](std::size_t i, TaskContext& task) { results[i] = taskOf(partitions[i], task); }});
    return results;
}

inline std::vector<int> allPartitions(int count) {
    std::vector<int> all(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) all[std::size_t(i)] = i;
    return all;
}

/// How many partitions `take` looks at next, after `scanned` of them gave `found` of `wanted` elements.
int partitionsToTry(const Engine& engine, int scanned, std::size_t found, std::size_t wanted);

/// Runs user functions on the calling thread after the tasks (a final merge); what they throw becomes a JobError as it
/// would in a task.
void onDriver(const OperatorSite& site, const std::function<void()>& merge);

struct CountSink {
    long& count;
    template <class X> void operator()(X&&) { ++count; }
};

template <class F> struct ForeachSink {
    const F& f;
    const OperatorSite& site;
    template <class X> void operator()(X&& x) { callUser(site, f, std::as_const(x)); }
};

/// Folds elements into a value that `fold(value, element)` changes in place or returns anew.
template <class A, class F> struct FoldSink {
    A& value;
    const F& fold;
    const OperatorSite& site;
    template <class X> void operator()(X&& x) {
        if constexpr (std::is_void_v<std::invoke_result_t<const F&, A&, decltype(std::as_const(x))>>)
            callUser(site, fold, value, std::as_const(x));
        else
            value = callUser(site, fold, value, std::as_const(x));
    }
};

/// `value = reduce(value, element)`: a value that is there already is what lets the compiler make vector code of the
/// loop.
template <class T, class F> struct ReduceSink {
    T& value;
    const F& reduce;
    const OperatorSite& site;
    template <class X> void operator()(X&& x) {
        if constexpr (kIsOwned<X>)
            value = callUser(site, reduce, std::as_const(value), std::as_const(x));
        else
            value = callUser(site, reduce, std::as_const(value), std::as_const(static_cast<const T&>(own(x))));
    }
};

/// Reduces what follows the first element; used until a block has given one.
template <class T, class F> struct FirstReduceSink {
    std::optional<T>& value;
    const F& reduce;
    const OperatorSite& site;
    template <class X> void operator()(X&& x) {
        if (value)
            ReduceSink<T, F>{*value, reduce, site}(std::forward<X>(x));
        else
            value.emplace(own(std::forward<X>(x)));
    }
};

/// The reduction of a partition, or nothing where it is empty.
template <class T, class Pipe, class F>
std::optional<T> reducePartition(const Pipe& pipe, int partition, TaskContext& task, const F& reduce,
                                 const OperatorSite& site) {
    std::optional<T> first;
    auto cursor = pipe.open(partition, task);
    bool more = true;
    FirstReduceSink<T, F> begin{first, reduce, site};
    while (more && !first) {
        more = pipe.advance(cursor, begin);
        task.throwIfCancelled();
    }
    if (!first) return first;
    T value = std::move(*first);
    ReduceSink<T, F> sink{value, reduce, site};
    while (more) {
        more = pipe.advance(cursor, sink);
        task.throwIfCancelled();
    }
    return value;
}

/// The first `limit` elements; whoever drives stops when `full`.
template <class T> struct TakeSink {
    Rows<T>& rows;
    std::size_t limit;
    template <class X> void operator()(X&& x) {
        if (rows.size() < limit) rows.push_back(own(std::forward<X>(x)));
    }
    bool full() const { return rows.size() >= limit; }
};

/// The `limit` elements that come first by `before`, in a heap with the last of them on top; of equals the earlier
/// stays.
template <class T, class Before> class BoundedHeap {
  public:
    struct Entry {
        T value;
        std::size_t order;
    };
    BoundedHeap(std::size_t limit, const Before& before, const OperatorSite& site)
        : limit_(limit),
          before_(before),
          site_(site) {}

    template <class X> void operator()(X&& x) {
        const std::size_t order = seen_++;
        if (heap_.size() == limit_) {
            if (limit_ == 0) return;
            if constexpr (kIsOwned<X>) {
                if (!callUser(site_, before_, std::as_const(x), std::as_const(heap_.front().value))) return;
                replace(Entry{T(std::forward<X>(x)), order});
            } else {
                T value = own(x);
                if (!callUser(site_, before_, std::as_const(value), std::as_const(heap_.front().value))) return;
                replace(Entry{std::move(value), order});
            }
            return;
        }
        heap_.push_back(Entry{T(own(std::forward<X>(x))), order});
        std::push_heap(heap_.begin(), heap_.end(), std::ref(*this));
    }
    /// The elements in order.
    std::vector<T> take() {
        std::sort_heap(heap_.begin(), heap_.end(), std::ref(*this));
        std::vector<T> sorted;
        sorted.reserve(heap_.size());
        for (Entry& entry : heap_) sorted.push_back(std::move(entry.value));
        return sorted;
    }
    bool operator()(const Entry& a, const Entry& b) const {
        return callUser(site_, [&] {
            if (before_(a.value, b.value)) return true;
            if (before_(b.value, a.value)) return false;
            return a.order < b.order;
        });
    }

  private:
    void replace(Entry entry) {
        std::pop_heap(heap_.begin(), heap_.end(), std::ref(*this));
        heap_.back() = std::move(entry);
        std::push_heap(heap_.begin(), heap_.end(), std::ref(*this));
    }
    std::size_t limit_, seen_ = 0;
    const Before& before_;
    const OperatorSite& site_;
    std::vector<Entry> heap_;
};

} // namespace rivulet::detail
