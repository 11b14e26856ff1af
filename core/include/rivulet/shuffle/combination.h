#pragma once

#include "rivulet/rdd/actions.h"
#include "rivulet/shuffle/aggregate.h"

/// Aggregation by functions of the user's whose result has a type of its own: `combineByKey`, `aggregateByKey`,
/// `foldByKey`.
namespace rivulet::detail {

/// What a function makes of the first value of a key, as a table stores it.
template <class Create, class V> using CombinedOf = owned_t<std::invoke_result_t<Create&, const V&>>;

/// `create(first)`, then `add(combined, next)`; what the partitions have is merged by `merge(combined, other)`. The
/// last two may return the new value, or change the first argument in place and return nothing.
template <class V, class C, class Create, class Add, class Merge> class Combination {
  public:
    using Value = V;
    using Combined = C;
    static constexpr bool kMapSide = true;

    Combination(Function<Create> create, Function<Add> add, Function<Merge> merge, const OperatorSite& site)
        : create_(std::move(create)),
          add_(std::move(add)),
          merge_(std::move(merge)),
          site_(&site) {}
    template <class X> C create(X&& value) const { return own(callUser(*site_, *create_, std::as_const(value))); }
    void add(C& combined, V&& value) const { FoldSink<C, Add>{combined, *add_, *site_}(std::as_const(value)); }
    void merge(C& combined, const C& other) const { FoldSink<C, Merge>{combined, *merge_, *site_}(other); }

  private:
    Function<Create> create_;
    Function<Add> add_;
    Function<Merge> merge_;
    const OperatorSite* site_;
};

/// The fold of a key's first value into a copy of the zero: no two keys share one.
template <class A, class F> struct FoldFromZero {
    A zero;
    F fold;
    template <class V> A operator()(const V& value) const {
        A folded = zero;
        if constexpr (std::is_void_v<std::invoke_result_t<const F&, A&, const V&>>)
            std::invoke(fold, folded, value);
        else
            folded = std::invoke(fold, folded, value);
        return folded;
    }
};

} // namespace rivulet::detail
