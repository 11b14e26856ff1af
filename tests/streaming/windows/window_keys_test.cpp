#include "support/stream_harness.h"

#include <random>

namespace rivulet::test::window_keys_test {

// Keys of all lengths, as views into the lines of a batch, in windows that outlive the lines.

using namespace std::chrono_literals;

namespace {

using Text = std::string;
using Counts = Batches<std::pair<Text, long>>;

const Text kLong(40, 'x');
const Text kOther = Text(39, 'x') + "y";

/// The fields of a line, separated by commas: views into it, but "-" is a view without bytes anywhere.
std::vector<std::string_view> fields(std::string_view line) {
    std::vector<std::string_view> fields;
    for (std::size_t at = 0; at <= line.size();) {
        const std::size_t end = std::min(line.find(',', at), line.size());
        const auto field = line.substr(at, end - at);
        fields.push_back(field == "-" ? std::string_view() : field);
        at = end + 1;
    }
    return fields;
}

const Batches<Text> kLines{{"a," + kLong + ",", "-,a"}, {"a"}, {kLong + "," + kLong + "," + kOther}, {}, {}};
const Counts kCounts{{{"", 2}, {"a", 2}, {kLong, 1}},
                     {{"", 2}, {"a", 3}, {kLong, 1}},
                     {{"a", 1}, {kLong, 2}, {kOther, 1}},
                     {{kLong, 2}, {kOther, 1}},
                     {}};

} // namespace

TEST_CASE("keys that are views live as long as their window: reduceByKeyAndWindow", "[A28]") {
    checkSets(
        kLines,
        [](const auto& in) {
            return in.flatMap(fields).map(withOne).reduceByKeyAndWindow(std::plus<>(), std::minus<>(), 2s, 1s);
        },
        kCounts);
}

TEST_CASE("keys that are views live as long as their window: window, then reduceByKey", "[A28]") {
    checkSets(
        kLines, [](const auto& in) { return in.flatMap(fields).map(withOne).window(2s).reduceByKey(std::plus<>()); },
        kCounts);
}

TEST_CASE("keys that are views live as long as their window: window, then countByValue", "[A28]") {
    checkSets(kLines, [](const auto& in) { return in.flatMap(fields).window(2s).countByValue(); }, kCounts);
}

TEST_CASE("keys that are owned strings give the same counts", "[A28]") {
    checkSets(
        kLines,
        [](const auto& in) {
            return in.flatMap(fields)
                .map([](std::string_view field) { return std::pair(Text(field), 1L); })
                .reduceByKeyAndWindow(std::plus<>(), 2s);
        },
        kCounts);
}

TEST_CASE("random keys in random windows give what a plain count would") {
    const unsigned seed = 20;
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const auto below = [&](int n) { return int(random() % unsigned(n)); };
    for (int round = 0; round < 10; ++round) {
        const int window = 1 + below(6), slide = 1 + below(4), batches = 24;
        Batches<Text> lines;
        std::vector<std::map<Text, long>> counts;
        for (int b = 0; b < batches; ++b) {
            std::vector<Text> elements;
            counts.emplace_back();
            for (int n = below(4); n > 0; --n) {
                const Text key(std::size_t(below(3) * 20 + below(2)), char('a' + below(3)));
                elements.push_back(key);
                ++counts.back()[key];
            }
            lines.push_back(Batch<Text>(elements));
        }
        Counts expected;
        for (int b = slide; b <= batches; b += slide) {
            std::map<Text, long> sum;
            for (int i = std::max(0, b - window); i < b; ++i)
                for (const auto& [key, n] : counts[std::size_t(i)]) sum[key] += n;
            expected.push_back(
                Batch<std::pair<Text, long>>(std::vector<std::pair<Text, long>>(sum.begin(), sum.end())));
        }
        INFO("round " << round << ", window " << window << ", slide " << slide);
        checkSets(
            lines,
            [&](const auto& in) {
                return in.flatMap(fields).map(withOne).reduceByKeyAndWindow(
                    std::plus<>(), std::minus<>(), std::chrono::seconds(window), std::chrono::seconds(slide));
            },
            expected);
    }
}

} // namespace rivulet::test::window_keys_test
