#pragma once

#include "rivulet/streaming_context.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// For the tests of streaming programs: no sleeping, no threads, the clock in the test's hand.
namespace rivulet {

/// A StreamingContext whose batches run when the test says so, on the test's own thread, in the same order every time.
///
///     TestStreamingContext ssc(1s);
///     auto input = ssc.queueStream<std::string>();
///     auto seen = collectBatches(input.flatMap(words).countByValue());
///     input.push({"a b", "a"});
///     ssc.advanceBatch();
///     CHECK(sorted(seen[0]) == Pairs{{"a", 2}, {"b", 1}});
///
/// Threads: one at a time
class TestStreamingContext : public StreamingContext {
  public:
    /// `master` may ask for threads, for tests that want them: "local[4]"; with "local" all runs on the calling thread.
    explicit TestStreamingContext(Duration batchDuration, std::string_view master = "local");
    explicit TestStreamingContext(const Conf& conf, Duration batchDuration);

    /// Moves the clock on by `count` batches and runs each of them. The first call starts the context.
    ///
    /// Errors: throws what made a batch fail
    void advanceBatch(int count = 1, Where where = Where::current());
    ManualClock& clock() const { return *clock_; }

  private:
    TestStreamingContext(const Context& context, Duration batchDuration, std::shared_ptr<ManualClock> clock);
    std::shared_ptr<ManualClock> clock_;
};

/// What `collectBatches` has collected so far: one vector per batch in which the stream had an RDD.
template <class T> class CollectedBatches {
  public:
    const std::vector<T>& operator[](std::size_t batch) const { return batches_->at(batch); }
    std::size_t size() const { return batches_->size(); }
    const std::vector<std::vector<T>>& all() const { return *batches_; }
    void add(std::vector<T> batch) const { batches_->push_back(std::move(batch)); }

  private:
    std::shared_ptr<std::vector<std::vector<T>>> batches_ = std::make_shared<std::vector<std::vector<T>>>();
};

/// An output that collects the elements of every batch.
template <class T, class R>
CollectedBatches<owned_t<T>> collectBatches(const DStream<T, R>& stream,
                                            std::source_location where = std::source_location::current()) {
    CollectedBatches<owned_t<T>> batches;
    stream.foreachRDD([batches](const RDD<owned_t<T>>& rdd) { batches.add(rdd.collect()); }, where);
    return batches;
}

/// The elements in order, to compare what has none.
template <class T> std::vector<T> sorted(std::vector<T> elements) {
    std::sort(elements.begin(), elements.end());
    return elements;
}

/// What most tests of counts compare with.
using Pairs = std::vector<std::pair<std::string, long>>;

} // namespace rivulet
