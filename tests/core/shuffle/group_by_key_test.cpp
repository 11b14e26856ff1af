#include "support/rdd_harness.h"

#include <optional>

namespace rivulet::test::group_by_key_test {

using Pairs = std::vector<std::pair<std::string, long>>;
using Strings = std::vector<std::string>;

namespace {

/// Groups with the values of each in ascending order, by key.
template <class R> auto sortedGroups(const R& groups) {
    auto all = groups.collect();
    for (auto& [key, values] : all) std::sort(values.begin(), values.end());
    return sorted(all);
}

const Pairs kPairs{{"a", 1}, {"b", 2}, {"a", 3}, {"", 4}, {"c", 5}, {"a", 6}, {"", 7}, {"b", 8}};

} // namespace

TEST_CASE("groupByKey gives all values of each key") {
    expectTable(
        kPairs, [](auto r) { return sortedGroups(r.groupByKey()); }, "[(,[4, 7]), (a,[1, 3, 6]), (b,[2, 8]), (c,[5])]");
    expectTable(Pairs{}, [](auto r) { return r.groupByKey(5); }, "[]");
}

TEST_CASE("distinct gives every element once") {
    expectTable(std::vector{3, 1, 3, 3, 2, 1}, [](auto r) { return sorted(r.distinct()); }, "[1, 2, 3]");
    expectTable(Strings{"b", "", "b", ""}, [](auto r) { return sorted(r.distinct(3)); }, "[, b]");
    expectTable(
        std::vector<std::optional<int>>{{}, 1, {}, 0}, [](auto r) { return sorted(r.distinct()); },
        "[None, Some(0), Some(1)]");
    expectTable(std::vector<int>{}, [](auto r) { return r.distinct(); }, "[]");
}

TEST_CASE("partitionBy brings equal keys together", "[R47]") {
    eachSetup([](const Context& sc, int partitions) {
        for (int wanted : {1, 2, 7}) {
            const auto routed = sc.parallelize(kPairs, partitions).partitionBy(wanted);
            CHECK(routed.getNumPartitions() == wanted);
            CHECK(text(sorted(routed)) == text(sorted(kPairs)));
            const HashPartitioner hash(wanted);
            const auto parts = glom(routed);
            for (int p = 0; p < wanted; ++p)
                for (const auto& row : parts[std::size_t(p)]) CHECK(hash.partitionOf(row.first) == p);
        }
    });
}

} // namespace rivulet::test::group_by_key_test
