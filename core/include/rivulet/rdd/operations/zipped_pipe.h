#pragma once

#include "rivulet/rdd/operations/concepts.h"
#include "rivulet/rdd/partitions.h"

#include <tuple>

/// Narrow operators whose partitions are made of several of their parents' partitions: side by side (`zip`,
/// `zipPartitions`), one after the other (`coalesce`), each with each (`cartesian`).
namespace rivulet::detail {

[[noreturn]] void throwUnequalCounts(int partition, bool leftIsLonger);
/// Throws a UsageError where these numbers of partitions differ.
void requireEqualPartitions(const char* operation, std::initializer_list<int> partitions, std::source_location where);
void requireProductFits(int left, int right, std::source_location where);

/// The i-th elements of both as pairs: the left chain pushes, the right one is pulled from.
template <class Left, class Right> class ZipPipe {
  public:
    using value_type = std::pair<typename Left::value_type, owned_t<typename Right::value_type>>;
    using Others = std::unique_ptr<PartitionCursor<Right>>;
    struct Cursor {
        typename Left::Cursor left;
        Others right;
        int partition;
    };

    ZipPipe(Left left, Right right) : left_(std::move(left)), right_(std::move(right)) {}
    int partitions() const { return left_.partitions(); }
    Cursor open(int partition, TaskContext& task) const {
        return {left_.open(partition, task), Others(new PartitionCursor<Right>(right_, partition, task)), partition};
    }
    template <class Sink> bool advance(Cursor& cursor, Sink& sink) const {
        PairSink<Sink> pairs{*cursor.right, cursor.partition, sink};
        if (left_.advance(cursor.left, pairs)) return true;
        if (cursor.right->get()) throwUnequalCounts(cursor.partition, false);
        return false;
    }

  private:
    template <class Sink> struct PairSink {
        PartitionCursor<Right>& right;
        int partition;
        Sink& next;
        template <class X> void operator()(X&& x) {
            const auto* other = right.get();
            if (!other) throwUnequalCounts(partition, true);
            next(value_type(std::forward<X>(x), *other));
            right.step();
        }
    };

    Left left_;
    Right right_;
};

/// One call of the user's function with the partitions that several parents have at an index.
template <class F, class... Parents> class ZipPartitionsPipe {
  public:
    using Range = std::remove_cvref_t<
        std::invoke_result_t<const F&, PartitionElements<owned_t<typename Parents::value_type>>...>>;
    using value_type = typename RangeElement<Range>::type;
    using Sources = std::tuple<std::unique_ptr<PipeSource<Parents>>...>;

    struct State { // behind a pointer: the range may refer to the sources
        Sources sources;
        Range range;
        GuardedRange<Range> at;
        State(Sources opened, const F& f, const OperatorSite& site)
            : sources(std::move(opened)),
              range(std::apply(Call{f, site}, sources)),
              at(range, site) {}
    };
    struct Cursor {
        std::unique_ptr<State> state;
    };

    ZipPartitionsPipe(Function<F> f, const OperatorSite& site, Parents... parents)
        : parents_(std::move(parents)...),
          f_(std::move(f)),
          site_(&site) {}
    int partitions() const { return std::get<0>(parents_).partitions(); }
    Cursor open(int partition, TaskContext& task) const {
        return {std::make_unique<State>(std::apply(Open{partition, task}, parents_), *f_, *site_)};
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
    struct Open {
        int partition;
        TaskContext& task;
        Sources operator()(const Parents&... parents) const {
            return Sources(std::make_unique<PipeSource<Parents>>(parents, partition, task)...);
        }
    };
    struct Call {
        const F& f;
        const OperatorSite& site;
        Range operator()(std::unique_ptr<PipeSource<Parents>>&... sources) const {
            return callUser(site, f, PartitionElements<owned_t<typename Parents::value_type>>(*sources)...);
        }
    };

    std::tuple<Parents...> parents_;
    Function<F> f_;
    const OperatorSite* site_;
};

/// Each element of the left with each of the right, whose partition is computed again for every element of the left.
template <class Left, class Right> class CartesianPipe {
  public:
    using value_type = std::pair<owned_t<typename Left::value_type>, owned_t<typename Right::value_type>>;
    struct Cursor {
        std::unique_ptr<PartitionCursor<Left>> left;
        std::optional<typename Right::Cursor> right;
        int rightPartition;
        TaskContext* task;
    };

    CartesianPipe(Left left, Right right) : left_(std::move(left)), right_(std::move(right)) {}
    int partitions() const { return left_.partitions() * right_.partitions(); }
    Cursor open(int partition, TaskContext& task) const {
        const int columns = right_.partitions();
        return {std::make_unique<PartitionCursor<Left>>(left_, partition / columns, task), std::nullopt,
                partition % columns, &task};
    }
    template <class Sink> bool advance(Cursor& cursor, Sink& sink) const {
        const auto* x = cursor.left->get();
        if (!x) return false;
        if (!cursor.right) cursor.right.emplace(right_.open(cursor.rightPartition, *cursor.task));
        PairSink<Sink> pairs{*x, sink};
        if (right_.advance(*cursor.right, pairs)) return true;
        cursor.right.reset();
        cursor.left->step();
        return cursor.left->get() != nullptr;
    }

  private:
    template <class Sink> struct PairSink {
        const owned_t<typename Left::value_type>& left;
        Sink& next;
        template <class X> void operator()(X&& x) { next(value_type(left, own(std::forward<X>(x)))); }
    };

    Left left_;
    Right right_;
};

/// The parent's partitions first ... last - 1 as one.
struct PartitionSpan {
    int first, last;
};

/// Partitions in groups, one after the other; of all partitions or of some.
template <class Parent> class GroupedPipe {
  public:
    using value_type = typename Parent::value_type;
    struct Cursor {
        PartitionSpan rest;
        std::optional<typename Parent::Cursor> parent;
        TaskContext* task;
    };

    /// Partitions `all` of the parent in `groups` groups of about equal size.
    GroupedPipe(Parent parent, PartitionSpan all, int groups)
        : parent_(std::move(parent)),
          all_(all),
          groups_(groups) {}
    int partitions() const { return groups_; }
    Cursor open(int group, TaskContext& task) const { return {{bound(group), bound(group + 1)}, std::nullopt, &task}; }
    template <class Sink> bool advance(Cursor& cursor, Sink& sink) const {
        auto& [rest, parent, task] = cursor;
        if (rest.first >= rest.last) return false;
        if (!parent) parent.emplace(parent_.open(rest.first, *task));
        if (parent_.advance(*parent, sink)) return true;
        parent.reset();
        return ++rest.first < rest.last;
    }

  private:
    int bound(int group) const {
        return all_.first + int(std::int64_t(group) * (all_.last - all_.first) / std::max(groups_, 1));
    }

    Parent parent_;
    PartitionSpan all_;
    int groups_;
};

} // namespace rivulet::detail
