#include "support/rdd_harness.h"

#include <set>

namespace rivulet::test::combine_by_key_test {

using Pair = std::pair<int, int>;

namespace {

const std::vector<Pair> kPairs{{1, 1}, {1, 1}, {3, 2}, {5, 1}, {5, 3}};

/// Sum and count.
using Mean = std::pair<long, long>;
const auto firstOf = [](int x) { return Mean(x, 1); };
const auto addTo = [](const Mean& mean, int x) { return Mean(mean.first + x, mean.second + 1); };
const auto both = [](const Mean& a, const Mean& b) { return Mean(a.first + b.first, a.second + b.second); };

} // namespace

TEST_CASE("combineByKey makes a value of another type of each key's values") {
    expectTable(
        kPairs, [](auto r) { return sorted(r.combineByKey(firstOf, addTo, both)); },
        "[(1,(2,2)), (3,(2,1)), (5,(4,2))]");
    expectTable(
        kPairs, [](auto r) { return sorted(r.partitionBy(3).combineByKey(firstOf, addTo, both, 3)); },
        "[(1,(2,2)), (3,(2,1)), (5,(4,2))]");
    expectTable(std::vector<Pair>{}, [](auto r) { return r.combineByKey(firstOf, addTo, both); }, "[]");
}

TEST_CASE("combineByKey's functions may change the combined value in place") {
    using List = std::vector<int>;
    expectTable(
        kPairs,
        [](auto r) {
            return sorted(r.combineByKey(
                [](int x) { return List{x}; }, [](List& list, int x) { list.push_back(x); },
                [](List& list, const List& other) { list.insert(list.end(), other.begin(), other.end()); }));
        },
        "[(1,[1, 1]), (3,[2]), (5,[1, 3])]");
}

TEST_CASE("combineByKey keeps the bytes of a combined view") {
    const Context sc("local[2]", "test");
    const auto lengths = sc.parallelize<std::string>({"a longer text than fits inside", "b", "a longer one of them"}, 2)
                             .map([](const std::string& s) { return std::pair(s[0], s); });
    const auto longest =
        lengths.combineByKey([](const std::string& s) { return std::string_view(s); },
                             [](const std::string& a, const std::string& b) { return maximum(a, b); }, maximum);
    CHECK(text(sorted(longest)) == "[(a,a longer text than fits inside), (b,b)]");
}

TEST_CASE("combineByKey shuffles once, and not at all where its input is partitioned so") {
    const Context sc("local[2]", "test");
    const auto pairs = sc.parallelize(kPairs, 2);
    CHECK(pairs.combineByKey(firstOf, addTo, both, 4).toDebugString().starts_with("(4) ShuffledRDD["));
    CHECK(pairs.partitionBy(4).combineByKey(firstOf, addTo, both).toDebugString().starts_with("(4) MapPartitionsRDD["));
    CHECK(pairs.combineByKey(firstOf, addTo, both, 4).partitioner()->numPartitions() == 4);
}

TEST_CASE("aggregateByKey folds into a zero that no two keys share", "[R34]") {
    expectTable(
        kPairs,
        [](auto r) {
            return sorted(
                r.aggregateByKey(
                     std::set<int>(), [](std::set<int>& seen, int x) { seen.insert(x); },
                     [](std::set<int>& a, const std::set<int>& b) { a.insert(b.begin(), b.end()); })
                    .mapValues([](const std::set<int>& seen) { return std::vector<int>(seen.begin(), seen.end()); }));
        },
        "[(1,[1]), (3,[2]), (5,[1, 3])]");
    expectTable(
        kPairs, [](auto r) { return sorted(r.aggregateByKey(Mean(), addTo, both)); },
        "[(1,(2,2)), (3,(2,1)), (5,(4,2))]");
    expectTable(
        kPairs,
        [](auto r) {
            return sorted(r.aggregateByKey(
                "", [](const std::string& text, int x) { return text + std::to_string(x); }, std::plus<>()));
        },
        "[(1,11), (3,2), (5,13)]");
}

TEST_CASE("foldByKey combines a zero and the values of each key", "[R35]") {
    expectTable(kPairs, [](auto r) { return sorted(r.foldByKey(0, std::plus<>())); }, "[(1,2), (3,2), (5,4)]");
    expectTable(kPairs, [](auto r) { return sorted(r.foldByKey(9, maximum, 3)); }, "[(1,9), (3,9), (5,9)]");
}

TEST_CASE("foldByKey that appends in place leaves a cached input as it was", "[R35]") {
    using List = std::vector<int>;
    eachSetup([](const Context& sc, int partitions) {
        const auto lists = sc.parallelize<std::pair<int, List>>({{1, {1}}, {1, {2, 3}}, {2, {4}}}, partitions).cache();
        const auto append = [](List& list, const List& other) { list.insert(list.end(), other.begin(), other.end()); };
        for (int again = 0; again < 2; ++again)
            CHECK(text(sorted(lists.foldByKey(List(), append))) == "[(1,[1, 2, 3]), (2,[4])]");
        CHECK(text(lists) == "[(1,[1]), (1,[2, 3]), (2,[4])]");
    });
}

TEST_CASE("what a combining function throws names its operator") {
    const Context sc("local[2]", "test");
    const auto pairs = sc.parallelize(kPairs, 2);
    const auto fails = [](const auto&...) -> int { throw std::runtime_error("no"); };
    const auto here = std::source_location::current();
    const auto created = pairs.combineByKey(fails, std::plus<>(), std::plus<>());
    const auto folded = pairs.foldByKey(0, fails);
    CHECK_THAT(errorOf<JobError>([&] { created.collect(); }),
               Catch::Matchers::ContainsSubstring(site("combineByKey", here, 1)));
    CHECK_THAT(errorOf<JobError>([&] { folded.collect(); }),
               Catch::Matchers::ContainsSubstring(site("foldByKey", here, 2)));
}

} // namespace rivulet::test::combine_by_key_test
