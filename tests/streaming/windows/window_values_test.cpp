#include "support/stream_harness.h"

namespace rivulet::test::window_values_test {

// Windows over values of all kinds, and over streams of all kinds.

using namespace std::chrono_literals;

namespace {

using Text = std::string;
using Sums = Batches<std::pair<Text, long>>;

} // namespace

TEST_CASE("values that are lists and values that are structs", "[A29]") {
    checkSets(
        Sums{{{"k", 1}}, {{"k", 2}, {"l", 3}}, {}, {}},
        [](const auto& in) {
            return in.mapValues([](long n) { return std::vector<long>{n}; })
                .reduceByKeyAndWindow(
                    [](std::vector<long> a, const std::vector<long>& b) {
                        a.insert(a.end(), b.begin(), b.end());
                        return a;
                    },
                    2s);
        },
        Batches<std::pair<Text, std::vector<long>>>{
            {{"k", {1}}}, {{"k", {1, 2}}, {"l", {3}}}, {{"k", {2}}, {"l", {3}}}, {}});
    struct Range { // without a default
        long least, most;
        explicit Range(long n) : least(n), most(n) {}
    };
    checkSets(
        Sums{{{"k", 1}}, {{"k", 5}, {"k", 3}}, {{"k", 4}}, {}},
        [](const auto& in) {
            return in.mapValues([](long n) { return Range(n); })
                .reduceByKeyAndWindow(
                    [](Range a, const Range& b) {
                        a.least = std::min(a.least, b.least);
                        a.most = std::max(a.most, b.most);
                        return a;
                    },
                    2s)
                .mapValues([](const Range& range) { return range.most - range.least; });
        },
        Sums{{{"k", 0}}, {{"k", 4}}, {{"k", 2}}, {{"k", 0}}});
}

TEST_CASE("windows over windows, over reductions and over state", "[A29]") {
    const Sums ones{{{"a", 1}}, {{"a", 1}}, {{"b", 1}}, {}, {}};
    checkSets(
        ones,
        [](const auto& in) {
            return in.reduceByKeyAndWindow(std::plus<>(), 2s).reduceByKeyAndWindow(std::plus<>(), 2s, 1s);
        },
        Sums{{{"a", 1}}, {{"a", 3}}, {{"a", 3}, {"b", 1}}, {{"a", 1}, {"b", 2}}, {{"b", 1}}});
    checkSets(
        ones, [](const auto& in) { return in.window(2s).reduceByKeyAndWindow(std::plus<>(), 2s, 2s); },
        Sums{{{"a", 3}}, {{"a", 1}, {"b", 2}}});
    checkSets(
        ones,
        [](const auto& in) { return in.reduceByKey(std::plus<>(), 3).reduceByKeyAndWindow(std::plus<>(), 2s, 1s, 3); },
        Sums{{{"a", 1}}, {{"a", 2}}, {{"a", 1}, {"b", 1}}, {{"b", 1}}, {}});
    checkSets(
        ones,
        [](const auto& in) {
            return in
                .updateStateByKey([](std::span<const long> arrived, std::optional<long> total) {
                    return std::optional(long(arrived.size()) + total.value_or(0));
                })
                .reduceByKeyAndWindow(maximum, 2s, 2s);
        },
        Sums{{{"a", 2}}, {{"a", 2}, {"b", 1}}});
}

} // namespace rivulet::test::window_values_test
