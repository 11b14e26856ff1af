#pragma once

#include <charconv>
#include <concepts>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace rivulet {
namespace detail {

template <class T> struct TextFormat; // left undefined where a type has no text form

template <class T>
concept HasText = requires(std::string& out, const T& x) { TextFormat<T>::append(out, x); };

/// Appends what `write` writes to a stream: keeps the stream headers out of this one.
void appendStreamed(std::string& out, const void* value, void (*write)(std::ostream&, const void*));

template <class T>
concept Streamable = requires(std::ostream& out, const T& x) { out << x; };

template <class T>
    requires std::is_arithmetic_v<T>
struct TextFormat<T> {
    static void append(std::string& out, T x) {
        if constexpr (std::same_as<T, bool>) {
            out += x ? "true" : "false";
        } else if constexpr (std::same_as<T, char>) {
            out += x;
        } else {
            char digits[64];
            out.append(digits, std::to_chars(digits, digits + sizeof digits, x).ptr);
        }
    }
};

template <class T>
    requires std::convertible_to<const T&, std::string_view>
struct TextFormat<T> {
    static void append(std::string& out, std::string_view x) { out += x; }
};

template <HasText A, HasText B> struct TextFormat<std::pair<A, B>> {
    static void append(std::string& out, const std::pair<A, B>& x) {
        out += '(';
        TextFormat<A>::append(out, x.first);
        out += ',';
        TextFormat<B>::append(out, x.second);
        out += ')';
    }
};

template <HasText... T> struct TextFormat<std::tuple<T...>> {
    static void append(std::string& out, const std::tuple<T...>& x) {
        out += '(';
        std::size_t at = 0;
        std::apply([&](const T&... parts) { ((at++ ? out += ',' : out, TextFormat<T>::append(out, parts)), ...); }, x);
        out += ')';
    }
};

template <HasText T> struct TextFormat<std::optional<T>> {
    static void append(std::string& out, const std::optional<T>& x) {
        if (!x) {
            out += "None";
            return;
        }
        out += "Some(";
        TextFormat<T>::append(out, *x);
        out += ')';
    }
};

template <HasText T> struct TextFormat<std::vector<T>> {
    static void append(std::string& out, const std::vector<T>& x) {
        out += '[';
        for (std::size_t i = 0; i < x.size(); ++i) {
            if (i) out += ", ";
            TextFormat<T>::append(out, x[i]);
        }
        out += ']';
    }
};

template <class T>
    requires(Streamable<T> && std::is_class_v<T> && !std::convertible_to<const T&, std::string_view>)
struct TextFormat<T> {
    static void append(std::string& out, const T& x) {
        appendStreamed(out, &x,
                       [](std::ostream& stream, const void* value) { stream << *static_cast<const T*>(value); });
    }
};

} // namespace detail

/// A type that `print` and `saveAsTextFile` can write: numbers, strings, pairs, tuples, optionals, vectors, and what
/// has `operator<<`.
template <class T>
concept Printable = detail::HasText<T>;

/// Appends the text form of a value: tuples and pairs as `(a,b)`, vectors as `[a, b]`, optionals as `Some(a)` or
/// `None`.
template <Printable T> void appendText(std::string& out, const T& value) { detail::TextFormat<T>::append(out, value); }

} // namespace rivulet
