#include "support/rdd_harness.h"

#include <limits>

namespace rivulet::test::sources_test {

TEST_CASE("slice i of n begins at i * size / n") {
    eachExecutor([](const Context& sc) {
        CHECK(text(glom(sc.parallelize({1, 2, 3, 4}, 2))) == "[[1, 2], [3, 4]]");
        CHECK(text(glom(sc.parallelize({1, 2, 3, 4, 5}, 3))) == "[[1], [2, 3], [4, 5]]");
        CHECK(text(glom(sc.parallelize({1, 2}, 4))) == "[[], [1], [], [2]]");
        CHECK(text(glom(sc.parallelize(std::vector<int>{}, 3))) == "[[], [], []]");
        CHECK(text(glom(sc.range(0, 10, 1, 3))) == "[[0, 1, 2], [3, 4, 5], [6, 7, 8, 9]]");
        CHECK(text(glom(sc.emptyRDD<int>())) == "[]");
        CHECK(sc.emptyRDD<int>().getNumPartitions() == 0);
    });
}

TEST_CASE("a collection may hold bools, views and texts in quotes") {
    eachSetup([](const Context& sc, int partitions) {
        CHECK(text(sc.parallelize(std::vector<bool>{true, false, true}, partitions)) == "[true, false, true]");
        CHECK(text(sc.parallelize(std::vector<bool>{true, false}, partitions).erased().cache()) == "[true, false]");
        const auto owned = [&] {
            const std::string bytes = "a text that is longer than any small buffer";
            return sc.parallelize(std::vector<std::string_view>{bytes, "b"}, partitions);
        }();
        CHECK(text(owned) == "[a text that is longer than any small buffer, b]");
        CHECK(text(sc.parallelize({"quoted", "x"}, partitions)) == "[quoted, x]");
    });
}

TEST_CASE("range counts up and down, and over the whole of long") {
    constexpr long least = std::numeric_limits<long>::min(), most = std::numeric_limits<long>::max();
    eachSetup([&](const Context& sc, int partitions) {
        CHECK(text(sc.range(0, 10, 3, partitions)) == "[0, 3, 6, 9]");
        CHECK(text(sc.range(5, -5, -4, partitions)) == "[5, 1, -3]");
        CHECK(text(sc.range(3, 3, 1, partitions)) == "[]");
        CHECK(text(sc.range(3, 0, 1, partitions)) == "[]");
        CHECK(text(sc.range(least, most, most, partitions)) ==
              text(std::vector{least, least + most, least + most + most}));
        CHECK(text(sc.range(most - 1, most, 1, partitions)) == text(std::vector{most - 1}));
        CHECK(text(sc.range(most, least, least, partitions)) == text(std::vector{most, -1L}));
        CHECK(sc.range(0, 1'000'000, 1, partitions).count() == 1'000'000);
    });
    CHECK(Context("local[3]", "test").range(10).getNumPartitions() == 3);
}

TEST_CASE("sources refuse a wrong number of slices and a step of 0") {
    const Context sc("local", "test");
    CHECK(errorOf<UsageError>([&] { sc.parallelize({1}, 0); }) ==
          "parallelize: a positive number of slices is required, not 0");
    CHECK(errorOf<UsageError>([&] { sc.parallelize({1}, -2); }) ==
          "parallelize: a positive number of slices is required, not -2");
    CHECK(errorOf<UsageError>([&] { sc.range(0, 10, 0); }) == "range: step cannot be 0");
    CHECK(errorOf<UsageError>([&] { sc.range(0, 10, 1, -1); }) ==
          "range: a positive number of slices is required, not -1");
    CHECK(errorOf<UsageError>([&] { sc.textFile("x", -1); }) ==
          "textFile: the minimum number of partitions cannot be negative (-1)");
    CHECK(errorOf<UsageError>([&] { unionAll(std::vector<RDD<int>>{}); }) ==
          "unionAll: no RDDs were given, and without one there is no context; use Context::unionAll");
}

TEST_CASE("a usage error names the file and line of the wrong call") {
    const Context sc("local", "test");
    const auto here = std::source_location::current();
    const auto wrong = [&] { sc.range(0, 1, 0); };
    try {
        wrong();
        FAIL("nothing was thrown");
    } catch (const UsageError& error) {
        CHECK(error.where().line() == here.line() + 1);
        CHECK(std::string(error.where().file_name()).ends_with("sources_test.cpp"));
        CHECK(error.what() == "range: step cannot be 0 [" + site("", here).substr(1) + "]");
    }
}

} // namespace rivulet::test::sources_test
