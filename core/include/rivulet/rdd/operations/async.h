#pragma once

#include "rivulet/jobs/job_future.h"
#include "rivulet/rdd/operations/concepts.h"
#include "rivulet/rdd/partitions.h"

namespace rivulet::detail {

// What the threads of asynchronous actions run.
template <class Rdd> struct CountAction {
    using Result = long;
    Rdd rdd;
    std::source_location where;
    void operator()(Result& result) const { result = rdd.count(where); }
};
template <class Rdd> struct CollectAction {
    using Result = std::vector<typename Rdd::Owned>;
    Rdd rdd;
    std::source_location where;
    void operator()(Result& result) const { result = rdd.collect(where); }
};
template <class Rdd> struct TakeAction {
    using Result = std::vector<typename Rdd::Owned>;
    Rdd rdd;
    std::source_location where;
    long limit;
    void operator()(Result& result) const { result = rdd.take(limit, where); }
};
template <class Rdd, class F> struct ForeachAction {
    Rdd rdd;
    std::source_location where;
    F f;
    void operator()() const { rdd.foreach (f, where); }
};
template <class Rdd, class F> struct ForeachPartitionAction {
    Rdd rdd;
    std::source_location where;
    F f;
    void operator()() const { rdd.foreachPartition(f, where); }
};

/// The actions of RDD that return at once, and run on a thread of their own.
template <class Self, class T> class AsyncOperations {
    using Where = std::source_location;
    const Self& self() const { return static_cast<const Self&>(*this); }

  public:
    /// `count` on a thread of its own, under the job group, tags and properties of this one.
    ///
    /// Errors: what the action throws comes from the future's `get`
    /// Source: Spark AsyncRDDActions
    JobFuture<long> countAsync(Where where = Where::current()) const {
        return started(CountAction<Self>{self(), where});
    }
    auto collectAsync(Where where = Where::current()) const { return started(CollectAction<Self>{self(), where}); }
    auto takeAsync(long limit, Where where = Where::current()) const {
        return started(TakeAction<Self>{self(), where, limit});
    }
    template <class F>
        requires std::invocable<F&, const T&>
    JobFuture<void> foreachAsync(F f, Where where = Where::current()) const {
        return begun(ForeachAction<Self, F>{self(), where, std::move(f)});
    }
    template <class F>
        requires std::invocable<F&, PartitionElements<owned_t<T>>>
    JobFuture<void> foreachPartitionAsync(F f, Where where = Where::current()) const {
        return begun(ForeachPartitionAction<Self, F>{self(), where, std::move(f)});
    }

  private:
    template <class Action> auto started(Action action) const {
        using Result = typename Action::Result;
        auto result = share(new Result());
        auto running = AsyncAction::start(checkedLineage(self().lineagePtr()).engine(),
                                          [action = std::move(action), result] { action(*result); });
        return JobFuture<Result>(std::move(running), std::move(result));
    }
    template <class Action> JobFuture<void> begun(Action action) const {
        return JobFuture<void>(AsyncAction::start(checkedLineage(self().lineagePtr()).engine(), std::move(action)));
    }
};

} // namespace rivulet::detail
