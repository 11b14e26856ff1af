#include "support/stream_harness.h"

namespace rivulet::test::pairs_test {

using namespace std::chrono_literals;

namespace {

using Text = std::string;
using Row = std::pair<Text, int>;

template <class V, class W> using Joined = std::pair<Text, std::pair<V, W>>;
using MaybeInt = std::optional<int>;
using MaybeText = std::optional<Text>;

const auto one = [](const Text& key) { return std::pair(key, 1); };
const auto x = [](const Text& key) { return std::pair(key, Text("x")); };

const Batches<Text> kLeft{{"a", "b"}, {"a", ""}, {""}, {}};
const Batches<Text> kRight{{"a", "b"}, {"b", ""}, {}, {""}};

} // namespace

TEST_CASE("leftOuterJoin keeps the values without a partner in the same batch", "[A20]") {
    checkSets(
        kLeft, kRight, [](const auto& left, const auto& right) { return left.map(one).leftOuterJoin(right.map(x)); },
        Batches<Joined<int, MaybeText>>{
            {{"a", {1, "x"}}, {"b", {1, "x"}}}, {{"", {1, "x"}}, {"a", {1, {}}}}, {{"", {1, {}}}}, {}});
}

TEST_CASE("rightOuterJoin keeps the other's values without a partner in the same batch", "[A20]") {
    checkSets(
        kLeft, kRight, [](const auto& left, const auto& right) { return left.map(one).rightOuterJoin(right.map(x)); },
        Batches<Joined<MaybeInt, Text>>{
            {{"a", {1, "x"}}, {"b", {1, "x"}}}, {{"", {1, "x"}}, {"b", {{}, "x"}}}, {}, {{"", {{}, "x"}}}});
}

TEST_CASE("fullOuterJoin keeps the values of both without a partner in the same batch", "[A20]") {
    checkSets(
        kLeft, kRight, [](const auto& left, const auto& right) { return left.map(one).fullOuterJoin(right.map(x), 3); },
        Batches<Joined<MaybeInt, MaybeText>>{{{"a", {1, "x"}}, {"b", {1, "x"}}},
                                             {{"", {1, "x"}}, {"a", {1, {}}}, {"b", {{}, "x"}}},
                                             {{"", {1, {}}}},
                                             {{"", {{}, "x"}}}});
}

TEST_CASE("cogroup gives each key the values of both streams", "[A19]") {
    checkSets(
        kLeft, kRight, [](const auto& left, const auto& right) { return left.map(one).cogroup(right.map(x)); },
        Batches<Joined<std::vector<int>, std::vector<Text>>>{{{"a", {{1}, {"x"}}}, {"b", {{1}, {"x"}}}},
                                                             {{"", {{1}, {"x"}}}, {"a", {{1}, {}}}, {"b", {{}, {"x"}}}},
                                                             {{"", {{1}, {}}}},
                                                             {{"", {{}, {"x"}}}}});
}

TEST_CASE("a stream joins with an RDD that stays", "[A19]") {
    TestStreamingContext ssc(1s);
    const auto table = ssc.context().parallelize<std::pair<Text, Text>>({{"a", "first"}, {"c", "third"}}, 3);
    const auto rows = tableStream<Row>(ssc, {{{"a", 1}, {"b", 2}}, {}, {{"a", 3}}});
    const auto inner = collectBatches(rows.join(table));
    const auto left = collectBatches(rows.leftOuterJoin(table.erased().cache(), 2));
    const auto right = collectBatches(rows.rightOuterJoin(table));
    const auto full = collectBatches(rows.fullOuterJoin(table));
    const auto groups = collectBatches(rows.cogroup(table));
    ssc.advanceBatch(3);
    CHECK(inner.all() == std::vector<std::vector<Joined<int, Text>>>{{{"a", {1, "first"}}}, {}, {{"a", {3, "first"}}}});
    CHECK(sorted(left[0]) == std::vector<Joined<int, MaybeText>>{{"a", {1, "first"}}, {"b", {2, {}}}});
    CHECK(sorted(right[1]) == std::vector<Joined<MaybeInt, Text>>{{"a", {{}, "first"}}, {"c", {{}, "third"}}});
    CHECK(sorted(full[2]) == std::vector<Joined<MaybeInt, MaybeText>>{{"a", {3, "first"}}, {"c", {{}, "third"}}});
    CHECK(groups[1].size() == 2);
}

TEST_CASE("flatMapValues gives the key with each element of the value's range", "[A07]") {
    checkOrdered(
        Batches<Row>{{{"a", 2}, {"b", 0}}, {}, {{"a", 1}}},
        [](const auto& in) { return in.flatMapValues([](int n) { return std::vector<int>(std::size_t(n), n); }); },
        Batches<Row>{{{"a", 2}, {"a", 2}}, {}, {{"a", 1}}});
}

TEST_CASE("combineByKey makes a value of another type of each key's values", "[A11]") {
    checkSets(
        Batches<Row>{{{"a", 1}, {"b", 5}, {"a", 2}}, {}, {{"a", 3}}},
        [](const auto& in) {
            return in.combineByKey([](int n) { return std::to_string(n); },
                                   [](std::string& text, int n) { text += std::to_string(n); },
                                   [](std::string& text, const std::string& more) { text += more; });
        },
        Batches<std::pair<Text, Text>>{{{"a", "12"}, {"b", "5"}}, {}, {{"a", "3"}}});
}

TEST_CASE("glom gives the elements of each partition", "[A08]") {
    TestStreamingContext ssc(1s);
    const auto seen = collectBatches(tableStream<int>(ssc, {{1, 2, 3, 4}, {5, 6, 7, 8}}, 2).glom());
    ssc.advanceBatch(2);
    using Parts = std::vector<std::vector<int>>;
    CHECK(seen[0] == Parts{{1, 2}, {3, 4}});
    CHECK(seen[1] == Parts{{5, 6}, {7, 8}});
}

} // namespace rivulet::test::pairs_test
