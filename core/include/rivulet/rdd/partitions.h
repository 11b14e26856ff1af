#pragma once

#include "rivulet/rdd/pipe.h"

#include <iterator>

namespace rivulet {

/// The elements of a partition as `mapPartitions` and `foreachPartition` hand them to the user's function: read on
/// demand, once.
///
///     rdd.mapPartitions([](PartitionElements<long> numbers) {
///         long sum = 0;
///         for (long n : numbers) sum += n;
///         return std::vector{sum};
///     });
///
/// Threads: belongs to the task that calls the function; copies share their position
template <class T> class PartitionElements {
  public:
    using value_type = T;
    /// The position that all copies share.
    class Source {
      public:
        virtual ~Source() = default;
        virtual const T* get() = 0;
        virtual void step() = 0;
    };
    class Iterator {
      public:
        using value_type = T;
        using difference_type = std::ptrdiff_t;
        using iterator_category = std::input_iterator_tag;
        using reference = const T&;
        using pointer = const T*;

        explicit Iterator(Source* source) : source_(source) {}
        const T& operator*() const { return *source_->get(); }
        const T* operator->() const { return source_->get(); }
        Iterator& operator++() {
            source_->step();
            return *this;
        }
        void operator++(int) { source_->step(); }
        bool operator==(std::default_sentinel_t) const { return source_->get() == nullptr; }

      private:
        Source* source_;
    };

    explicit PartitionElements(Source& source) : source_(&source) {}
    Iterator begin() const { return Iterator(source_); }
    std::default_sentinel_t end() const { return {}; }

  private:
    Source* source_;
};

namespace detail {

template <class Pipe> class PipeSource final : public PartitionElements<owned_t<typename Pipe::value_type>>::Source {
  public:
    using T = owned_t<typename Pipe::value_type>;
    PipeSource(const Pipe& pipe, int partition, TaskContext& task) : cursor_(pipe, partition, task) {}
    const T* get() override { return cursor_.get(); }
    void step() override { cursor_.step(); }

  private:
    PartitionCursor<Pipe> cursor_;
};

/// One call of the user's function per partition; the range that it returns is read as far as it is asked for.
template <class Parent, class F> class PartitionPipe {
  public:
    using Input = owned_t<typename Parent::value_type>;
    using Range = std::remove_cvref_t<std::invoke_result_t<const F&, int, PartitionElements<Input>>>;
    using value_type = typename RangeElement<Range>::type;

    struct State { // behind a pointer: the range may refer to the source
        PipeSource<Parent> source;
        Range range;
        GuardedRange<Range> at;
        State(const Parent& parent, int partition, TaskContext& task, const F& f, const OperatorSite& site)
            : source(parent, partition, task),
              range(callUser(site, f, partition, PartitionElements<Input>(source))),
              at(range, site) {}
    };
    struct Cursor {
        std::unique_ptr<State> state;
    };

    PartitionPipe(Parent parent, Function<F> f, const OperatorSite& site)
        : parent_(std::move(parent)),
          f_(std::move(f)),
          site_(&site) {}
    int partitions() const { return parent_.partitions(); }
    Cursor open(int partition, TaskContext& task) const {
        return {std::make_unique<State>(parent_, partition, task, *f_, *site_)};
    }
    template <class Sink> bool advance(Cursor& cursor, Sink& sink) const {
        auto& at = cursor.state->at;
        for (std::size_t n = 0; n < kChunk; ++n, at.step()) {
            if (at.done()) return false;
            sink(at.get());
        }
        return true;
    }

  private:
    Parent parent_;
    Function<F> f_;
    const OperatorSite* site_;
};

/// Forgets the partition's index for functions that do not ask for it.
template <class F> struct WithoutIndex {
    Function<F> f;
    template <class Elements> decltype(auto) operator()(int, Elements elements) const {
        return std::invoke(*f, elements);
    }
};

/// `glom`: a partition as one vector, which is moved and not copied.
template <class T> struct AllElements {
    struct Range {
        using value_type = std::vector<T>;
        std::vector<T> all;
        auto begin() { return std::move_iterator(&all); }
        auto end() { return std::move_iterator(&all + 1); }
    };
    Range operator()(int, PartitionElements<T> elements) const {
        Range range;
        for (const T& x : elements) range.all.push_back(x);
        return range;
    }
};

} // namespace detail
} // namespace rivulet
