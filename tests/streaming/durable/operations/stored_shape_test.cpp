#include "durable/inspection/json.h"
#include "durable/inspection/stored_shape.h"
#include "rivulet/time.h"
#include "support/catch.h"

#include <limits>

namespace rivulet::test::stored_shape_test {

using namespace rivulet::detail;
using namespace std::chrono_literals;

namespace {

struct Visit {
    std::string page;
    std::optional<double> seconds;
    std::vector<std::pair<int, bool>> clicks;
    template <class Archive> void serialize(Archive& archive) { archive(page, seconds, clicks); }
};

struct Tree { // contains itself
    int value = 0;
    std::vector<Tree> children;
    template <class Archive> void serialize(Archive& archive) { archive(value, children); }
};

struct Empty {
    template <class Archive> void serialize(Archive& archive) { archive(); }
};

/// A value as it is shown, read by the form of its type alone.
template <class T> std::string shown(const T& x) {
    ByteWriter out;
    out(x);
    ByteReader in(out.view());
    std::string json;
    StoredShape::parse(storedForm<T>()).read(in, json);
    in.finish();
    return json;
}

std::string formError(std::string_view form) {
    try {
        static_cast<void>(StoredShape::parse(form));
    } catch (const CorruptionError& error) {
        return error.what();
    }
    return "none";
}

} // namespace

} // namespace rivulet::test::stored_shape_test

template <> inline constexpr const char* rivulet::kStoredName<rivulet::test::stored_shape_test::Visit> = "Visit";

namespace rivulet::test::stored_shape_test {

TEST_CASE("What is stored is read by its form") {
    CHECK(shown(-5) == "-5");
    CHECK(shown(std::uint8_t(200)) == "200");
    CHECK(shown('a') == "97");
    CHECK(shown(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
    CHECK(shown(0.1) == "0.1");
    CHECK(shown(1.5F) == "1.5");
    CHECK(shown(-std::numeric_limits<double>::infinity()) == "\"-Infinity\"");
    CHECK(shown(std::numeric_limits<double>::quiet_NaN()) == "\"NaN\"");
    CHECK(shown(true) == "true");
    CHECK(shown(1500ms) == "1500");
    CHECK(shown(Time(2s)) == "2000");
    CHECK(shown(std::string("a")) == "\"a\"");
    CHECK(shown(std::pair(std::string("a"), 1L)) == "[\"a\",1]");
    CHECK(shown(std::tuple(1, 2L, false)) == "[1,2,false]");
    CHECK(shown(std::array{1, 2, 3}) == "[1,2,3]");
    CHECK(shown(std::optional<int>()) == "null");
    CHECK(shown(std::map<std::string, long>{{"a", 1}, {"b", 2}}) == "[[\"a\",1],[\"b\",2]]");
    CHECK(shown(std::vector<std::string>{}) == "[]");
    CHECK(shown(Empty()) == "[]");
    CHECK(shown(Visit{"home", 1.5, {{1, true}}}) == "[\"home\",1.5,[[1,true]]]");
}

TEST_CASE("A struct that contains itself is shown as deep as its form tells") {
    CHECK(shown(Tree{1, {Tree{2, {}}, Tree{3, {}}}}) == "[1,[[2,[]],[3,[]]]]");
}

TEST_CASE("A form that is none is told") {
    CHECK(formError("i64") == "none");
    CHECK(formError("tuple<i64") == "checkpoint: 'tuple<i64' is no form of a type, at byte 9");
    for (const char* form :
         {"", "i", "x64", "list<>", "list<i64,i64>", "tuple<i64>x", "array<x,i64>", "map<i64>", "{", "time<>"})
        CHECK(formError(form) != "none");
}

TEST_CASE("Texts are JSON whatever their bytes are") {
    const auto json = [](std::string_view text) {
        std::string out;
        appendJson(out, text);
        return out;
    };
    CHECK(json("plain") == "\"plain\"");
    CHECK(json("a\"b\\c\n") == "\"a\\\"b\\\\c\\u000a\"");
    CHECK(json("\xc3\xa9\xe2\x82\xac") == "\"\xc3\xa9\xe2\x82\xac\""); // whole characters stay
    CHECK(json("\xff\xc3") == "\"\\u00ff\\u00c3\"");
    CHECK(json("\xed\xa0\x80") == "\"\\u00ed\\u00a0\\u0080\""); // a surrogate is none
    CHECK(json(std::string_view("\0x", 2)) == "\"\\u0000x\"");
}

} // namespace rivulet::test::stored_shape_test
