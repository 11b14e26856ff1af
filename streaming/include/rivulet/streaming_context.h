#pragma once

#include "rivulet/clock.h"
#include "rivulet/dstream.h"
#include "rivulet/input/queue_stream.h"
#include "rivulet/input_dstream.h"
#include "rivulet/receiver.h"

namespace rivulet {

enum class StreamingContextState { INITIALIZED, ACTIVE, STOPPED };

/// The way into streaming: declares streams, then runs their batches, one every batch duration.
///
/// A movable handle; copies mean the same context. States go from INITIALIZED over ACTIVE to STOPPED and never back.
/// One StreamingContext may be active in a process at a time.
///
/// A batch that fails (a user function threw in every attempt) changes no state and ends the streaming:
/// `awaitTermination` throws its error, and what was received and not processed is counted and logged.
///
/// Threads: declare streams on one thread; `stop`, `awaitTermination` and the getters may be called from any
/// Source:  Spark StreamingContext
class StreamingContext {
  public:
    using Where = std::source_location;

    /// Errors: UsageError where `batchDuration` is not positive
    StreamingContext(const Context& context, Duration batchDuration, Where where = Where::current());
    StreamingContext(const Conf& conf, Duration batchDuration, Where where = Where::current());
    /// With a clock of one's own.
    StreamingContext(const Context& context, Duration batchDuration, std::shared_ptr<Clock> clock,
                     Where where = Where::current());

    const Context& context() const { return core()->context(); }
    Duration batchDuration() const { return core()->batchDuration(); }
    StreamingContextState getState() const;
    /// The context of this process that was started and not stopped, or nothing: one that is not started yet is never
    /// returned.
    static std::optional<StreamingContext> getActive();
    /// The active context, or what `create()` gives, which is not started.
    ///
    /// Source: Spark StreamingContext.getActiveOrCreate
    template <class Create>
        requires std::invocable<Create&>
    static StreamingContext getActiveOrCreate(Create create) {
        if (const auto active = getActive()) return *active;
        return create();
    }

    /// Stores what the streams keep in a directory: states, positions of the sources, which batch was the last. Each
    /// batch is committed there when all of it has succeeded, with one synced write, and another process that is given
    /// the same directory goes on after the last batch that was: the state is that of every record once.
    ///
    /// Nothing of the program is stored, so it may change. Stateful operators and sources are found again by the names
    /// that `.uid` gives them, which are required then; keys and states are written as `serialization/stored.h` says.
    /// A batch that was begun and not finished is run again first, with the time and the input that it had, so an
    /// output that can tell batches by their times has each of them once.
    ///
    /// Cost:   two syncs of the disk per batch (its plan, its commit); changed rows are written three times over time
    /// Errors: UsageError where the directory has no name or a scheme; at the start, where names are missing or given
    ///         twice, or a type cannot be written. RecoveryError at the start, where the directory is in use, is not
    ///         whole, or does not fit the program; it says what can be done, by `options` for example
    /// Source: Spark StreamingContext.checkpoint
    void checkpoint(std::string directory, CheckpointOptions options = {}, Where where = Where::current()) const {
        core()->checkpoint(std::move(directory), std::move(options), where);
    }
    /// Makes a savepoint: a copy of the checkpoint directory as it is after the batch that runs, or the next one, from
    /// which a program begins that is given it (`CheckpointOptions::from`). Returns its path when it is complete; until
    /// then it is not there. Without a path it gets a name, in the folder `rivulet.streaming.savepoints.directory`, of
    /// which the newest `rivulet.streaming.savepoints.retained` are kept. Called by a function that runs within a batch
    /// it only asks for it, and a failure is logged.
    ///
    /// Cost:    milliseconds between two batches; files are copied meanwhile, or linked where it is on the same disk
    /// Errors:  UsageError where there is no checkpoint directory, the context does not run, or `path` is there
    /// already;
    ///          IoError; CancelledError where the context is stopped first
    /// Threads: any
    /// Source:  Flink's savepoints
    std::string savepoint(std::string path = {}, Where where = Where::current()) const {
        return core()->savepoint(std::move(path), true, where);
    }
    /// What `build()` gives, which always runs and is not started; it must have called `checkpoint` with this
    /// directory. Whether it goes on from what is there, or begins, is seen at the start.
    ///
    /// Errors: UsageError where `build` has set another directory, or none
    /// Source: Spark StreamingContext.getOrCreate, which does not run the function where there is a checkpoint
    template <class Build>
        requires std::invocable<Build&>
    static StreamingContext getOrCreate(const std::string& directory, Build build, Where where = Where::current()) {
        StreamingContext ssc = build();
        requireDirectory(ssc, directory, where);
        return ssc;
    }

    /// Has every stream keep its RDDs for at least this long. May be called once.
    void remember(Duration duration, Where where = Where::current()) const { core()->remember(duration, where); }

    /// What becomes of batches whose time passed while an earlier one ran; where it is not called,
    /// `rivulet.streaming.lateBatches` says so (`merge` by default). Those that do not run are counted in
    /// `metrics().missedTicks`.
    ///
    /// Errors: UsageError after the start
    /// Source: Spark runs all of them
    void setLateBatches(LateBatches policy, Where where = Where::current()) const {
        core()->setLateBatches(policy, where);
    }

    /// A stream that is fed by `push`. Each batch takes one of the RDDs pushed (or all, where `oneAtATime` is false);
    /// none gives an empty one.
    template <class T> QueueStream<T> queueStream(bool oneAtATime = true, Where where = Where::current()) const {
        return QueueStream<T>::make(core(), oneAtATime, where);
    }
    /// A stream that a receiver of one's own feeds, given by value or by pointer; see `Receiver`.
    ///
    /// Shape:  one RDD per batch; a partition for every 64 KiB and every block interval, at most the default
    ///         parallelism
    /// Errors: UsageError where the pointer is null
    /// Source: Spark StreamingContext.receiverStream
    template <AnyReceiver R>
    ReceiverStream<typename R::Element> receiverStream(R receiver, Where where = Where::current()) const {
        return receiverStream(detail::share(new R(std::move(receiver))), where);
    }
    template <AnyReceiver R>
    ReceiverStream<typename R::Element> receiverStream(std::shared_ptr<R> receiver,
                                                       Where where = Where::current()) const {
        return detail::receiverStream<typename R::Element>(core(), std::move(receiver), where);
    }
    template <AnyReceiver R>
    ReceiverStream<typename R::Element> receiverStream(std::unique_ptr<R> receiver,
                                                       Where where = Where::current()) const {
        return receiverStream(std::shared_ptr<R>(std::move(receiver)), where);
    }
    /// A stream of a source of one's own, given by value or by pointer; see `InputDStream`.
    ///
    /// Errors: UsageError where the pointer is null
    /// Source: Spark InputDStream
    template <AnyInputDStream S>
    DStream<typename S::Element> inputStream(S source, Where where = Where::current()) const {
        return inputStream(detail::share(new S(std::move(source))), where);
    }
    template <AnyInputDStream S>
    DStream<typename S::Element> inputStream(std::shared_ptr<S> source, Where where = Where::current()) const {
        return detail::pulledStream<typename S::Element>(core(), "inputStream", "Input stream", std::move(source),
                                                         where);
    }
    /// The same RDD in every batch.
    ///
    /// Errors: UsageError where the RDD is a handle to nothing, or of another Context
    /// Source: Spark ConstantInputDStream
    template <class T, class P>
    DStream<owned_t<T>> constantStream(const RDD<T, P>& rdd, Where where = Where::current()) const {
        using U = owned_t<T>;
        if (detail::checkedLineage(rdd.lineagePtr()).engine() != context().engine())
            throw UsageError("constantStream: the RDD belongs to another Context than the stream; make it with the "
                             "stream's",
                             where);
        return detail::pulledStream<U>(core(), "constantStream", "Constant stream",
                                       detail::share(new detail::ConstantInput<U>(RDD<U>(rdd))), where);
    }
    /// Generates so many records per second, `f(number)` with numbers from 0 on: which ones a batch has follows from
    /// its time since the start alone, so a run can be repeated.
    ///
    /// Errors: UsageError where `recordsPerSecond` is below 1
    template <class F>
        requires std::invocable<const F&, long>
    DStream<owned_t<std::invoke_result_t<const F&, long>>> rateStream(long recordsPerSecond, F f,
                                                                      Where where = Where::current()) const {
        using T = owned_t<std::invoke_result_t<const F&, long>>;
        detail::requireRate(recordsPerSecond, where);
        return detail::pulledStream<T>(core(), "rateStream", "Rate stream",
                                       detail::share(new detail::RateInput<T, F>(recordsPerSecond, std::move(f))),
                                       where);
    }
    /// The same with records (number, value): values in [0, 1) that follow from the number and the seed.
    DStream<std::pair<long, double>> rateStream(long recordsPerSecond, std::uint64_t seed = 1,
                                                Where where = Where::current()) const;
    /// Every input that was declared, in the order of creation.
    std::vector<InputInfo> inputs() const { return core()->inputs(); }

    /// The elements of all streams, one after the other.
    ///
    /// Errors: UsageError where there is none, or where they differ in slide or context
    template <class T>
    DStream<T> unionAll(const std::vector<DStream<T>>& streams, Where where = Where::current()) const {
        if (streams.empty()) throw UsageError("unionAll: no streams were given; it needs at least one", where);
        DStream<T> all = streams.front();
        for (std::size_t i = 1; i < streams.size(); ++i) all = all.unionWith(streams[i], where);
        return all;
    }

    /// What `f(vector<RDD<T>>)` or `f(vector<RDD<T>>, Time)` makes of the RDDs of all streams, in their order. `f` runs
    /// on the driver, once per batch, and may run jobs.
    ///
    /// Errors: UsageError where there is no stream, or where they differ in slide or context
    /// Source: Spark StreamingContext.transform
    template <class T, class F>
        requires(std::invocable<F&, std::vector<RDD<T>>> || std::invocable<F&, std::vector<RDD<T>>, Time>)
    auto transform(const std::vector<DStream<T>>& streams, F f, Where where = Where::current()) const;

    void addStreamingListener(std::shared_ptr<StreamingListener> listener) const { core()->add(std::move(listener)); }
    void removeStreamingListener(const std::shared_ptr<StreamingListener>& listener) const { core()->remove(listener); }

    /// Begins to receive and to run batches. On an active context it does nothing but warn.
    ///
    /// Errors: UsageError where no output operation was declared, where another StreamingContext is active, or after a
    /// stop
    void start(Where where = Where::current()) const { core()->start(true, where); }
    /// Returns when the context was stopped; throws the error that made it stop, if one did.
    void awaitTermination() const { core()->awaitTermination(std::nullopt); }
    /// The same for at most `timeout`: false where it is over first.
    bool awaitTerminationOrTimeout(Duration timeout) const { return core()->awaitTermination(timeout); }
    /// Ends receiving and running. Gracefully: what was received is processed before (for at most
    /// `rivulet.streaming.gracefulStopTimeout`, by default ten batches); otherwise it is counted as dropped. May be
    /// repeated, and called before the start. Called by a function that runs within a batch it only asks for the stop,
    /// which follows when that batch is done.
    ///
    /// Errors: UsageError from within a listener
    void stop(bool stopContext, bool stopGracefully = false) const { core()->stop(stopContext, stopGracefully); }
    /// Not gracefully; stops the Context too, unless `rivulet.streaming.stopContextByDefault` is false.
    void stop() const;
    /// Stops when the process gets SIGINT or SIGTERM, gracefully unless told otherwise; a second signal ends the
    /// process at once.
    void stopOnSignal(bool gracefully = true) const;
    /// Records that were received and never processed.
    long droppedRecords() const { return core()->droppedRecords(); }
    /// How many batches and records there were, and how the last batch went.
    ///
    /// Threads: any
    StreamingMetrics metrics() const { return core()->metrics(); }

    const std::shared_ptr<detail::StreamCore>& core() const { return handle_->core; }

  private:
    struct Handle { // the last one stops what was started
        std::shared_ptr<detail::StreamCore> core;
        ~Handle() { core->release(); }
    };
    static void requireDirectory(const StreamingContext& ssc, const std::string& directory, Where where);
    explicit StreamingContext(std::shared_ptr<const Handle> handle) : handle_(std::move(handle)) {}

    std::shared_ptr<const Handle> handle_;
};

template <class T, class F>
    requires(std::invocable<F&, std::vector<RDD<T>>> || std::invocable<F&, std::vector<RDD<T>>, Time>)
auto StreamingContext::transform(const std::vector<DStream<T>>& streams, F f, Where where) const {
    using Result = std::remove_cvref_t<decltype(detail::callWithTime(f, Time(), std::declval<std::vector<RDD<T>>>()))>;
    static_assert(AnyRdd<Result>, "transform's function must return an RDD");
    using U = typename Result::Owned;
    core()->requireOpen("transform", where);
    if (streams.empty()) throw UsageError("transform: no streams were given; it needs at least one", where);
    std::vector<detail::StreamNodePtr> parents;
    for (const DStream<T>& stream : streams) {
        parents.push_back(stream.recipe().root());
        detail::requireCombinable(*parents.front(), *parents.back(), "transform", where);
    }
    const CallSite site{"transform", where};
    const auto make = [streams, f = std::move(f), site](Time time) -> std::optional<RDD<U>> {
        std::vector<RDD<T>> rdds;
        for (const DStream<T>& stream : streams) {
            auto rdd = stream.recipe()(time);
            if (!rdd) detail::throwNoRdd(site, time);
            rdds.push_back(std::move(*rdd));
        }
        return RDD<U>(detail::callWithTime(f, time, std::move(rdds)));
    };
    using Node = detail::ComputedNode<RDD<U>, std::remove_const_t<decltype(make)>>;
    return DStream<U>(detail::NodeRecipe<detail::StreamNode<RDD<U>>>(detail::share<detail::StreamNode<RDD<U>>>(
        new Node(core(), site, streams.front().slideDuration(), std::move(parents), make))));
}

} // namespace rivulet
