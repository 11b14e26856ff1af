#include "support/stream_harness.h"

namespace rivulet::test::windowed_reductions_test {

using namespace std::chrono_literals;

namespace {

using Sums = Batches<std::pair<std::string, long>>;

/// With and without an inverse the results are the same.
template <class Check> void bothForms(Duration window, Duration slide, const Check& check) {
    SECTION("without an inverse") {
        check([=](const auto& in) { return in.reduceByKeyAndWindow(std::plus<>(), window, slide); });
    }
    SECTION("with an inverse") {
        check([=](const auto& in) { return in.reduceByKeyAndWindow(std::plus<>(), std::minus<>(), window, slide); });
    }
}

const Sums kOneToSix{{{"a", 1}}, {{"a", 2}}, {{"a", 3}}, {{"a", 4}}, {{"a", 5}}, {{"a", 6}}};

} // namespace

TEST_CASE("a key that has no element in the window is gone, also with an inverse", "[A28]") {
    // Spark's form with an inverse keeps it, with what is left of its value.
    bothForms(2s, 1s, [](const auto& operation) {
        checkSets(Sums{{{"a", 1}}, {{"a", 1}}, {}, {}}, operation, Sums{{{"a", 1}}, {{"a", 2}}, {{"a", 1}}, {}});
    });
}

TEST_CASE("keys enter and leave a window on their own", "[A28]") {
    bothForms(2s, 1s, [](const auto& operation) {
        checkSets(Sums{{{"a", 1}, {"b", 10}}, {{"b", 20}, {"b", 2}}, none, {{"a", 5}}}, operation,
                  Sums{{{"a", 1}, {"b", 10}}, {{"a", 1}, {"b", 32}}, {{"b", 22}}, {{"a", 5}}});
    });
}

TEST_CASE("a window that slides by two batches", "[A29]") {
    bothForms(4s, 2s, [](const auto& operation) {
        checkSets(kOneToSix, operation, Sums{{{"a", 3}}, {{"a", 10}}, {{"a", 18}}, {{"a", 11}}});
    });
}

TEST_CASE("a window shorter than its slide gives what a plain window would", "[A34]") {
    // Spark's form with an inverse gives 6, 12.
    bothForms(2s, 3s, [](const auto& operation) { checkSets(kOneToSix, operation, Sums{{{"a", 5}}, {{"a", 11}}}); });
}

TEST_CASE("values that cancel each other out keep their key as long as it is in the window", "[A35]") {
    bothForms(3s, 1s, [](const auto& operation) {
        checkSets(Sums{{{"k", 5}}, {{"k", -5}}}, operation, Sums{{{"k", 5}}, {{"k", 0}}, {{"k", 0}}, {{"k", -5}}, {}});
    });
}

TEST_CASE("a reduction that has no inverse", "[A29]") {
    checkSets(
        Sums{{{"a", 3}}, {{"a", 9}, {"b", 1}}, {{"a", 2}}, {}, {{"b", -1}}},
        [](const auto& in) { return in.reduceByKeyAndWindow(maximum, 2s, 1s); },
        Sums{{{"a", 3}}, {{"a", 9}, {"b", 1}}, {{"a", 9}, {"b", 1}}, {{"a", 2}}, {{"b", -1}}});
}

TEST_CASE("hits per page and the slowest answer, as in the examples", "[A29]") {
    TestStreamingContext ssc(1s);
    auto hits = ssc.queueStream<std::string>();
    auto latencies = ssc.queueStream<std::pair<std::string, long>>();
    auto hot = collectBatches(hits.map(withOne).reduceByKeyAndWindow(std::plus<>(), std::minus<>(), 3s, 2s));
    auto slowest = collectBatches(latencies.reduceByKeyAndWindow(maximum, 3s, 1s));
    hits.push({"/", "/about", "/"});
    latencies.push({{"/", 20}, {"/", 30}});
    ssc.advanceBatch(4);
    CHECK(sorted(hot[0]) == Pairs{{"/", 2}, {"/about", 1}});
    CHECK(hot[1].empty());
    CHECK(slowest[2] == Pairs{{"/", 30}});
    CHECK(slowest[3].empty());
}

TEST_CASE("a window that reduces by key keeps what was combined, not what was read", "[A56]") {
    TestStreamingContext ssc(1s);
    const auto input = ssc.queueStream<std::string>();
    const auto seen = collectBatches(input.map(withOne).reduceByKeyAndWindow(std::plus<>(), 30s));
    auto rdd = RDD<std::string>(ssc.context().parallelize(std::vector<std::string>{"a", "a"}, 1));
    const std::weak_ptr<const void> alive = rdd.lineagePtr();
    input.push(std::move(rdd));
    rdd = RDD<std::string>();
    ssc.advanceBatch(4);
    CHECK(seen[3] == Pairs{{"a", 2}});
    CHECK(alive.expired());
}

} // namespace rivulet::test::windowed_reductions_test
