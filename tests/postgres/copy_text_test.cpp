#include "rivulet/postgres/copy_text.h"
#include "support/catch.h"

#include <limits>

namespace rivulet::test::copy_text_test {

namespace {

template <class T> std::string fields(const T& x) {
    std::string out;
    detail::CopyFields<T>::append(out, x);
    return out;
}

} // namespace

TEST_CASE("Elements are rows with a field for each member") {
    CHECK(fields(std::pair<std::string, long>("a", 1)) == "a\t1");
    CHECK(fields(std::tuple<int, std::optional<std::string>, bool>(-1, std::nullopt, true)) == "-1\t\\N\tt");
    CHECK(fields(std::pair(std::pair(1, 2), std::tuple(false, 'c'))) == "1\t2\tf\t99");
    CHECK(fields(std::string()) == "");
    CHECK(fields(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
    CHECK(fields(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
}

TEST_CASE("What COPY would take for something else is escaped") {
    CHECK(fields(std::string("a\tb\nc\rd\\N")) == "a\\tb\\nc\\rd\\\\N");
}

TEST_CASE("Numbers are written so that they are read back the same") {
    CHECK(fields(0.1) == "0.1");
    CHECK(fields(1e300) == "1e+300");
    CHECK(fields(0.1f) == "0.1");
    CHECK(fields(std::numeric_limits<double>::infinity()) == "Infinity");
    CHECK(fields(-std::numeric_limits<float>::infinity()) == "-Infinity");
    CHECK(fields(std::nan("")) == "NaN");
}

} // namespace rivulet::test::copy_text_test
