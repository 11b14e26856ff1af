#pragma once

#include "rivulet/task_context.h"

#include <concepts>
#include <memory>
#include <mutex>
#include <source_location>
#include <string>
#include <vector>

namespace rivulet {

namespace detail {

/// What one attempt of a task has added to an accumulator.
class AccumulatorPart {
  public:
    virtual ~AccumulatorPart();
};

/// The value that the parts of successful attempts are merged into.
class AccumulatorCore {
  public:
    virtual ~AccumulatorCore();
    virtual std::unique_ptr<AccumulatorPart> makePart() const = 0;
    virtual void merge(const AccumulatorPart& part) = 0;

    /// Throws a UsageError where it is registered already.
    void markRegistered(std::string name, std::source_location where);
    /// Throws a UsageError where it is not.
    void requireRegistered() const;
    std::string name() const;

  protected:
    mutable std::mutex mutex_; // guards the value, and the name

  private:
    std::atomic<bool> registered_ = false;
    std::string name_;
};

} // namespace detail

/// A value that tasks add to and the program reads: counters of what was skipped, sums on the side.
///
/// Every task adds to a copy of its own, which counts when its attempt has succeeded: an attempt that failed and was
/// repeated counts once. A chain that two jobs compute counts twice, unless it is cached. What is added outside of
/// tasks counts at once, also on a thread that a user's function started.
///
/// `A` has `void add(x)` and `void merge(const A&)`, and optionally `value()`. `Context::longAccumulator` and
/// `doubleAccumulator` make the usual ones; others are given to `Context::registerAccumulator` before tasks use them.
///
/// Threads: a handle; copies are the same accumulator and may be used from any thread
/// Source:  Spark AccumulatorV2
template <class A> class Accumulator {
  public:
    explicit Accumulator(A zero = A()) : core_(std::make_shared<Core>(std::move(zero))) {}

    /// Errors: UsageError in a task where the accumulator is not registered
    template <class X>
        requires requires(A& value, const X& x) { value.add(x); }
    void add(const X& x) const {
        if (TaskContext* task = TaskContext::get()) {
            detail::AccumulatorPart* part = task->findPart(core_.get());
            if (!part) [[unlikely]]
                part = &task->addPart(core_);
            static_cast<Part*>(part)->value.add(x);
        } else {
            core_->change([&](A& value) { value.add(x); });
        }
    }
    /// What has been added so far.
    auto value() const {
        const A copy = all();
        if constexpr (requires { copy.value(); })
            return copy.value();
        else
            return copy;
    }
    /// The accumulated state as a whole.
    A all() const {
        A copy = core_->zero;
        core_->change([&](const A& value) { copy = value; });
        return copy;
    }
    void reset() const {
        core_->change([&](A& value) { value = core_->zero; });
    }
    std::string name() const { return core_->name(); }

    std::shared_ptr<detail::AccumulatorCore> core() const { return core_; }

  private:
    struct Part final : detail::AccumulatorPart {
        explicit Part(const A& zero) : value(zero) {}
        A value;
    };
    struct Core final : detail::AccumulatorCore {
        explicit Core(A zero) : zero(std::move(zero)), value(this->zero) {}
        std::unique_ptr<detail::AccumulatorPart> makePart() const override { return std::make_unique<Part>(zero); }
        void merge(const detail::AccumulatorPart& part) override {
            change([&](A& all) { all.merge(static_cast<const Part&>(part).value); });
        }
        template <class Change> void change(const Change& change) {
            std::lock_guard lock(mutex_);
            change(value);
        }
        const A zero;
        A value; // guarded by mutex_
    };

    std::shared_ptr<Core> core_;
};

/// Sum and count of numbers.
template <class N> struct NumberSum {
    N sum = 0;
    long count = 0;
    void add(N x) {
        sum += x;
        ++count;
    }
    void merge(const NumberSum& other) {
        sum += other.sum;
        count += other.count;
    }
    /// The sum, which is what the accumulator's value is.
    N value() const { return sum; }
    double avg() const { return double(sum) / double(count); }
};
extern template class Accumulator<NumberSum<long>>;
extern template class Accumulator<NumberSum<double>>;
using LongAccumulator = Accumulator<NumberSum<long>>;
using DoubleAccumulator = Accumulator<NumberSum<double>>;

/// The elements that were added; of different tasks in no certain order.
template <class T> struct Collected {
    std::vector<T> elements;
    void add(const T& x) { elements.push_back(x); }
    void merge(const Collected& other) {
        elements.insert(elements.end(), other.elements.begin(), other.elements.end());
    }
    std::vector<T> value() const { return elements; }
};
template <class T> using CollectionAccumulator = Accumulator<Collected<T>>;

} // namespace rivulet
