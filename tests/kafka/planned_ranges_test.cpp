#include "planned_ranges.h"
#include "support/stream_harness.h"

namespace rivulet::test::planned_ranges_test {

using detail::KafkaCaps;
using detail::KafkaLag;
using Ends = std::vector<std::int64_t>;

namespace {

Ends ends(std::vector<KafkaLag> lags, const KafkaCaps& caps) { return detail::plannedEnds(lags, caps); }

std::string texts(const std::vector<kafka::OffsetRange>& ranges) {
    std::string text;
    for (const auto& range : ranges) text += (text.empty() ? "" : " ") + range.toText();
    return text;
}

} // namespace

TEST_CASE("Without a limit a batch has all that there is") {
    CHECK(ends({{5, 10}, {3, 3}, {0, 1'000'000'000'000}}, {}) == Ends{10, 3, 1'000'000'000'000});
}

TEST_CASE("A rate is shared by how far partitions are behind", "[A140]") {
    CHECK(ends({{0, 500}, {0, 500}}, {.rate = 100}) == Ends{50, 50});
    CHECK(ends({{0, 750}, {0, 250}}, {.rate = 100}) == Ends{75, 25});
    CHECK(ends({{10, 760}, {20, 270}}, {.rate = 100}) == Ends{85, 45});
    CHECK(ends({{0, 500}}, {.rate = 100, .seconds = 0.5}) == Ends{50});
    CHECK(ends({{0, 500}}, {.rate = 50, .seconds = 0.5}) == Ends{25});
    CHECK(ends({{0, 500}}, {.rate = 20, .seconds = 0.5}) == Ends{10});
}

TEST_CASE("No partition gets more than its own rate", "[A140]") {
    CHECK(ends({{0, 750}, {0, 250}}, {.rate = 100, .ratePerPartition = 50}) == Ends{50, 25});
    CHECK(ends({{0, 750}, {0, 7}}, {.ratePerPartition = 10}) == Ends{10, 7});
}

TEST_CASE("A rate leaves every partition a record", "[A140]") {
    CHECK(ends({{0, 1'000'000}, {0, 1}}, {.rate = 10}) == Ends{9, 1});
    CHECK(ends({{0, 100}, {0, 100}}, {.rate = 2, .seconds = 0.1, .least = 3}) == Ends{3, 3});
    CHECK(ends({{0, 100}, {0, 0}}, {.rate = 2, .seconds = 0.1, .least = 3}) == Ends{3, 0});
}

TEST_CASE("The limit of a batch is shared evenly, and what one does not need others get") {
    CHECK(ends({{0, 100}, {0, 100}}, {.records = 10}) == Ends{5, 5});
    CHECK(ends({{0, 100}, {0, 2}, {0, 100}}, {.records = 12}) == Ends{5, 2, 5});
    CHECK(ends({{0, 1}, {0, 100}}, {.records = 1000}) == Ends{1, 100});
    CHECK(ends({{7, 1'000'000'007}, {0, 0}}, {.records = 3}) == Ends{10, 0});
    CHECK(ends({{0, 100}, {0, 100}, {0, 100}}, {.records = 2}) == Ends{0, 1, 1});
}

TEST_CASE("A partition that went back is not read backwards") {
    CHECK(ends({{10, 4}}, {.rate = 5, .ratePerPartition = 5, .records = 3}) == Ends{10});
}

TEST_CASE("Long ranges are cut") {
    const std::vector<kafka::OffsetRange> ranges{{"t", 0, 10, 20}, {"t", 1, 5, 5}, {"t", 2, 0, 3}};
    CHECK(texts(detail::cutRanges(ranges, 0, 0)) == "t-0 [10, 20) t-1 [5, 5) t-2 [0, 3)");
    CHECK(texts(detail::cutRanges(ranges, 4, 0)) == "t-0 [10, 13) t-0 [13, 16) t-0 [16, 20) t-1 [5, 5) t-2 [0, 3)");
    CHECK(texts(detail::cutRanges(ranges, 0, 5)) == "t-0 [10, 12) t-0 [12, 15) t-0 [15, 17) t-0 [17, 20) t-1 [5, 5) "
                                                    "t-2 [0, 3)");
    CHECK(texts(detail::cutRanges({{"t", 0, 0, 1}}, 0, 8)) == "t-0 [0, 1)");
}

} // namespace rivulet::test::planned_ranges_test
