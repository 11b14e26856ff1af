#pragma once

#include "rivulet/conf.h"
#include "rivulet/files/file_pieces.h"
#include "rivulet/jobs/accumulator.h"
#include "rivulet/jobs/broadcast.h"
#include "rivulet/jobs/job_listener.h"
#include "rivulet/memory_account.h"
#include "rivulet/rdd.h"

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace rivulet {

/// The way into Rivulet: makes RDDs, and owns the threads that compute them and the memory that they are kept in.
///
/// A movable handle; copies mean the same context. RDDs point back to it without owning it: once the last handle is
/// gone or `stop` was called, using one of them is a UsageError.
///
/// Threads: all members may be called from any thread, but not inside of an RDD's function
/// Source:  Spark SparkContext
class Context {
  public:
    using Where = std::source_location;

    /// `master` says how many threads compute: `local`, `local[4]`, `local[*]` (all that the process may use: the
    /// affinity mask and the cgroup's quota count), and `local[4,3]` for 3 attempts per task.
    ///
    /// Errors: UsageError for another master
    Context(std::string_view master, std::string_view appName, Where where = Where::current());
    explicit Context(const Conf& conf, Where where = Where::current());
    /// Another handle to the same context.
    explicit Context(std::shared_ptr<detail::Engine> engine) : engine_(std::move(engine)) {}

    const Conf& conf() const;
    std::string appName() const;
    /// The number of partitions where none is given: `rivulet.default.parallelism`, or the number of threads.
    int defaultParallelism() const;
    /// Shows log lines of this level and above: ALL, TRACE, DEBUG, INFO, WARN, ERROR, FATAL, OFF.
    void setLogLevel(std::string_view level, Where where = Where::current()) const;
    /// Who holds how many bytes.
    const MemoryAccount& memory() const;

    /// The elements of a collection, in `numSlices` slices.
    ///
    /// Errors: UsageError where `numSlices` is below 1
    template <class T>
    RDD<owned_t<T>, detail::CollectionPipe<owned_t<T>>> parallelize(std::vector<T> elements, int numSlices,
                                                                    Where where = Where::current()) const {
        using U = owned_t<T>;
        using Pipe = detail::CollectionPipe<U>;
        checkSlices(numSlices, where);
        auto made = source("ParallelCollectionRDD", "parallelize", where);
        if (elements.empty()) made->setHasElements(false);
        return {std::move(made), Pipe(toRows<U>(std::move(elements)), numSlices)};
    }
    template <class T> auto parallelize(std::vector<T> elements, Where where = Where::current()) const {
        return parallelize(std::move(elements), defaultParallelism(), where);
    }
    template <class T>
    auto parallelize(std::initializer_list<T> elements, int numSlices, Where where = Where::current()) const {
        return parallelize(std::vector<T>(elements), numSlices, where);
    }
    template <class T> auto parallelize(std::initializer_list<T> elements, Where where = Where::current()) const {
        return parallelize(std::vector<T>(elements), defaultParallelism(), where);
    }
    /// start, start + step, ... up to but without `end`, in `numSlices` slices (0: the default parallelism).
    ///
    /// Errors: UsageError where `step` is 0 or `numSlices` negative
    RDD<long, detail::RangePipe> range(long start, long end, long step = 1, int numSlices = 0,
                                       Where where = Where::current()) const;
    RDD<long, detail::RangePipe> range(long end, Where where = Where::current()) const {
        return range(0, end, 1, 0, where);
    }

    /// The lines of text files, as views: without `\n` or `\r\n`; bytes are passed on as they are, whatever their
    /// encoding.
    ///
    /// `uris` is one file, directory or pattern, or several with commas. A directory means its files, but for those
    /// whose names begin with
    /// `.` or `_`. Files are cut into splits of at most `rivulet.files.maxPartitionBytes`, at least `minPartitions` of
    /// them in all (0: the default parallelism, at most 2).
    ///
    /// Cost:   files are listed once, on first need; read in blocks of `rivulet.files.blockBytes`
    /// Errors: IoError from the action where a file does not exist, cannot be read, or is a directory within a
    /// directory Source: Spark SparkContext.textFile
    RDD<std::string_view, detail::TextPipe> textFile(const std::string& uris, int minPartitions = 0,
                                                     Where where = Where::current()) const;

    /// Files as pairs of their paths and all that they hold, as views. `uris` as for textFile; small files share a
    /// partition, so that there are about `minPartitions` (0: the default parallelism, at most 2).
    ///
    /// Cost:   a file lies in memory as long as it is worked on
    /// Errors: IoError from the action, as textFile
    /// Source: Spark SparkContext.wholeTextFiles
    RDD<std::pair<std::string_view, std::string_view>, detail::WholeFilesPipe>
    wholeTextFiles(const std::string& uris, int minPartitions = 0, Where where = Where::current()) const {
        return wholeFiles("wholeTextFiles", uris, minPartitions, where);
    }
    /// The same of files that are no text.
    ///
    /// Source: Spark SparkContext.binaryFiles
    RDD<std::pair<std::string_view, std::string_view>, detail::WholeFilesPipe>
    binaryFiles(const std::string& uris, int minPartitions = 0, Where where = Where::current()) const {
        return wholeFiles("binaryFiles", uris, minPartitions, where);
    }
    /// The records of files that consist of records of the same length, as views of their bytes.
    ///
    /// Errors: UsageError where `recordBytes` is below 1; IoError from the action where a file's size is no multiple of
    /// it
    /// Source: Spark SparkContext.binaryRecords
    RDD<std::string_view, detail::RecordsPipe> binaryRecords(const std::string& uris, long recordBytes,
                                                             Where where = Where::current()) const;

    /// No elements and no partitions.
    template <class T> RDD<T> emptyRDD(Where where = Where::current()) const {
        auto made = source("EmptyRDD", "emptyRDD", where);
        made->setHasElements(false);
        auto node = detail::makeNode<detail::EmptyNode<T>>(made);
        return RDD<T>(std::move(made), detail::ErasedPipe<T>(std::move(node)));
    }
    /// The elements of all RDDs, one after the other. (`union` is a reserved word.)
    template <class T> RDD<T> unionAll(const std::vector<RDD<T>>& parts, Where where = Where::current()) const {
        return parts.empty() ? emptyRDD<T>(where) : rivulet::unionAll(parts, where);
    }

    // ---- shared by tasks

    /// A value that tasks read: `Broadcast<T>`, which functions capture in place of the value.
    ///
    /// Source: Spark SparkContext.broadcast
    template <class T> Broadcast<owned_t<T>> broadcast(T value) const {
        static_assert(!AnyRdd<T>, "an RDD cannot be broadcast: collect() it and broadcast the result");
        return Broadcast<owned_t<T>>(detail::nextBroadcastId(), detail::own(std::move(value)));
    }
    /// Counters and sums that tasks add to: see Accumulator.
    LongAccumulator longAccumulator(const std::string& name = "", Where where = Where::current()) const;
    DoubleAccumulator doubleAccumulator(const std::string& name = "", Where where = Where::current()) const;
    template <class T>
    CollectionAccumulator<T> collectionAccumulator(const std::string& name = "", Where where = Where::current()) const {
        return registered(CollectionAccumulator<T>(), name, where);
    }
    /// Lets tasks add to an accumulator of one's own. (`register` is a reserved word.)
    ///
    /// Errors: UsageError where it is registered already
    template <class A>
    void registerAccumulator(const Accumulator<A>& accumulator, const std::string& name = "",
                             Where where = Where::current()) const {
        accumulator.core()->markRegistered(name, where);
    }

    // ---- jobs

    /// Puts the jobs that this thread begins from now on into a group, to be cancelled together and found in listings.
    /// Each thread has its own group, description, tags and properties; the threads of asynchronous actions begin with
    /// a copy of those of their caller, other threads with none.
    ///
    /// Source: Spark SparkContext.setJobGroup
    void setJobGroup(const std::string& group, const std::string& description = "") const;
    void clearJobGroup() const;
    void setJobDescription(const std::string& description) const;
    /// Errors: UsageError where the tag is empty or has a comma
    void addJobTag(const std::string& tag, Where where = Where::current()) const;
    void removeJobTag(const std::string& tag, Where where = Where::current()) const;
    std::vector<std::string> getJobTags() const;
    void clearJobTags() const;
    /// A property of the jobs that this thread begins, which tasks read by `TaskContext::getLocalProperty`; an empty
    /// value removes it.
    void setLocalProperty(const std::string& key, const std::string& value) const;
    std::string getLocalProperty(const std::string& key) const;
    /// Stops running jobs: their actions throw CancelledError. Tasks look for it between blocks of elements, so it
    /// takes as long as the program's functions take for one; nobody waits here.
    ///
    /// Source: Spark SparkContext.cancelJobGroup
    void cancelJobGroup(const std::string& group, const std::string& reason = "") const;
    /// The same for the group's running jobs and those to come; of the last thousand groups.
    void cancelJobGroupAndFutureJobs(const std::string& group, const std::string& reason = "") const;
    void cancelJobsWithTag(const std::string& tag, const std::string& reason = "",
                           Where where = Where::current()) const;
    void cancelJob(int jobId, const std::string& reason = "") const;
    void cancelAllJobs() const;
    /// Has a listener told of jobs, stages and tasks from now on; it hears of all that happened before `stop` returned.
    void addListener(std::shared_ptr<JobListener> listener) const;
    /// Tells it what happened until now, and no more.
    void removeListener(const std::shared_ptr<JobListener>& listener) const;

    /// Ends all jobs and makes further ones a UsageError. Called twice, it does nothing.
    void stop() const;
    bool isStopped() const;

    const std::shared_ptr<detail::Engine>& engine() const { return engine_; }

  private:
    template <class A> A registered(A accumulator, const std::string& name, Where where) const {
        registerAccumulator(accumulator, name, where);
        return accumulator;
    }
    RDD<std::pair<std::string_view, std::string_view>, detail::WholeFilesPipe>
    wholeFiles(const char* operation, const std::string& uris, int minPartitions, Where where) const;
    int leastPartitions(const char* operation, int given, Where where) const;
    std::shared_ptr<detail::Lineage> source(const char* kind, const char* operation, Where where) const;
    static void checkSlices(int numSlices, Where where);
    template <class U, class T> static std::shared_ptr<const detail::Rows<U>> toRows(std::vector<T> elements) {
        auto rows = detail::share(new detail::Rows<U>());
        rows->reserve(elements.size());
        for (auto&& x : elements) rows->push_back(detail::own(std::move(x)));
        return rows;
    }

    std::shared_ptr<detail::Engine> engine_;
};

} // namespace rivulet
