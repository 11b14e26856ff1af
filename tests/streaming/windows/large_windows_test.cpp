#include "rivulet/testing.h"
#include "support/catch.h"

#include <map>
#include <random>
#include <string>

namespace rivulet::test::large_windows_test {

// Windows of so many keys that rows come to them in buckets.

using namespace std::chrono_literals;

TEST_CASE("a window of many keys combines the values of each in their order", "[panes]") {
    using Text = std::string;
    constexpr long kKeys = 40'000, kRecords = 30'000;
    TestStreamingContext ssc(1s);
    auto input = ssc.queueStream<std::pair<long, Text>>();
    const auto windows = collectBatches(input.reduceByKeyAndWindow(std::plus<>(), 3s, 1s, 1));
    std::mt19937 random(9);
    std::vector<std::map<long, Text>> panes;
    for (int batch = 0; batch < 6; ++batch) {
        std::vector<std::pair<long, Text>> records;
        panes.emplace_back();
        for (long i = 0; i < (batch == 0 ? kKeys : kRecords); ++i) {
            records.emplace_back(batch == 0 ? i : long(random() % (kKeys + 500)), std::to_string(i % 10));
            panes.back()[records.back().first] += records.back().second;
        }
        input.push(std::move(records), 3);
        ssc.advanceBatch();
        std::map<long, Text> expected;
        for (std::size_t pane = panes.size() - std::min<std::size_t>(panes.size(), 3); pane < panes.size(); ++pane)
            for (const auto& [key, text] : panes[pane]) expected[key] += text;
        const auto& window = windows[std::size_t(batch)];
        REQUIRE(window.size() == expected.size());
        REQUIRE(std::map<long, Text>(window.begin(), window.end()) == expected);
    }
}

} // namespace rivulet::test::large_windows_test
