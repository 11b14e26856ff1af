#pragma once

#include "rivulet/containers/rows.h"
#include "rivulet/error.h"

#include <array>
#include <bit>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

/// How keys and states are written, to outlive the process: fixed-width little-endian numbers, and lengths before what
/// has one.
///
/// Numbers, enums, strings, durations, pairs, tuples, arrays, optionals and the standard containers are written as they
/// are. A struct says what it consists of, in the form that Cereal knows too, whose headers are not needed:
///
///     struct Session {
///         std::string page;
///         long clicks;
///         template <class Archive> void serialize(Archive& archive) { archive(page, clicks); }
///     };
///
/// What is read is trusted in nothing: a length is compared with what is left before anything is allocated for it.
namespace rivulet {

/// The name by which a struct is known in what is stored; specialize it, so that two structs of equal members are not
/// taken for each other:
///
///     template <> inline constexpr const char* rivulet::kStoredName<Session> = "Session";
template <class T> inline constexpr const char* kStoredName = nullptr;

namespace detail {

[[noreturn]] void throwTooShort(std::size_t needed, std::size_t left);
[[noreturn]] void throwBytesLeft(std::size_t left);
[[noreturn]] void throwBadByte(const char* what, unsigned value);

template <class T> struct StoredForm; // left undefined where a type has none

/// A type that can be written and read back.
template <class T>
concept Storable = std::default_initializable<T> && requires { StoredForm<T>::kLeastBytes; };

/// Appends to a text.
class ByteWriter {
  public:
    ByteWriter() = default;
    /// Writes to the memory of a text that is no longer needed, as long as it suffices.
    explicit ByteWriter(std::string memory) : text_(std::move(memory)) {}
    template <class... X> void operator()(const X&... x) { (StoredForm<X>::write(*this, x), ...); }
    void bytes(std::string_view bytes) {
        if (bytes.empty()) return;
        room(bytes.size());
        std::memcpy(text_.data() + size_, bytes.data(), bytes.size());
        size_ += bytes.size();
    }
    template <class Number> void number(Number x) {
        room(sizeof x);
        place(size_, x);
        size_ += sizeof x;
    }
    /// Overwrites a number that was written.
    template <class Number> void numberAt(std::size_t at, Number x) { place(at, x); }
    void reserve(std::size_t bytes) {
        if (bytes > text_.size()) text_.resize(bytes);
    }
    std::size_t size() const { return size_; }
    std::string_view view() const { return {text_.data(), size_}; }
    std::string text() && {
        text_.resize(size_);
        return std::move(text_);
    }
    /// The memory, for another writer.
    std::string memory() && { return std::move(text_); }

  private:
    template <class Number> void place(std::size_t at, Number x) {
        char bytes[sizeof x];
        std::memcpy(bytes, &x, sizeof x);
        if constexpr (std::endian::native == std::endian::big)
            for (std::size_t i = 0; i < sizeof x / 2; ++i) std::swap(bytes[i], bytes[sizeof x - 1 - i]);
        std::memcpy(text_.data() + at, bytes, sizeof x);
    }
    void room(std::size_t bytes) {
        if (text_.size() - size_ < bytes) [[unlikely]]
            text_.resize((size_ + bytes) * 2);
    }

    std::string text_; // longer than what is written: a number costs a copy and no call
    std::size_t size_ = 0;
};

/// Errors: CorruptionError where there are too few bytes
class ByteReader {
  public:
    explicit ByteReader(std::string_view bytes) : left_(bytes) {}
    template <class... X> void operator()(X&... x) { (StoredForm<X>::read(*this, x), ...); }

    std::string_view bytes(std::size_t count) {
        if (count > left_.size()) [[unlikely]]
            throwTooShort(count, left_.size());
        const std::string_view taken = left_.substr(0, count);
        left_.remove_prefix(count);
        return taken;
    }
    template <class Number> void number(Number& x) {
        char bytes[sizeof x];
        std::memcpy(bytes, this->bytes(sizeof x).data(), sizeof x);
        if constexpr (std::endian::native == std::endian::big)
            for (std::size_t i = 0; i < sizeof x / 2; ++i) std::swap(bytes[i], bytes[sizeof x - 1 - i]);
        std::memcpy(&x, bytes, sizeof x);
    }
    /// How many elements follow, each of which takes at least so many bytes.
    std::size_t count(std::size_t leastBytes) {
        std::uint32_t count = 0;
        number(count);
        const std::size_t needed = std::size_t(count) * (leastBytes ? leastBytes : 1);
        if (needed > left_.size()) [[unlikely]]
            throwTooShort(needed, left_.size());
        return count;
    }
    std::size_t left() const { return left_.size(); }
    void finish() const {
        if (!left_.empty()) throwBytesLeft(left_.size());
    }

  private:
    std::string_view left_;
};

/// Writes the form of a type down: `pair<string,i64>`, `Session{string,i64}`.
class FormWriter {
  public:
    template <class... X> void operator()(const X&...) { (member<X>(), ...); }
    template <class T> void type() { StoredForm<T>::name(*this); }
    void text(std::string_view text) {
        text_ += text;
        first_ = true;
    }
    void close(char bracket) {
        text_ += bracket;
        first_ = false;
    }
    const std::string& form() const { return text_; }
    /// Structs within structs, which may contain themselves; false where it has become deep enough to tell.
    bool enter() { return ++depth_ <= kMostDepth; }
    void leave() { --depth_; }

    template <class T> void member() {
        if (!first_) text_ += ',';
        first_ = false;
        type<T>();
        first_ = false;
    }

  private:
    static constexpr int kMostDepth = 8;

    std::string text_;
    bool first_ = true;
    int depth_ = 0;
};

template <Storable T> std::string storedForm() {
    FormWriter out;
    out.type<T>();
    return out.form();
}

/// Where a length is a number of 32 bits, more would be cut.
std::uint32_t checkedCount(std::size_t count);

// ---- numbers

template <class T>
    requires(std::is_arithmetic_v<T> && !std::same_as<T, long double>)
struct StoredForm<T> {
    static constexpr std::size_t kLeastBytes = sizeof(T);
    static void write(ByteWriter& out, T x) { out.number(x); }
    static void read(ByteReader& in, T& x) { in.number(x); }
    static void name(FormWriter& out) {
        constexpr char kKind = std::is_floating_point_v<T> ? 'f' : std::is_signed_v<T> ? 'i' : 'u';
        out.text(kKind + std::to_string(8 * sizeof(T)));
    }
};
template <> struct StoredForm<bool> {
    static constexpr std::size_t kLeastBytes = 1;
    static void write(ByteWriter& out, bool x) { out.number(std::uint8_t(x)); }
    static void read(ByteReader& in, bool& x) {
        std::uint8_t byte = 0;
        in.number(byte);
        if (byte > 1) throwBadByte("a truth value", byte); // as a bool it would be neither
        x = byte == 1;
    }
    static void name(FormWriter& out) { out.text("bool"); }
};
template <class T>
    requires std::is_enum_v<T>
struct StoredForm<T> {
    using Number = std::underlying_type_t<T>;
    static constexpr std::size_t kLeastBytes = sizeof(T);
    static void write(ByteWriter& out, T x) { StoredForm<Number>::write(out, Number(x)); }
    static void read(ByteReader& in, T& x) {
        Number number{};
        StoredForm<Number>::read(in, number);
        x = T(number);
    }
    static void name(FormWriter& out) { StoredForm<Number>::name(out); }
};
template <class Rep, class Period> struct StoredForm<std::chrono::duration<Rep, Period>> {
    using T = std::chrono::duration<Rep, Period>;
    static constexpr std::size_t kLeastBytes = sizeof(Rep);
    static void write(ByteWriter& out, T x) { StoredForm<Rep>::write(out, x.count()); }
    static void read(ByteReader& in, T& x) {
        Rep count{};
        StoredForm<Rep>::read(in, count);
        x = T(count);
    }
    static void name(FormWriter& out) {
        out.text("duration<" + std::to_string(Period::num) + "/" + std::to_string(Period::den) + ",");
        out.type<Rep>();
        out.close('>');
    }
};
template <class Clock, class Duration> struct StoredForm<std::chrono::time_point<Clock, Duration>> {
    using T = std::chrono::time_point<Clock, Duration>;
    static constexpr std::size_t kLeastBytes = StoredForm<Duration>::kLeastBytes;
    static void write(ByteWriter& out, const T& x) { StoredForm<Duration>::write(out, x.time_since_epoch()); }
    static void read(ByteReader& in, T& x) {
        Duration since{};
        StoredForm<Duration>::read(in, since);
        x = T(since);
    }
    static void name(FormWriter& out) {
        out.text("time<");
        out.type<Duration>();
        out.close('>');
    }
};

// ---- texts and containers

template <> struct StoredForm<std::string> {
    static constexpr std::size_t kLeastBytes = 4;
    static void write(ByteWriter& out, const std::string& x) {
        out.number(checkedCount(x.size()));
        out.bytes(x);
    }
    static void read(ByteReader& in, std::string& x) { x = in.bytes(in.count(1)); }
    static void name(FormWriter& out) { out.text("string"); }
};

/// Elements one after the other, their number before them.
template <class C, class Element> struct StoredElements {
    static constexpr std::size_t kLeastBytes = 4;
    static void write(ByteWriter& out, const C& x) {
        out.number(checkedCount(x.size()));
        for (const auto& element : x) StoredForm<Element>::write(out, Element(element));
    }
    static void read(ByteReader& in, C& x) {
        x.clear();
        for (std::size_t n = in.count(StoredForm<Element>::kLeastBytes); n > 0; --n) {
            Element element{};
            StoredForm<Element>::read(in, element);
            x.insert(x.end(), std::move(element));
        }
    }
    static void nameAs(FormWriter& out, const char* container) {
        out.text(std::string(container) + "<");
        out.type<Element>();
        out.close('>');
    }
};
template <Storable T> struct StoredForm<std::vector<T>> : StoredElements<std::vector<T>, T> {
    static void name(FormWriter& out) { StoredElements<std::vector<T>, T>::nameAs(out, "list"); }
};
template <Storable T, class Less> struct StoredForm<std::set<T, Less>> : StoredElements<std::set<T, Less>, T> {
    static void name(FormWriter& out) { StoredElements<std::set<T, Less>, T>::nameAs(out, "set"); }
};
template <Storable T, class Hash, class Equal>
struct StoredForm<std::unordered_set<T, Hash, Equal>> : StoredElements<std::unordered_set<T, Hash, Equal>, T> {
    static void name(FormWriter& out) { StoredElements<std::unordered_set<T, Hash, Equal>, T>::nameAs(out, "set"); }
};
template <Storable K, Storable V, class Less>
struct StoredForm<std::map<K, V, Less>> : StoredElements<std::map<K, V, Less>, std::pair<K, V>> {
    static void name(FormWriter& out) { StoredElements<std::map<K, V, Less>, std::pair<K, V>>::nameAs(out, "set"); }
};
template <Storable K, Storable V, class Hash, class Equal>
struct StoredForm<std::unordered_map<K, V, Hash, Equal>>
    : StoredElements<std::unordered_map<K, V, Hash, Equal>, std::pair<K, V>> {
    static void name(FormWriter& out) {
        StoredElements<std::unordered_map<K, V, Hash, Equal>, std::pair<K, V>>::nameAs(out, "set");
    }
};
template <Storable T, std::size_t N> struct StoredForm<std::array<T, N>> {
    static constexpr std::size_t kLeastBytes = N * StoredForm<T>::kLeastBytes;
    static void write(ByteWriter& out, const std::array<T, N>& x) {
        for (const T& element : x) StoredForm<T>::write(out, element);
    }
    static void read(ByteReader& in, std::array<T, N>& x) {
        for (T& element : x) StoredForm<T>::read(in, element);
    }
    static void name(FormWriter& out) {
        out.text("array<" + std::to_string(N) + ",");
        out.type<T>();
        out.close('>');
    }
};
template <Storable T> struct StoredForm<std::optional<T>> {
    static constexpr std::size_t kLeastBytes = 1;
    static void write(ByteWriter& out, const std::optional<T>& x) {
        StoredForm<bool>::write(out, x.has_value());
        if (x) StoredForm<T>::write(out, *x);
    }
    static void read(ByteReader& in, std::optional<T>& x) {
        bool has = false;
        StoredForm<bool>::read(in, has);
        x.reset();
        if (has) StoredForm<T>::read(in, x.emplace());
    }
    static void name(FormWriter& out) {
        out.text("optional<");
        out.type<T>();
        out.close('>');
    }
};

// ---- several together

template <Storable A, Storable B> struct StoredForm<std::pair<A, B>> {
    static constexpr std::size_t kLeastBytes = StoredForm<A>::kLeastBytes + StoredForm<B>::kLeastBytes;
    static void write(ByteWriter& out, const std::pair<A, B>& x) { out(x.first, x.second); }
    static void read(ByteReader& in, std::pair<A, B>& x) { in(x.first, x.second); }
    static void name(FormWriter& out) {
        out.text("tuple<");
        out.member<A>();
        out.member<B>();
        out.close('>');
    }
};
template <Storable... T> struct StoredForm<std::tuple<T...>> {
    static constexpr std::size_t kLeastBytes = (std::size_t(0) + ... + StoredForm<T>::kLeastBytes);
    static void write(ByteWriter& out, const std::tuple<T...>& x) {
        std::apply([&](const T&... parts) { out(parts...); }, x);
    }
    static void read(ByteReader& in, std::tuple<T...>& x) {
        std::apply([&](T&... parts) { in(parts...); }, x);
    }
    static void name(FormWriter& out) {
        out.text("tuple<");
        (out.member<T>(), ...);
        out.close('>');
    }
};
template <class T>
    requires requires(T& x, ByteWriter& out, ByteReader& in, FormWriter& form) {
        x.serialize(out);
        x.serialize(in);
        x.serialize(form);
    }
struct StoredForm<T> {
    static constexpr std::size_t kLeastBytes = 0;
    // `serialize` is one function for both directions, so it cannot be const.
    static void write(ByteWriter& out, const T& x) { const_cast<T&>(x).serialize(out); }
    static void read(ByteReader& in, T& x) { x.serialize(in); }
    static void name(FormWriter& out) {
        out.text(std::string(kStoredName<T> ? kStoredName<T> : "struct") + "{");
        T any{};
        if (out.enter()) any.serialize(out);
        out.leave();
        out.close('}');
    }
};

} // namespace detail
} // namespace rivulet
