#include "support/stream_harness.h"

#include <numeric>

namespace rivulet::test::reductions_test {

using namespace std::chrono_literals;

TEST_CASE("count gives one element per batch, 0 for an empty one", "[A13]") {
    checkOrdered(
        Batches<int>{{}, upTo(1), upTo(2), upTo(3), upTo(4)}, [](const auto& in) { return in.count(); },
        Batches<long>{{0}, {1}, {2}, {3}, {4}});
}

TEST_CASE("count of an RDD without partitions is 0", "[A13]") {
    TestStreamingContext ssc(1s);
    const auto seen = collectBatches(ssc.queueStream<int>().count());
    ssc.advanceBatch();
    CHECK(seen.all() == std::vector<std::vector<long>>{{0}});
}

TEST_CASE("reduce gives the combination in order, and nothing for an empty batch") {
    checkOrdered(
        Batches<std::string>{{"a", "b", "c"}, {}, {"d"}}, [](const auto& in) { return in.reduce(std::plus<>()); },
        Batches<std::string>{{"abc"}, {}, {"d"}});
}

TEST_CASE("countByValue counts each value of a batch", "[A14]") {
    checkSets(
        Batches<int>{{1}, {1, 1, 1}, {1, 2}, {1, 1, 2, 2}}, [](const auto& in) { return in.countByValue(); },
        Batches<std::pair<int, long>>{{{1, 1}}, {{1, 3}}, {{1, 1}, {2, 1}}, {{1, 2}, {2, 2}}});
}

TEST_CASE("distinct gives every element of a batch once") {
    checkSets(
        Batches<std::string>{{"a", "b", "a", ""}, {}, {"", ""}, {"a"}}, [](const auto& in) { return in.distinct(); },
        Batches<std::string>{{"", "a", "b"}, {}, {""}, {"a"}});
}

} // namespace rivulet::test::reductions_test
