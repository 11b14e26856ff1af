#include "support/stream_harness.h"

namespace rivulet::test::window_groups_test {

using namespace std::chrono_literals;

namespace {

using Text = std::string;

const Text kLong(40, 'x');
const Batches<Text> kLines{{"a " + kLong, "b a"}, {"a"}, {kLong + " " + kLong}, {}, {}};

} // namespace

TEST_CASE("window, then groupByKey: the values of a key stand in the order of the batches", "[A31]") {
    checkSets(
        kLines,
        [](const auto& in) {
            return in.flatMap(words)
                .map([](std::string_view word) { return std::pair(word, word.substr(0, 1)); })
                .window(2s)
                .groupByKey();
        },
        Batches<std::pair<Text, std::vector<Text>>>{{{"a", {"a", "a"}}, {"b", {"b"}}, {kLong, {"x"}}},
                                                    {{"a", {"a", "a", "a"}}, {"b", {"b"}}, {kLong, {"x"}}},
                                                    {{"a", {"a"}}, {kLong, {"x", "x"}}},
                                                    {{kLong, {"x", "x"}}},
                                                    {}});
}

TEST_CASE("window, then distinct", "[A31]") {
    checkSets(
        kLines, [](const auto& in) { return in.flatMap(words).window(2s).distinct(); },
        Batches<Text>{{"a", "b", kLong}, {"a", "b", kLong}, {"a", kLong}, {kLong}, {}});
}

TEST_CASE("the same windows over a stream with an empty key", "[A31]") {
    checkSets(
        Batches<Text>{{"", "a"}, {""}, {}, {}}, [](const auto& in) { return in.window(2s).distinct(); },
        Batches<Text>{{"", "a"}, {"", "a"}, {""}, {}});
}

} // namespace rivulet::test::window_groups_test
