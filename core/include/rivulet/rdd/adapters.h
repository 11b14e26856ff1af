#pragma once

#include "rivulet/rdd/pipe.h"

/// Functions of this library that are fused like the user's: they take an element as it comes and move what they can.
namespace rivulet::detail {

struct TakeKey {
    using adapter = void;
    template <class T> using result = typename T::first_type;
    template <class X> decltype(auto) operator()(X&& x, const OperatorSite&) const {
        return (std::forward<X>(x).first);
    }
};

struct TakeValue {
    using adapter = void;
    template <class T> using result = typename T::second_type;
    template <class X> decltype(auto) operator()(X&& x, const OperatorSite&) const {
        return (std::forward<X>(x).second);
    }
};

template <class F> struct MapValue {
    using adapter = void;
    template <class T>
    using result =
        std::pair<typename T::first_type, std::remove_cvref_t<call_result_t<const F&, const typename T::second_type&>>>;
    Function<F> f;
    template <class X> auto operator()(X&& x, const OperatorSite& site) const {
        using Key = typename std::remove_cvref_t<X>::first_type;
        using Value = std::remove_cvref_t<call_result_t<const F&, decltype((std::as_const(x.second)))>>;
        Value value = callUser(site, *f, std::as_const(x.second));
        return std::pair<Key, Value>(std::forward<X>(x).first, std::move(value));
    }
};

/// Puts a constant in the place of the value.
template <class V> struct WithoutValue {
    using adapter = void;
    template <class T> using result = std::pair<typename T::first_type, V>;
    template <class X> auto operator()(X&& x, const OperatorSite&) const {
        return std::pair<typename std::remove_cvref_t<X>::first_type, V>(std::forward<X>(x).first, V());
    }
};

/// What `flatMapValues` gives for an element.
template <class F, class T>
using FlatMappedValue = std::pair<
    typename T::first_type,
    typename RangeElement<std::remove_cvref_t<call_result_t<const F&, const typename T::second_type&>>>::type>;

/// Flattens the ranges of values, each value with its key.
template <class F, class Sink> struct FlatMapValuesSink {
    const F& f;
    const OperatorSite& site;
    Sink& next;
    template <class X> void operator()(X&& x) {
        using T = std::remove_cvref_t<X>;
        Keyed<typename T::first_type, FlatMappedValue<F, T>> keyed{x.first, next};
        FlatMapSink<F, decltype(keyed)>{f, site, keyed}(std::as_const(x.second));
    }

  private:
    template <class K, class Row> struct Keyed {
        const K& key;
        Sink& next;
        template <class U> void operator()(U&& value) { next(Row(key, std::forward<U>(value))); }
    };
};

template <class F> struct WithKey {
    using adapter = void;
    template <class T> using result = std::pair<std::remove_cvref_t<call_result_t<const F&, const T&>>, T>;
    Function<F> f;
    template <class X> auto operator()(X&& x, const OperatorSite& site) const {
        using T = std::remove_cvref_t<X>;
        using Key = std::remove_cvref_t<call_result_t<const F&, const T&>>;
        Key key = callUser(site, *f, std::as_const(x));
        // A key that is a view may look into the element, whose bytes a move would take away from under it.
        if constexpr (kIsOwned<Key>)
            return std::pair<Key, T>(std::move(key), std::forward<X>(x));
        else
            return std::pair<Key, T>(key, std::as_const(x));
    }
};

/// Pairs an element with a constant: `countByValue` and `distinct` are aggregations of such pairs.
template <class V> struct WithConstant {
    using adapter = void;
    template <class T> using result = std::pair<T, V>;
    V constant;
    template <class X> auto operator()(X&& x, const OperatorSite&) const {
        return std::pair<std::remove_cvref_t<X>, V>(std::forward<X>(x), constant);
    }
};

} // namespace rivulet::detail
