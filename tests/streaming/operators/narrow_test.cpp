#include "support/stream_harness.h"

namespace rivulet::test::narrow_test {

using namespace std::chrono_literals;

namespace {

const Batches<int> kTwelve{{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}};

} // namespace

TEST_CASE("map gives f of every element, in order", "[A07]") {
    checkOrdered(
        kTwelve, [](const auto& in) { return in.map([](int x) { return std::to_string(x); }); },
        Batches<std::string>{{"1", "2", "3", "4"}, {"5", "6", "7", "8"}, {"9", "10", "11", "12"}});
}

TEST_CASE("flatMap gives the elements of all ranges, in order", "[A07]") {
    checkOrdered(
        kTwelve, [](const auto& in) { return in.flatMap([](int x) { return std::vector{x, x * 2}; }); },
        Batches<int>{{1, 2, 2, 4, 3, 6, 4, 8}, {5, 10, 6, 12, 7, 14, 8, 16}, {9, 18, 10, 20, 11, 22, 12, 24}});
}

TEST_CASE("filter keeps what the predicate accepts, in order", "[A07]") {
    checkOrdered(
        kTwelve, [](const auto& in) { return in.filter([](int x) { return x % 2 == 0; }); },
        Batches<int>{{2, 4}, {6, 8}, {10, 12}});
}

TEST_CASE("a chain of narrow operators gives what its steps would give", "[A07]") {
    checkOrdered(
        Batches<std::string>{{"to be", "or not"}, {}, {"  to   be "}},
        [](const auto& in) {
            return in.flatMap(words)
                .filter([](std::string_view word) { return word != "or"; })
                .map([](std::string_view word) { return word.size(); });
        },
        Batches<std::size_t>{{2, 2, 3}, {}, {2, 2}});
}

TEST_CASE("a stream without an RDD in a batch has none after narrow operators either", "[A07]") {
    checkOrdered(
        Batches<int>{{1}, none, {}, {2}},
        [](const auto& in) { return in.map([](int x) { return x; }).filter([](int) { return true; }); },
        Batches<int>{{1}, none, {}, {2}});
}

TEST_CASE("keys of one's own choice, and keys and values alone", "[A07]") {
    checkOrdered(
        Batches<int>{{1, 2}, {3}}, [](const auto& in) { return in.keyBy([](int x) { return x % 2 == 0; }); },
        Batches<std::pair<bool, int>>{{{false, 1}, {true, 2}}, {{false, 3}}});
    const Batches<std::pair<std::string, int>> pairs{{{"a", 1}, {"b", 2}}, {}};
    checkOrdered(pairs, [](const auto& in) { return in.keys(); }, Batches<std::string>{{"a", "b"}, {}});
    checkOrdered(pairs, [](const auto& in) { return in.values(); }, Batches<int>{{1, 2}, {}});
    checkOrdered(
        pairs, [](const auto& in) { return in.mapValues([](int x) { return x * 10; }); },
        Batches<std::pair<std::string, int>>{{{"a", 10}, {"b", 20}}, {}});
}

TEST_CASE("mapPartitions sees every partition once, the empty ones too", "[A07]") {
    TestStreamingContext ssc(1s);
    const auto input = tableStream(ssc, Batches<int>{{1, 2, 3}, {}}, 2);
    const auto sums = input.mapPartitions([](const PartitionElements<int>& numbers) {
        int sum = 0;
        for (const int n : numbers) sum += n;
        return std::vector{sum};
    });
    const auto seen = collectBatches(sums);
    ssc.advanceBatch(2);
    CHECK(seen.all() == std::vector<std::vector<int>>{{1, 5}, {0, 0}});
}

} // namespace rivulet::test::narrow_test
