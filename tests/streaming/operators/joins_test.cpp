#include "support/stream_harness.h"

namespace rivulet::test::joins_test {

using namespace std::chrono_literals;

namespace {

using Text = std::string;
using Counts = Batches<std::pair<Text, int>>;

const auto pairWith = [](auto value) { return [value](const Text& key) { return std::pair(key, value); }; };

} // namespace

namespace {

const Batches<Text> kLeft{{"a", "b"}, {"a", ""}, {""}, {}};
const Batches<Text> kRight{{"a", "b"}, {"b", ""}, {}, {""}};
using Joined = std::pair<Text, std::pair<int, Text>>;
const Batches<Joined> kJoined{{{"a", {1, "x"}}, {"b", {1, "x"}}}, {{"", {1, "x"}}}, {}, {}};

} // namespace

TEST_CASE("join gives the pairs of values of keys in both streams", "[A19]") {
    checkSets(
        kLeft, kRight,
        [](const auto& left, const auto& right) { return left.map(pairWith(1)).join(right.map(pairWith(Text("x")))); },
        kJoined);
}

TEST_CASE("join gives every combination of a key's values", "[A19]") {
    checkSets(
        Counts{{{"a", 1}, {"a", 2}}}, Counts{{{"a", 3}, {"a", 4}}},
        [](const auto& left, const auto& right) { return left.join(right); },
        Batches<std::pair<Text, std::pair<int, int>>>{{{"a", {1, 3}}, {"a", {1, 4}}, {"a", {2, 3}}, {"a", {2, 4}}}});
}

TEST_CASE("transformWith gives what the function makes of both RDDs", "[A19]") {
    checkSets(
        kLeft, kRight,
        [](const auto& left, const auto& right) {
            return left.map(pairWith(1))
                .transformWith(
                    right.map(pairWith(Text("x"))),
                    [](const RDD<std::pair<Text, int>>& a, const RDD<std::pair<Text, Text>>& b) { return a.join(b); });
        },
        kJoined);
}

TEST_CASE("transformWith tells the batch time to a function that wants it", "[A19]") {
    checkOrdered(
        Batches<int>{{1}, {2}}, Batches<int>{{10}, {20}},
        [](const auto& left, const auto& right) {
            return left.transformWith(right, [](const RDD<int>& a, const RDD<int>& b, Time time) {
                const long ms = time.time_since_epoch().count();
                return a.unionWith(b).map([ms](int x) { return ms + x; });
            });
        },
        Batches<long>{{1001, 1010}, {2002, 2020}});
}

} // namespace rivulet::test::joins_test
