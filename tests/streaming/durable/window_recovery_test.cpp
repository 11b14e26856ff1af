#include "streaming/durable/recovery_harness.h"

namespace rivulet::test::window_recovery_test {

using namespace std::chrono_literals;

namespace {

const Batches<std::string> kWords{{"a"}, {"a", "b"}, {}, {"b", "c"}, {}, {}, {"a"}, {"a", "d"}};

} // namespace

TEST_CASE("A keyed window has what it had, whenever the program is stopped") {
    const auto build = [](const StreamingContext& ssc, int n) {
        return tableStream(ssc, kWords, n)
            .uid("in")
            .map(withOne)
            .reduceByKeyAndWindow(std::plus<>(), 3s, 1s, n)
            .uid("counts");
    };
    using P = Batches<std::pair<std::string, long>>;
    checkRecovery(build, 8,
                  textsOf(P{{{"a", 1}},
                            {{"a", 2}, {"b", 1}},
                            {{"a", 2}, {"b", 1}},
                            {{"a", 1}, {"b", 2}, {"c", 1}},
                            {{"b", 1}, {"c", 1}},
                            {{"b", 1}, {"c", 1}},
                            {{"a", 1}},
                            {{"a", 2}, {"d", 1}}}));
}

TEST_CASE("A window of elements has what it had") {
    const auto build = [](const StreamingContext& ssc, int n) {
        return tableStream(ssc, kWords, n).uid("in").window(3s).uid("window");
    };
    checkRecovery(build, 8,
                  textsOf(Batches<std::string>{{"a"},
                                               {"a", "a", "b"},
                                               {"a", "a", "b"},
                                               {"a", "b", "b", "c"},
                                               {"b", "c"},
                                               {"b", "c"},
                                               {"a"},
                                               {"a", "a", "d"}}));
}

TEST_CASE("A name after countByWindow is the window's") {
    const auto build = [](const StreamingContext& ssc, int n) {
        return tableStream(ssc, kWords, n).uid("in").countByWindow(2s, 1s).uid("count");
    };
    checkRecovery(build, 8, textsOf(Batches<long>{{1}, {3}, {2}, {2}, {2}, {0}, {1}, {3}}));
}

TEST_CASE("A window of another length has what is left of the one before") {
    const TemporaryDirectory directory;
    SeenBatches seen;
    for (const auto length : {4s, 2s, 3s}) {
        TestStreamingContext ssc(1s);
        ssc.checkpoint(directory / "c");
        seen.watch(ssc, tableStream(ssc, Batches<int>{{1}, {2}, {3}, {4}, {5}, {6}})
                            .uid("in")
                            .map([](int x) { return std::pair(0, x); })
                            .reduceByKeyAndWindow(std::plus<>(), length, 1s)
                            .uid("sums")
                            .values()
                            .erased());
        ssc.advanceBatch(2);
    }
    checkTables(seen.table(6, 1), textsOf(Batches<int>{{1}, {3}, {5}, {7}, {12}, {15}}), false);
}

} // namespace rivulet::test::window_recovery_test
