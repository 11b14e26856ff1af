#pragma once

#include "rivulet/dstream.h"

#include <deque>
#include <mutex>

namespace rivulet {
namespace detail {

/// A queue of collections, of which a batch takes the next one, or all.
template <class T> class QueueNode final : public StreamNode<RDD<T>>, public Input {
  public:
    QueueNode(std::weak_ptr<StreamCore> core, CallSite site, Duration slide, bool oneAtATime)
        : StreamNode<RDD<T>>(std::move(core), site, slide, {}),
          oneAtATime_(oneAtATime) {}

    void push(RDD<T> rdd) {
        if (detail::checkedLineage(rdd.lineagePtr()).engine() != this->core()->context().engine())
            throw UsageError("push: the RDD belongs to another Context than the stream; make it with the stream's");
        std::lock_guard lock(mutex_);
        waiting_.push_back(std::move(rdd));
    }
    long allocate(Time time) override {
        std::vector<RDD<T>> taken;
        {
            std::lock_guard lock(mutex_);
            while (!waiting_.empty() && (taken.empty() || !oneAtATime_)) {
                taken.push_back(std::move(waiting_.front()));
                waiting_.pop_front();
            }
        }
        const Context& context = this->core()->context();
        this->set(time, taken.size() == 1 ? taken.front() : context.unionAll(taken, this->site().where));
        return 0; // the elements of an RDD are not counted before they are computed
    }

    std::string kind() const override { return "Queue stream"; }
    bool hasMore() const override {
        std::lock_guard lock(mutex_);
        return !waiting_.empty();
    }

  protected:
    std::optional<RDD<T>> compute(Time) override {
        return this->core()->context().template emptyRDD<T>(this->site().where);
    }

  private:
    const bool oneAtATime_;
    mutable std::mutex mutex_; // guards waiting_
    std::deque<RDD<T>> waiting_;
};

} // namespace detail

/// A stream fed by the program itself, for tests and for gluing.
///
/// Threads: `push` may be called from any thread at any time, before and after the start
/// Source:  Spark StreamingContext.queueStream
template <class T> class QueueStream : public DStream<T> {
  public:
    /// Adds one RDD of these elements.
    void push(std::vector<T> elements, int numSlices = 0,
              std::source_location where = std::source_location::current()) const {
        const Context& context = node_->core()->context();
        push(RDD<T>(
            context.parallelize(std::move(elements), numSlices > 0 ? numSlices : context.defaultParallelism(), where)));
    }
    void push(std::initializer_list<T> elements, std::source_location where = std::source_location::current()) const {
        push(std::vector<T>(elements), 0, where);
    }
    void push(RDD<T> rdd) const { node_->push(std::move(rdd)); }
    /// Adds one RDD of one element.
    void pushOne(T element, std::source_location where = std::source_location::current()) const {
        std::vector<T> one;
        one.push_back(std::move(element));
        push(std::move(one), 1, where);
    }

    static QueueStream make(const std::shared_ptr<detail::StreamCore>& core, bool oneAtATime,
                            std::source_location where) {
        core->requireOpen("queueStream", where);
        auto node = detail::share(
            new detail::QueueNode<T>(core, CallSite{"queueStream", where}, core->batchDuration(), oneAtATime));
        core->add(std::shared_ptr<detail::Input>(node));
        return QueueStream(std::move(node));
    }

  private:
    explicit QueueStream(std::shared_ptr<detail::QueueNode<T>> node)
        : DStream<T>(detail::NodeRecipe<detail::StreamNode<RDD<T>>>(node)),
          node_(std::move(node)) {}
    std::shared_ptr<detail::QueueNode<T>> node_;
};

} // namespace rivulet
