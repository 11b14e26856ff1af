#pragma once

#include "rivulet/rdd.h"

#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

/// Rows as PostgreSQL's COPY reads them: fields with tabs between, one row a line.
namespace rivulet::detail {

void appendCopyText(std::string& out, std::string_view text);
void appendCopyNumber(std::string& out, double x);
void appendCopyNumber(std::string& out, float x);

/// The fields of a value; left undefined where it has none.
template <class T> struct CopyFields;

template <class T>
concept CopyRow = requires(std::string& out, const T& x) { CopyFields<T>::append(out, x); };

template <std::integral T> struct CopyFields<T> {
    static void append(std::string& out, T x) {
        if constexpr (std::same_as<T, bool>) {
            out += x ? 't' : 'f';
        } else {
            std::array<char, 24> text;
            out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), x).ptr);
        }
    }
};
template <> struct CopyFields<double> {
    static void append(std::string& out, double x) { appendCopyNumber(out, x); }
};
template <> struct CopyFields<float> {
    static void append(std::string& out, float x) { appendCopyNumber(out, x); }
};
template <> struct CopyFields<std::string> {
    static void append(std::string& out, const std::string& x) { appendCopyText(out, x); }
};
template <CopyRow T> struct CopyFields<std::optional<T>> {
    static void append(std::string& out, const std::optional<T>& x) {
        if (x)
            CopyFields<T>::append(out, *x);
        else
            out += "\\N";
    }
};
template <CopyRow A, CopyRow B> struct CopyFields<std::pair<A, B>> {
    static void append(std::string& out, const std::pair<A, B>& x) {
        CopyFields<A>::append(out, x.first);
        out += '\t';
        CopyFields<B>::append(out, x.second);
    }
};
template <CopyRow... T>
    requires(sizeof...(T) > 0)
struct CopyFields<std::tuple<T...>> {
    static void append(std::string& out, const std::tuple<T...>& x) {
        std::apply([&](const T&... fields) { ((CopyFields<T>::append(out, fields), out += '\t'), ...); }, x);
        out.pop_back();
    }
};

/// The rows of a partition, as one text.
template <class T> struct CopyRows {
    std::vector<std::string> operator()(PartitionElements<T> elements) const {
        std::string rows;
        for (const T& x : elements) {
            CopyFields<T>::append(rows, x);
            rows += '\n';
        }
        if (rows.empty()) return {};
        return {std::move(rows)};
    }
};

} // namespace rivulet::detail
