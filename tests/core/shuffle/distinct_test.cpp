#include "support/rdd_harness.h"

namespace rivulet::test::distinct_test {

TEST_CASE("distinct keeps the partitioner unless the number of partitions changes", "[R4]") {
    eachExecutor([](const Context& sc) {
        std::vector<std::pair<int, int>> rows;
        for (int i = 0; i < 200; ++i) rows.emplace_back((i * 37) % 100, 0);
        const auto ordered = sc.parallelize(rows, 4).sortByKey(true, 10);
        const auto same = ordered.distinct(), other = ordered.distinct(5);
        REQUIRE(same.partitioner());
        CHECK(same.partitioner()->equals(*ordered.partitioner()));
        CHECK(shufflesOf(*same.lineagePtr()) == shufflesOf(*ordered.lineagePtr()));
        CHECK_FALSE(other.partitioner());
        CHECK(other.getNumPartitions() == 5);
        CHECK(text(sorted(same)) == text(sorted(other)));
        CHECK(same.count() == 100);
        CHECK(ordered.distinct(ordered.getNumPartitions()).partitioner());
    });
}

} // namespace rivulet::test::distinct_test
