#include "rivulet/testing.h"
#include "support/catch.h"

#include <map>
#include <random>
#include <string>

namespace rivulet::test::large_state_test {

// States of so many keys that records come to them in buckets.

using namespace std::chrono_literals;

namespace {

using Text = std::string;

constexpr long kKeys = 40'000, kRecords = 30'000;

Text longKey(long n) { return "a key that is longer than sixteen bytes, no " + std::to_string(n); }

/// Every key once, then records of random keys, some of which are new; each with its position as the value.
std::vector<std::pair<long, long>> recordsOf(int batch, std::mt19937& random) {
    std::vector<std::pair<long, long>> records;
    for (long i = 0; i < (batch == 0 ? kKeys : kRecords); ++i)
        records.emplace_back(batch == 0 ? i : long(random() % (kKeys + 500)), i % 10);
    return records;
}

} // namespace

TEST_CASE("a large state takes the records of each key in their order, and new keys among them", "[A50]") {
    TestStreamingContext ssc(1s);
    auto input = ssc.queueStream<std::pair<Text, Text>>();
    const auto mapped =
        input.mapWithState(StateSpec::function([](const Text&, std::optional<Text> value, State<Text>& state) {
                               state.update((state.exists() ? state.get() : Text()) + *value);
                               return 1L;
                           }).numPartitions(1));
    const auto view = mapped.stateView();
    const auto counts = collectBatches(mapped.count());
    std::mt19937 random(7);
    std::map<Text, Text> expected;
    for (int batch = 0; batch < 4; ++batch) {
        std::vector<std::pair<Text, Text>> records;
        for (const auto& [key, value] : recordsOf(batch, random)) {
            records.emplace_back(longKey(key), std::to_string(value));
            expected[longKey(key)] += std::to_string(value);
        }
        const auto count = long(records.size());
        input.push(std::move(records), 3);
        ssc.advanceBatch();
        CHECK(counts[std::size_t(batch)] == std::vector<long>{count});
    }
    REQUIRE(view.size() == long(expected.size()));
    for (const auto& [key, state] : expected) REQUIRE(view.lookup(key) == state);
}

TEST_CASE("a large state is updated with the values of each key in their order", "[A50]") {
    const auto which = GENERATE(UpdatedKeys::all, UpdatedKeys::touched);
    TestStreamingContext ssc(1s);
    auto input = ssc.queueStream<std::pair<long, long>>();
    const auto totals = input.updateStateByKey(
        [](std::span<const long> arrived, std::optional<long> total) {
            long digits = total.value_or(0);
            for (const long digit : arrived) digits = digits * 10 + digit + 1;
            return std::optional(digits);
        },
        1, which);
    const auto view = totals.stateView();
    totals.foreachRDD([](const auto&) {});
    std::mt19937 random(8);
    std::map<long, long> expected;
    for (int batch = 0; batch < 4; ++batch) {
        auto records = recordsOf(batch, random);
        for (const auto& [key, value] : records) expected[key] = expected[key] * 10 + value + 1;
        input.push(std::move(records), 3);
        ssc.advanceBatch();
    }
    REQUIRE(view.size() == long(expected.size()));
    for (const auto& [key, state] : expected) REQUIRE(view.lookup(key) == state);
}

} // namespace rivulet::test::large_state_test
