#include "rivulet/serialization/stored.h"
#include "support/catch.h"

#include <limits>

namespace rivulet::test::stored_test {

using namespace rivulet::detail;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;

namespace {

enum class Color : std::uint16_t { red, green };

struct Session {
    std::string page;
    long clicks = 0;
    std::vector<std::pair<int, double>> steps;
    template <class Archive> void serialize(Archive& archive) { archive(page, clicks, steps); }
    bool operator==(const Session&) const = default;
};
struct Tree {
    int value = 0;
    std::vector<Tree> children;
    template <class Archive> void serialize(Archive& archive) { archive(value, children); }
};
struct Plain {
    int value = 0;
};

template <class T> std::string bytesOf(const T& x) {
    ByteWriter out;
    out(x);
    return std::move(out).text();
}
template <class T> T read(std::string_view bytes) {
    T x{};
    ByteReader in(bytes);
    in(x);
    in.finish();
    return x;
}
template <class T> void checkRoundTrip(const T& x) {
    const std::string bytes = bytesOf(x);
    CHECK(read<T>(bytes) == x);
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK_THROWS_AS(read<T>(bytes.substr(0, size)), CorruptionError);
    CHECK_THROWS_MATCHES(read<T>(bytes + "x"), CorruptionError,
                         MessageMatches(ContainsSubstring("expected their end, found 1 more")));
}

} // namespace

} // namespace rivulet::test::stored_test

template <> inline constexpr const char* rivulet::kStoredName<rivulet::test::stored_test::Session> = "Session";

namespace rivulet::test::stored_test {

TEST_CASE("What is stored comes back, and no part of it is taken for the whole") {
    checkRoundTrip(std::numeric_limits<long>::min());
    checkRoundTrip(0.1);
    checkRoundTrip(true);
    checkRoundTrip(Color::green);
    checkRoundTrip(std::string("to be\0 or not", 13));
    checkRoundTrip(std::chrono::milliseconds(-5));
    checkRoundTrip(std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::hours(9)));
    checkRoundTrip(std::tuple(1, std::string("a"), std::array{1.5f, 2.5f}));
    checkRoundTrip(std::optional<std::string>("x"));
    checkRoundTrip(std::map<std::string, std::vector<int>>{{"a", {1, 2}}, {"b", {}}});
    checkRoundTrip(std::unordered_map<int, bool>{{1, true}, {2, false}});
    checkRoundTrip(std::vector<bool>{true, false, true});
    checkRoundTrip(Session{"index", 3, {{1, 0.5}, {2, 0.25}}});
}

TEST_CASE("A form tells what is stored by the types' own names") {
    CHECK(storedForm<std::pair<std::string, long>>() == "tuple<string,i64>");
    CHECK(storedForm<long long>() == storedForm<std::int64_t>());
    CHECK(storedForm<Session>() == "Session{string,i64,list<tuple<i32,f64>>}");
    CHECK(storedForm<std::map<int, std::optional<bool>>>() == "set<tuple<i32,optional<bool>>>");
    CHECK(storedForm<std::array<Color, 3>>() == "array<3,u16>");
    CHECK(storedForm<std::chrono::milliseconds>() == "duration<1/1000,i64>");
    CHECK_THAT(storedForm<Tree>(), ContainsSubstring("struct{i32,list<struct{i32,list<"));
}

TEST_CASE("Structs without serialize and pointers are not storable") {
    STATIC_REQUIRE(Storable<Session>);
    STATIC_REQUIRE_FALSE(Storable<Plain>);
    STATIC_REQUIRE_FALSE(Storable<std::vector<Plain>>);
    STATIC_REQUIRE_FALSE(Storable<int*>);
    STATIC_REQUIRE_FALSE(Storable<std::string_view>);
}

TEST_CASE("A length is not believed") {
    const std::string huge("\xff\xff\xff\xff", 4);
    CHECK_THROWS_WITH(read<std::string>(huge), ContainsSubstring("expected 4294967295 more, found 0"));
    CHECK_THROWS_AS(read<std::vector<double>>(huge + "12345678"), CorruptionError);
    CHECK_THROWS_AS(read<std::vector<Tree>>(huge), CorruptionError);
    CHECK_THROWS_WITH(read<bool>("\x02"), ContainsSubstring("expected a truth value, found 2"));
}

} // namespace rivulet::test::stored_test
