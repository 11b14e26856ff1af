#include "support/rdd_harness.h"

namespace rivulet::test::actions_test {

using Pairs = std::vector<std::pair<std::string, long>>;

TEST_CASE("count, first, isEmpty and collect agree on what is there") {
    expectTable(std::vector{4, 5, 6}, [](auto r) { return r.count(); }, "3");
    expectTable(std::vector{4, 5, 6}, [](auto r) { return r.first(); }, "4");
    expectTable(std::vector{4}, [](auto r) { return r.isEmpty(); }, "false");
    expectTable(std::vector<int>{}, [](auto r) { return r.isEmpty(); }, "true");
    expectTable(std::vector<int>{}, [](auto r) { return r.count(); }, "0");
    expectTable(std::vector<int>{}, [](auto r) { return r; }, "[]");
    expectTable(std::vector{1, 2, 3}, [](auto r) { return r.filter([](int x) { return x == 3; }).first(); }, "3");
}

TEST_CASE("collectAsMap keeps the last of several with the same key") {
    expectTable(Pairs{{"a", 1}, {"b", 2}, {"a", 3}}, [](auto r) { return r.collectAsMap(); }, "[(a,3), (b,2)]");
    expectTable(Pairs{}, [](auto r) { return r.collectAsMap(); }, "[]");
}

TEST_CASE("foreach sees every element, foreachPartition every partition") {
    eachSetup([](const Context& sc, int partitions) {
        std::atomic<long> sum = 0, calls = 0;
        const auto numbers = sc.range(0, 100, 1, partitions);
        numbers.foreach ([&](long x) { sum += x; });
        CHECK(sum == 4950);
        numbers.erased().filter([](long x) { return x < 1; }).foreachPartition([&](PartitionElements<long> elements) {
            ++calls;
            for (long x : elements) sum += x + 1;
        });
        CHECK(calls == partitions);
        CHECK(sum == 4951);
    });
}

} // namespace rivulet::test::actions_test
