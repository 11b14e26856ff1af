#pragma once

#include "rivulet/rdd/node.h"

#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>

/// Pipes: chains of narrow operators that fuse at compile time.
///
/// A pipe says how many partitions it has, opens a cursor on one of them, and is driven block by block:
/// `advance(cursor, sink)` pushes what one block of the source yields through the chain into the sink and says whether
/// there is more. Whoever drives may stop between blocks: that is all there is to `take`, cancellation and lazy
/// iteration.
///
/// Sinks and adapted functions are named class templates, never lambdas: nested generic lambdas cost gigabytes of
/// compiler memory.
namespace rivulet::detail {

/// What std::invocable, std::predicate and std::invoke_result_t say. Each function of a chain is asked, most of them
/// are lambdas, and for those this costs the compiler a sixth less per operator than the standard's traits.
template <class F, class... X>
concept CalledDirectly = requires(F&& f, X&&... x) { static_cast<F&&>(f)(static_cast<X&&>(x)...); };
template <class F, class... X>
concept Callable = CalledDirectly<F, X...> || std::invocable<F, X...>;
template <class F, class... X>
concept Deciding = requires(F&& f, X&&... x) { static_cast<bool>(static_cast<F&&>(f)(static_cast<X&&>(x)...)); } ||
                   std::predicate<F, X...>;
template <class F, class... X> struct CallResult {
    using type = std::invoke_result_t<F, X...>;
};
template <class F, class... X>
    requires CalledDirectly<F, X...>
struct CallResult<F, X...> {
    using type = decltype(std::declval<F>()(std::declval<X>()...));
};
template <class F, class... X> using call_result_t = typename CallResult<F, X...>::type;

template <class F> inline constexpr bool kIsLarge = !__is_trivially_copyable(F) || sizeof(F) > 64;

/// A user function, as cheap to copy as the chain it is part of: in place where small, shared where not.
template <class F> class Function {
  public:
    explicit Function(F f) : f_(f) {}
    const F& operator*() const { return f_; }

  private:
    F f_;
};
template <class F>
    requires kIsLarge<F>
class Function<F> {
  public:
    explicit Function(F f) : f_(share(new F(std::move(f)))) {}
    const F& operator*() const { return *f_; }

  private:
    std::shared_ptr<const F> f_;
};

/// Where a function is taken: `static_assert(RequireConst<F, X...>::holds)`. A class, for which no code is generated.
template <class F, class... X> struct RequireConst {
    static constexpr bool holds = true;
    static_assert(
        Callable<const F&, X...>,
        "this function is mutable: a user function may be called again (retry, recomputation) and from several threads "
        "at once, so it "
        "is called as const; keep running values in the data (fold, aggregate, updateStateByKey), not in the function");
};

/// A function of this library that wants its argument as it comes (to move from it) and does not throw on its own.
template <class F>
concept Adapter = requires { typename F::adapter; };

template <class F, class T> struct MapResult {
    using type = call_result_t<const F&, const T&>;
};
template <Adapter F, class T> struct MapResult<F, T> {
    using type = typename F::template result<T>;
};

template <class F, class Sink> struct MapSink {
    const F& f;
    const OperatorSite& site;
    Sink& next;
    template <class X> void operator()(X&& x) {
        if constexpr (Adapter<F>)
            next(f(std::forward<X>(x), site));
        else
            next(callUser(site, f, std::as_const(x)));
    }
};

template <class F, class Sink> struct FilterSink;
template <class Sink> inline constexpr bool kIsFilter = false;
template <class F, class Sink> inline constexpr bool kIsFilter<FilterSink<F, Sink>> = true;

template <class F, class Sink> struct FilterSink {
    const F& f;
    const OperatorSite& site;
    Sink& next;
    template <class X> void operator()(X&& x) {
        // As a word and not as a bool: GCC 12 turns `x % 2 == 0` into `bool(~x)`, which it cannot make vector code of.
        const unsigned long keep = static_cast<bool>(callUser(site, f, std::as_const(x)));
        if (keep != 0) {
            // GCC would evaluate several filters together, without a branch: measured half as fast for ten of them.
            if constexpr (kIsFilter<Sink>) asm("");
            next(std::forward<X>(x));
        }
    }
};

template <class Range, class Sink>
concept Pushing = requires(const Range& range, Sink& sink) { range.each(sink); };

/// Steps through a range of the user's; what its iterators throw is told to come from the operator.
template <class Range> class GuardedRange {
  public:
    GuardedRange(Range& range, const OperatorSite& site)
        : site_(site),
          at_(callUser(site, [&] { return std::begin(range); })),
          end_(callUser(site, [&] { return std::end(range); })) {}
    bool done() const {
        return callUser(site_, [&] { return !(at_ != end_); });
    }
    decltype(auto) get() const {
        return callUser(site_, [&]() -> decltype(auto) { return *at_; });
    }
    void step() {
        callUser(site_, [&] { ++at_; });
    }

  private:
    const OperatorSite& site_;
    decltype(std::begin(std::declval<Range&>())) at_;
    decltype(std::end(std::declval<Range&>())) end_;
};

/// A container that the user's function made for us alone, so that its elements can be moved from.
template <class Range> inline constexpr bool kIsOwningPrvalue = false;
template <class T, class A>
    requires(!std::same_as<T, bool>)
inline constexpr bool kIsOwningPrvalue<std::vector<T, A>> = true;

template <class Range> inline constexpr bool kIsOptional = false;
template <class T> inline constexpr bool kIsOptional<std::optional<T>> = true;

template <class F, class Sink> struct FlatMapSink {
    const F& f;
    const OperatorSite& site;
    Sink& next;
    template <class X> void operator()(X&& x) {
        decltype(auto) range = callUser(site, f, std::as_const(x));
        using Range = std::remove_reference_t<decltype(range)>;
        if constexpr (Pushing<Range, Sink>) {
            callUser(site, [&] { range.each(next); });
        } else if constexpr (kIsOptional<std::remove_cv_t<Range>>) {
            if (range) next(std::forward<decltype(range)>(range).value());
        } else {
            for (GuardedRange<Range> at(range, site); !at.done(); at.step()) {
                if constexpr (kIsOwningPrvalue<decltype(range)>)
                    next(std::move(at.get()));
                else
                    next(at.get());
            }
        }
    }
};

template <class Range> struct RangeElement {
    using type = std::remove_cvref_t<decltype(*std::begin(std::declval<Range&>()))>;
};
template <class Range>
    requires requires { typename std::remove_cvref_t<Range>::value_type; }
struct RangeElement<Range> {
    using type = typename std::remove_cvref_t<Range>::value_type;
};

/// The narrow operators differ in the sink that they put before the next one, and in the type of what comes out.
template <class Parent, class F, template <class, class> class SinkTemplate, class T>
class NarrowPipe : public Parent { // partitions and cursors are the parent's
  public:
    using value_type = T;

    NarrowPipe(const Parent& parent, const Function<F>& f, const OperatorSite& site)
        : Parent(parent),
          f_(f),
          site_(&site) {}
    template <class Sink> bool advance(typename Parent::Cursor& cursor, Sink& sink) const {
        SinkTemplate<F, Sink> next{*f_, *site_, sink};
        return Parent::advance(cursor, next);
    }

  private:
    Function<F> f_;
    const OperatorSite* site_; // in the lineage, which outlives every chain made of it
};

/// The end of a chain in a type-erased node: one virtual call per chunk.
template <class T> class ErasedPipe {
  public:
    using value_type = T;
    struct Cursor {
        ReaderPtr<T> reader;
    };

    ErasedPipe() = default;
    explicit ErasedPipe(NodePtr<T> node) : node_(std::move(node)) {}
    int partitions() const { return node_->partitions(); }
    Cursor open(int partition, TaskContext& task) const { return {node_->open(partition, task)}; }
    template <class Sink> bool advance(Cursor& cursor, Sink& sink) const {
        std::span<const T> chunk;
        const bool more = cursor.reader->next(chunk);
        for (const T& x : chunk) sink(x);
        return more;
    }
    const NodePtr<T>& node() const { return node_; }

  private:
    NodePtr<T> node_;
};

template <class Pipe> inline constexpr bool kIsErased = false;
template <class T> inline constexpr bool kIsErased<ErasedPipe<T>> = true;

/// Pushes a whole partition into a sink.
template <class Pipe, class Sink> void drain(const Pipe& pipe, int partition, TaskContext& task, Sink& sink) {
    auto cursor = pipe.open(partition, task);
    while (pipe.advance(cursor, sink)) task.throwIfCancelled();
}

template <class T> struct AppendSink {
    Rows<T>& rows;
    template <class X> void operator()(X&& x) { rows.push_back(own(std::forward<X>(x))); }
};

/// A chain behind a type-erased handle.
template <class Pipe> class PipeNode final : public Node<owned_t<typename Pipe::value_type>> {
  public:
    using T = owned_t<typename Pipe::value_type>;

    PipeNode(LineagePtr lineage, Pipe pipe) : Node<T>(std::move(lineage)), pipe_(std::move(pipe)) {}
    int partitions() const override { return pipe_.partitions(); }

  protected:
    ReaderPtr<T> compute(int partition, TaskContext& task) const override {
        return ReaderPtr<T>(new PipeReader(pipe_, partition, task));
    }

  private:
    class PipeReader final : public Reader<T> {
      public:
        PipeReader(const Pipe& pipe, int partition, TaskContext& task)
            : pipe_(pipe),
              cursor_(pipe.open(partition, task)) {}
        bool next(std::span<const T>& chunk) override {
            rows_.clear();
            AppendSink<T> sink{rows_};
            const bool more = pipe_.advance(cursor_, sink);
            chunk = std::span<const T>(rows_.data(), rows_.size());
            return more;
        }

      private:
        const Pipe& pipe_;
        typename Pipe::Cursor cursor_;
        Rows<T> rows_;
    };

    Pipe pipe_;
};

/// Pulls the elements of a partition one by one out of a chain that pushes: what `mapPartitions` gives to the user's
/// function.
template <class Pipe> class PartitionCursor {
  public:
    using T = owned_t<typename Pipe::value_type>;

    PartitionCursor(const Pipe& pipe, int partition, TaskContext& task)
        : pipe_(pipe),
          task_(task),
          cursor_(pipe.open(partition, task)) {}

    /// The current element, or null at the end of the partition.
    const T* get() {
        while (at_ == rows_.size() && more_) {
            task_.throwIfCancelled();
            rows_.clear();
            at_ = 0;
            AppendSink<T> sink{rows_};
            more_ = pipe_.advance(cursor_, sink);
        }
        return at_ < rows_.size() ? rows_.data() + at_ : nullptr;
    }
    void step() { ++at_; }

  private:
    const Pipe& pipe_;
    TaskContext& task_;
    typename Pipe::Cursor cursor_;
    Rows<T> rows_;
    std::size_t at_ = 0;
    bool more_ = true;
};

} // namespace rivulet::detail
