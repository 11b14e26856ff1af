#include "support/rdd_harness.h"

#include <array>
#include <list>
#include <numeric>
#include <optional>
#include <set>

namespace rivulet::test::narrow_test {

using Pairs = std::vector<std::pair<std::string, long>>;
using Strings = std::vector<std::string>;

TEST_CASE("map gives one element for each, in their order", "[R1]") {
    expectTable(
        std::vector{1, 2, 3, 4}, [](auto r) { return r.map([](int x) { return x * 10; }); }, "[10, 20, 30, 40]");
    expectTable(
        Strings{"a", "", "ccc"}, [](auto r) { return r.map([](const std::string& s) { return s.size(); }); },
        "[1, 0, 3]");
    expectTable(std::vector<int>{}, [](auto r) { return r.map([](int x) { return x; }); }, "[]");
}

TEST_CASE("map may change the type to bool, a pair, an optional or a vector") {
    expectTable(std::vector{1, 2, 3}, [](auto r) { return r.map([](int x) { return x > 1; }); }, "[false, true, true]");
    expectTable(
        std::vector{1, 2}, [](auto r) { return r.map([](int x) { return std::pair(x, x > 1); }); },
        "[(1,false), (2,true)]");
    expectTable(
        std::vector{1, 2}, [](auto r) { return r.map([](int x) { return x > 1 ? std::optional(x) : std::nullopt; }); },
        "[None, Some(2)]");
    expectTable(
        std::vector{1, 2}, [](auto r) { return r.map([](int x) { return std::vector(std::size_t(x), x); }); },
        "[[1], [2, 2]]");
}

TEST_CASE("filter keeps the elements for which the function is true", "[R1]") {
    expectTable(std::vector{1, 2, 3, 4}, [](auto r) { return r.filter([](int x) { return x % 2 == 0; }); }, "[2, 4]");
    expectTable(std::vector{1, 2, 3, 4}, [](auto r) { return r.filter([](int) { return false; }); }, "[]");
    expectTable(Strings{"a", "b"}, [](auto r) { return r.filter([](std::string_view) { return true; }); }, "[a, b]");
}

TEST_CASE("flatMap gives the elements of the ranges one after the other", "[R1]") {
    const auto upTo = [](int x) {
        std::vector<int> all(static_cast<std::size_t>(x));
        std::iota(all.begin(), all.end(), 1);
        return all;
    };
    expectTable(std::vector{1, 2, 0, 3}, [&](auto r) { return r.flatMap(upTo); }, "[1, 1, 2, 1, 2, 3]");
    expectTable(
        std::vector{1, 2}, [](auto r) { return r.flatMap([](int x) { return std::array{x, -x}; }); }, "[1, -1, 2, -2]");
    expectTable(std::vector{1, 2}, [](auto r) { return r.flatMap([](int x) { return std::list{x}; }); }, "[1, 2]");
    expectTable(
        std::vector{1, 2}, [](auto r) { return r.flatMap([](int x) { return std::vector<bool>{x > 1}; }); },
        "[false, true]");
    expectTable(std::vector{2, 1}, [](auto r) { return r.flatMap([](int x) { return std::set{x, 1}; }); }, "[1, 2, 1]");
    expectTable(Strings{"to be", " or  not ", ""}, [](auto r) { return r.flatMap(words); }, "[to, be, or, not]");
}

TEST_CASE("keyBy, keys, values and mapValues take pairs apart and put them together", "[R1]") {
    expectTable(std::vector{1, 2}, [](auto r) { return r.keyBy([](int x) { return x * x; }); }, "[(1,1), (4,2)]");
    const Pairs pairs{{"a", 1}, {"b", 2}, {"a", 3}};
    expectTable(pairs, [](auto r) { return r.keys(); }, "[a, b, a]");
    expectTable(pairs, [](auto r) { return r.values(); }, "[1, 2, 3]");
    expectTable(pairs, [](auto r) { return r.mapValues([](long v) { return v * 0.5; }); }, "[(a,0.5), (b,1), (a,1.5)]");
    expectTable(pairs, [](auto r) { return r.map(withOne); }, "[((a,1),1), ((b,2),1), ((a,3),1)]");
}

TEST_CASE("a function that is large or cannot be copied cheaply is called as any other") {
    struct Big {
        std::array<long, 100> table{};
        long operator()(int x) const { return table[std::size_t(x)]; }
    };
    Big big;
    big.table[3] = 33;
    const std::string suffix = "a suffix that is longer than any small buffer";
    expectTable(std::vector{3, 0}, [&](auto r) { return r.map(big); }, "[33, 0]");
    expectTable(std::vector{1}, [&](auto r) { return r.map([suffix](int) { return suffix; }); }, "[" + suffix + "]");
    expectTable(std::vector{-1, 1}, [](auto r) { return r.map(static_cast<int (*)(int)>(&std::abs)); }, "[1, 1]");
}

TEST_CASE("a chain of a thousand erased operators is computed and forgotten") {
    const Context sc("local[2]", "test");
    RDD<int> rdd = sc.parallelize({1, 2, 3}, 2);
    for (int i = 0; i < 1000; ++i) rdd = rdd.map([](int x) { return x + 1; });
    CHECK(text(rdd) == "[1001, 1002, 1003]");
}

TEST_CASE("a pointer to a member serves as a function") {
    expectTable(Strings{"ab", ""}, [](auto r) { return r.map(&std::string::size).filter(std::identity()); }, "[2]");
    expectTable(Pairs{{"a", 1}, {"b", 2}}, [](auto r) { return r.map(&Pairs::value_type::second); }, "[1, 2]");
    expectTable(Pairs{{"abc", 1}}, [](auto r) { return r.keys().keyBy(&std::string::length); }, "[(3,abc)]");
    expectTable(Pairs{{"abc", 1}}, [](auto r) { return r.flatMap(&Pairs::value_type::first); }, "[a, b, c]");
}

TEST_CASE("glom gives the elements of each partition as one vector", "[R1]") {
    const Context sc("local[2]", "test");
    CHECK(text(sc.parallelize({1, 2, 3, 4}, 2).glom()) == "[[1, 2], [3, 4]]");
    CHECK(text(sc.parallelize<std::string_view>({"a"}, 3).glom()) == "[[], [], [a]]");
    CHECK(text(sc.range(0, 3, 1, 1).map([](long x) { return -x; }).glom().erased().glom()) == "[[[0, -1, -2]]]");
    CHECK(sc.emptyRDD<int>().glom().isEmpty());
    expectTable(
        std::vector{1, 2, 3}, [](auto r) { return r.glom().flatMap([](const std::vector<int>& all) { return all; }); },
        "[1, 2, 3]");
}

TEST_CASE("flatMapValues gives the key with each element of the value's range") {
    const Pairs pairs{{"a", 1}, {"b", 0}, {"a", 2}};
    expectTable(
        pairs, [](auto r) { return r.flatMapValues([](long n) { return std::vector<long>(std::size_t(n), n * 10); }); },
        "[(a,10), (a,20), (a,20)]");
    expectTable(
        pairs, [](auto r) { return r.flatMapValues([](long n) { return n > 0 ? std::optional(n) : std::nullopt; }); },
        "[(a,1), (a,2)]");
    using Texts = std::vector<std::pair<int, std::string>>;
    expectTable(Texts{{1, "to be"}, {2, ""}}, [](auto r) { return r.flatMapValues(words); }, "[(1,to), (1,be)]");
    expectTable(
        Texts{{1, "ab"}}, [](auto r) { return r.partitionBy(3).flatMapValues(std::identity()); }, "[(1,a), (1,b)]");
    const Context sc("local[2]", "test");
    CHECK(sc.parallelize(pairs, 2).groupByKey(5).flatMapValues(std::identity()).partitioner()->numPartitions() == 5);
    CHECK(text(sorted(sc.parallelize(pairs, 2).groupByKey(5).flatMapValues(std::identity()))) ==
          "[(a,1), (a,2), (b,0)]");
}

} // namespace rivulet::test::narrow_test
