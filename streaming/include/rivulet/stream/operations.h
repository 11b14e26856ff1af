#pragma once

#include "rivulet/dstream.h"

/// The bodies of DStream's operations.
namespace rivulet {
namespace detail {

/// Calls a function of the user's that may or may not want the batch time.
template <class F, class... R> decltype(auto) callWithTime(const F& f, Time time, R&&... rdds) {
    if constexpr (std::invocable<const F&, R..., Time>)
        return f(std::forward<R>(rdds)..., time);
    else
        return f(std::forward<R>(rdds)...);
}

/// The same for one that may want all that is known of the batch.
template <class F, class R> void callWithBatch(const F& f, const BatchContext& batch, R&& rdd) {
    if constexpr (std::invocable<const F&, R, Time>) // first: a generic lambda may not compile with the other
        f(std::forward<R>(rdd), batch.time);
    else if constexpr (std::invocable<const F&, R, const BatchContext&>)
        f(std::forward<R>(rdd), batch);
    else
        f(std::forward<R>(rdd));
}

[[noreturn]] void throwNoRdd(const CallSite& site, Time time);
void requireSlack(Duration slack, std::source_location where);

} // namespace detail

template <class T, class Recipe> auto DStream<T, Recipe>::erased(Where where) const -> DStream<Owned> {
    if constexpr (kErased) {
        static_cast<void>(where);
        recipe();
        return *this;
    } else {
        using Node = detail::StreamNode<RDD<Owned>>;
        auto existing = std::static_pointer_cast<Node>(record_->node.lock());
        if (existing) return DStream<Owned>(record_, detail::NodeRecipe<Node>(std::move(existing)));
        auto handle = made<Owned>("erased", where, [](const auto& rdd) { return rdd.erased(); });
        record_->node = handle.recipe().root();
        return handle;
    }
}

template <class T, class Recipe>
template <class F>
    requires(std::invocable<F&, RDD<owned_t<T>>> || std::invocable<F&, RDD<owned_t<T>>, Time>)
auto DStream<T, Recipe>::transform(F f, Where where) const {
    using Result = std::remove_cvref_t<decltype(detail::callWithTime(f, Time(), std::declval<RDD<Owned>>()))>;
    static_assert(AnyRdd<Result>, "transform's function must return an RDD; use foreachRDD for its effect");
    using U = typename Result::Owned;
    return node<U>(
        "transform", where, slideDuration(), {recipe().root()},
        [recipe = recipe(), f = std::move(f), site = CallSite{"transform", where}](Time time) -> std::optional<RDD<U>> {
            auto rdd = recipe(time);
            if (!rdd) detail::throwNoRdd(site, time);
            return RDD<U>(detail::callWithTime(f, time, rdd->erased()));
        });
}

template <class T, class Recipe>
template <class Rdd, class U, class R, class Apply>
DStream<typename Rdd::value_type> DStream<T, Recipe>::transformPair(const char* operation, const DStream<U, R>& other,
                                                                    Where where, Apply apply) const {
    open(operation, where);
    detail::requireCombinable(*recipe().root(), *other.recipe().root(), operation, where);
    return node<typename Rdd::value_type>(operation, where, slideDuration(), {recipe().root(), other.recipe().root()},
                                          [left = recipe(), right = other.recipe(), apply,
                                           site = CallSite{operation, where}](Time time) -> std::optional<Rdd> {
                                              auto a = left(time);
                                              auto b = right(time);
                                              if (!a || !b) detail::throwNoRdd(site, time);
                                              return Rdd(apply(*a, *b, time));
                                          });
}

template <class T, class Recipe>
template <class U, class R, class F>
    requires(std::invocable<F&, RDD<owned_t<T>>, RDD<owned_t<U>>> ||
             std::invocable<F&, RDD<owned_t<T>>, RDD<owned_t<U>>, Time>)
auto DStream<T, Recipe>::transformWith(const DStream<U, R>& other, F f, Where where) const {
    using Result = std::remove_cvref_t<decltype(detail::callWithTime(f, Time(), std::declval<RDD<Owned>>(),
                                                                     std::declval<RDD<owned_t<U>>>()))>;
    static_assert(AnyRdd<Result>, "transformWith's function must return an RDD");
    return transformPair<RDD<typename Result::Owned>>(
        "transformWith", other, where, [f = std::move(f)](const auto& a, const auto& b, Time time) {
            return RDD<typename Result::Owned>(detail::callWithTime(f, time, a.erased(), b.erased()));
        });
}

template <class T, class Recipe>
template <class Join, class U, class R>
auto DStream<T, Recipe>::joined(const DStream<U, R>& other, const Partitioning& partitioning, Where where) const {
    const Join join{partitioning, where};
    using Element = typename Join::template Element<typename Owned::first_type, typename Owned::second_type,
                                                    typename owned_t<U>::second_type>;
    return transformPair<RDD<Element>>(Join::kName, other, where,
                                       [join](const auto& a, const auto& b, Time) { return RDD<Element>(join(a, b)); });
}

template <class T, class Recipe>
template <class Join, class U, class P>
auto DStream<T, Recipe>::joined(const RDD<U, P>& table, const Partitioning& partitioning, Where where) const {
    const Join join{partitioning, where};
    using Element = typename Join::template Element<typename Owned::first_type, typename Owned::second_type,
                                                    typename owned_t<U>::second_type>;
    const auto core = open(Join::kName, where);
    if (detail::checkedLineage(table.lineagePtr()).engine() != core->context().engine())
        throw UsageError(std::string(Join::kName) +
                             ": the RDD belongs to another Context than the stream; make it with the stream's",
                         where);
    return made<Element>(Join::kName, where,
                         [join, table = table.erased()](const auto& rdd) { return RDD<Element>(join(rdd, table)); });
}

template <class T, class Recipe>
auto DStream<T, Recipe>::slice(Time from, Time to, Where where) const -> std::vector<RDD<Owned>> {
    const auto core = recipe().root()->core();
    std::vector<RDD<Owned>> rdds;
    for (const Time time : core->batchTimes("slice", from, to, slideDuration(), where))
        if (auto rdd = recipe()(time)) rdds.push_back(rdd->erased());
    return rdds;
}

// ---- late data

template <class T, class Recipe>
template <class F>
    requires std::is_invocable_r_v<Time, F&, const T&>
EventTimeStream<owned_t<T>> DStream<T, Recipe>::withEventTime(F timeOf, Duration slack, LateRecords late,
                                                              Where where) const {
    static_assert(detail::RequireConst<F, const Owned&>::holds);
    const auto core = open("withEventTime", where);
    detail::requireSlack(slack, where);
    using Node = detail::StreamNode<RDD<Owned>>;
    const CallSite site{"withEventTime", where};
    const auto counter = std::make_shared<std::atomic<long>>(0);
    const auto timed = detail::share(
        new detail::EventTimeNode<Recipe, F>(core, site, recipe(), std::move(timeOf), slack, late, counter));
    const auto lateNode = detail::share(
        new detail::LateNode<Owned>(core, site, slideDuration(), std::vector<detail::StreamNodePtr>{timed}));
    timed->setLateNode(lateNode);
    return {DStream<Owned>(detail::NodeRecipe<Node>(timed)), DStream<Owned>(detail::NodeRecipe<Node>(lateNode)),
            counter};
}

// ---- windows

template <class T, class Recipe>
auto DStream<T, Recipe>::windowOf(const char* operation, Duration window, Duration slide, Where where) const
    -> DStream<Owned> {
    const auto core = open(operation, where);
    if (slide == Duration::zero()) slide = slideDuration();
    detail::requireMultiple(window, slideDuration(), operation, "window", where);
    detail::requireMultiple(slide, slideDuration(), operation, "slide", where);
    using Node = detail::StreamNode<RDD<Owned>>;
    auto panes = detail::share(new detail::PaneNode<Recipe>(core, CallSite{operation, where}, recipe()));
    std::shared_ptr<Node> node =
        detail::share(new detail::WindowNode<Owned>(core, CallSite{operation, where}, std::move(panes), window, slide));
    return DStream<Owned>(detail::NodeRecipe<Node>(std::move(node)));
}

template <class T, class Recipe>
auto DStream<T, Recipe>::window(Duration window, Duration slide, Where where) const -> DStream<Owned> {
    return windowOf("window", window, slide, where);
}

template <class T, class Recipe>
template <class F, class Filter>
auto DStream<T, Recipe>::reducedWindow(const char* operation, F combine, Filter filter, Duration window, Duration slide,
                                       Partitioning partitioning, Where where) const -> DStream<Owned> {
    using V = typename Owned::second_type;
    detail::requireKey<typename Owned::first_type>();
    static_assert(detail::RequireConst<F, const V&, const V&>::holds);
    const auto core = open(operation, where);
    if (slide == Duration::zero()) slide = slideDuration();
    detail::requireMultiple(window, slideDuration(), operation, "window", where);
    detail::requireMultiple(slide, slideDuration(), operation, "slide", where);
    partitioning = partitioningOf(operation, std::move(partitioning), where);
    using Node = detail::StreamNode<RDD<Owned>>;
    std::shared_ptr<Node> node = detail::share(
        new detail::ReducedWindowNode<Recipe, F, Filter>(core, CallSite{operation, where}, recipe(), partitioning.get(),
                                                         window, slide, std::move(combine), std::move(filter)));
    return DStream<Owned>(detail::NodeRecipe<Node>(std::move(node)));
}

// ---- outputs

template <class T, class Recipe>
template <class Use>
void DStream<T, Recipe>::output(const char* operation, Where where, Use use, bool needsSameBatch) const {
    const auto core = open(operation, where);
    core->add(detail::Output{recipe().root(), CallSite{operation, where},
                             [recipe = recipe(), use](const BatchContext& batch) -> std::function<void()> {
                                 auto rdd = recipe(batch.time);
                                 if (!rdd) return nullptr;
                                 return [rdd = std::move(*rdd), use, batch] { use(rdd, batch); };
                             },
                             needsSameBatch});
}

template <class T, class Recipe>
template <class F>
    requires detail::BatchFunction<F, RDD<owned_t<T>>>
void DStream<T, Recipe>::foreachRDD(F f, Where where) const {
    output("foreachRDD", where, [f = std::move(f)](const auto& rdd, const BatchContext& batch) {
        detail::callWithBatch(f, batch, rdd.erased());
    });
}

} // namespace rivulet
