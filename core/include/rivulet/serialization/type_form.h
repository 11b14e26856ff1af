#pragma once

#include "rivulet/rdd/pipe.h"

#include <algorithm>
#include <array>
#include <cereal/cereal.hpp>
#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <variant>
#include <vector>

/// What a type looks like when it is written, as a text: "struct(string,[f64])" for a string and a vector of doubles.
///
///     f64 i32 u8 bool c8    numbers and characters, with their bits; an enum is its number
///     string bytes size     texts; what `serialize` writes as bytes, and as a size
///     (a,b) (a|b) a? a[4]   pairs and tuples, variants, optionals, arrays
///     [a] {a} {a:b} *a      sequences, sets, maps, owning pointers
///     struct(a,b)           what `serialize` passes to its archive; ^1 for the struct around, ^2 for the one around
///     that opaque(8)             nothing is known but the size: its serialize takes no other archive than Cereal's
///
/// The same under every compiler, whatever the types' names and namespaces are.
namespace rivulet::detail {

/// An archive that writes down what it is asked to read. It reads zeros.
class TypeForm : public cereal::InputArchive<TypeForm, cereal::AllowEmptyClassElision> {
    using Base = cereal::InputArchive<TypeForm, cereal::AllowEmptyClassElision>;

  public:
    TypeForm() : Base(this) {}

    template <class... X> TypeForm& operator()(X&&... x) {
        (addMember(x), ...);
        return *this;
    }
    template <class X> TypeForm& operator&(X&& x) { return (*this)(x); }
    template <class X> TypeForm& operator>>(X&& x) { return (*this)(x); }

    /// Adds the form of a type.
    template <class T> void add();
    const std::string& text() const { return text_; }

  private:
    template <class X> void addMember(X& x);
    template <class X> void addStruct(X& x);
    /// Where the type is one of those that are being described.
    template <class T> bool addAround();
    template <class T> void addOpaque() { text_ += "opaque(" + std::to_string(sizeof(T)) + ")"; }
    template <class T> void addArray(std::size_t size) {
        add<T>();
        text_ += "[" + std::to_string(size) + "]";
    }
    template <class... T> void addList(const char* begin, const char* between, const char* end) {
        text_ += begin;
        std::size_t count = 0;
        ((text_ += count++ == 0 ? "" : between, add<T>()), ...);
        text_ += end;
    }
    template <class... T> void addParts(const std::tuple<T...>*) { addList<T...>("(", ",", ")"); }
    template <class A, class B> void addParts(const std::pair<A, B>*) { addList<A, B>("(", ",", ")"); }
    template <class... T> void addParts(const std::variant<T...>*) { addList<T...>("(", "|", ")"); }
    template <class T, std::size_t N> void addParts(const std::array<T, N>*) { addArray<T>(N); }

    std::string text_;
    std::vector<const std::type_info*> around_; // the structs that are being described
};

template <class T> inline constexpr bool kHasParts = false;
template <class... T> inline constexpr bool kHasParts<std::tuple<T...>> = true;
template <class A, class B> inline constexpr bool kHasParts<std::pair<A, B>> = true;
template <class... T> inline constexpr bool kHasParts<std::variant<T...>> = true;
template <class T, std::size_t N> inline constexpr bool kHasParts<std::array<T, N>> = true;
template <class T> inline constexpr bool kIsOwningPointer = false;
template <class T> inline constexpr bool kIsOwningPointer<std::shared_ptr<T>> = true;
template <class T, class D> inline constexpr bool kIsOwningPointer<std::unique_ptr<T, D>> = true;

/// A container that does not say by itself how it is written.
template <class X>
concept PlainContainer = requires {
    typename X::value_type;
    typename X::iterator;
    requires !std::same_as<typename X::value_type, X>; // a JSON value is a container of itself
} && !cereal::traits::has_member_serialize<X, TypeForm>::value && !cereal::traits::has_member_load<X, TypeForm>::value;
/// What needs no object to be described.
template <class X>
concept HasKnownForm = std::is_arithmetic_v<X> || std::is_enum_v<X> || std::is_array_v<X> || kHasParts<X> ||
                       kIsOwningPointer<X> || kIsOptional<X> || PlainContainer<X>;

template <class T> void TypeForm::add() {
    if constexpr (std::is_enum_v<T>) {
        add<std::underlying_type_t<T>>();
    } else if constexpr (std::same_as<T, bool>) {
        text_ += "bool";
    } else if constexpr (std::is_arithmetic_v<T>) {
        text_ += std::is_floating_point_v<T> ? 'f' : std::same_as<T, char> ? 'c' : std::is_signed_v<T> ? 'i' : 'u';
        text_ += std::to_string(8 * sizeof(T));
    } else if constexpr (std::is_array_v<T>) {
        addArray<std::remove_extent_t<T>>(std::extent_v<T>);
    } else if constexpr (kHasParts<T>) {
        addParts(static_cast<const T*>(nullptr));
    } else if constexpr (kIsOwningPointer<T>) {
        text_ += '*';
        add<typename T::element_type>();
    } else if constexpr (kIsOptional<T>) {
        add<typename T::value_type>();
        text_ += '?';
    } else if constexpr (std::same_as<T, std::string>) {
        text_ += "string";
    } else if constexpr (!PlainContainer<T>) {
        if (addAround<T>()) return;
        if constexpr (std::default_initializable<T>)
            addStruct(*std::make_unique<T>()); // on the heap, because it may be large
        else
            addOpaque<T>();
    } else if constexpr (requires { typename T::mapped_type; }) {
        addList<typename T::key_type, typename T::mapped_type>("{", ":", "}");
    } else if constexpr (requires { typename T::key_type; }) {
        addList<typename T::key_type>("{", "", "}");
    } else {
        addList<typename T::value_type>("[", "", "]");
    }
}

template <class T> bool TypeForm::addAround() {
    const auto found =
        std::find_if(around_.rbegin(), around_.rend(), [](const std::type_info* type) { return *type == typeid(T); });
    if (found == around_.rend()) return false;
    text_ += "^" + std::to_string(found - around_.rbegin() + 1);
    return true;
}

/// What a struct consists of shows when it is read.
template <class X> void TypeForm::addStruct(X& x) {
    if constexpr (cereal::traits::is_input_serializable<X, TypeForm>::value) {
        text_ += "struct(";
        around_.push_back(&typeid(X));
        try {
            Base::operator()(x);
        } catch (...) {
            text_ += '!'; // it refuses zeros: the same whenever it is asked
        }
        around_.pop_back();
        text_ += ')';
    } else {
        addOpaque<X>();
    }
}

/// What Cereal wraps members into.
enum class CerealWrap { none, name, size, bytes, base };
template <class X>
inline constexpr CerealWrap kCerealWrap =
    std::is_base_of_v<cereal::traits::detail::BaseCastBase, X> ? CerealWrap::base : CerealWrap::none;
template <class X> inline constexpr CerealWrap kCerealWrap<cereal::NameValuePair<X>> = CerealWrap::name;
template <class X> inline constexpr CerealWrap kCerealWrap<cereal::SizeTag<X>> = CerealWrap::size;
template <class X> inline constexpr CerealWrap kCerealWrap<cereal::BinaryData<X>> = CerealWrap::bytes;

template <class X> void TypeForm::addMember(X& x) {
    using T = std::remove_cv_t<X>;
    constexpr CerealWrap kWrap = kCerealWrap<T>;
    if constexpr (kWrap == CerealWrap::name) {
        addMember(x.value);
    } else if constexpr (kWrap == CerealWrap::base) {
        Base::operator()(x); // the members of the base are the struct's
    } else {
        if (!text_.empty() && text_.back() != '(') text_ += ',';
        if constexpr (kWrap == CerealWrap::size) {
            text_ += "size";
            x.size = 0;
        } else if constexpr (kWrap == CerealWrap::bytes) {
            text_ += "bytes";
        } else if constexpr (HasKnownForm<T>) {
            if constexpr (std::is_arithmetic_v<X> || std::is_enum_v<X>) x = X();
            add<T>();
        } else if (!addAround<T>()) {
            addStruct(x);
        }
    }
}

// What Cereal itself passes to an archive, such as the version of a class.
template <class X> void CEREAL_LOAD_FUNCTION_NAME(TypeForm& form, cereal::NameValuePair<X>& pair) { form(pair); }
template <class X> void CEREAL_LOAD_FUNCTION_NAME(TypeForm& form, cereal::SizeTag<X>& size) { form(size); }
template <class X> void CEREAL_LOAD_FUNCTION_NAME(TypeForm& form, cereal::BinaryData<X>& bytes) { form(bytes); }
template <class X>
    requires std::is_arithmetic_v<X>
void CEREAL_LOAD_FUNCTION_NAME(TypeForm& form, X& x) {
    form(x);
}

template <class T> std::string typeForm() {
    TypeForm form;
    form.add<T>();
    return form.text();
}

} // namespace rivulet::detail
