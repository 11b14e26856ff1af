#include "streaming/durable/recovery_harness.h"

#include <filesystem>

namespace rivulet::test::program_changes_test {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

std::optional<long> addAll(std::span<const long> arrived, std::optional<long> total) {
    return std::accumulate(arrived.begin(), arrived.end(), total.value_or(0));
}

struct Opaque { // cannot be written
    long value = 0;
    bool operator==(const Opaque&) const = default;
};

const Batches<std::string> kInput{{"a"}, {"a"}, {"a"}, {"a"}, {"a"}, {"a"}};

auto counting(std::string uid) {
    return [uid](const StreamingContext& ssc, int n) {
        return tableStream(ssc, kInput, n).uid("in").map(withOne).updateStateByKey(addAll, n).uid(uid);
    };
}
auto countingInDoubles(std::string uid) {
    return [uid](const StreamingContext& ssc, int n) {
        return tableStream(ssc, kInput, n)
            .uid("in")
            .map(withOne)
            .updateStateByKey([](std::span<const long> arrived, std::optional<double> total) {
                return std::optional(total.value_or(0) + double(arrived.size()));
            })
            .uid(uid);
    };
}

template <class Build> std::string refusal(const std::string& directory, const Build& build) {
    return errorText<RecoveryError>([&] { runAll(directory, build, {{1}}); });
}

} // namespace

TEST_CASE("What has no name is named at the start, and the directory is not made") {
    const TemporaryDirectory directory;
    const auto build = [](const StreamingContext& ssc, int n) {
        return tableStream(ssc, kInput, n).map(withOne).updateStateByKey(addAll, n);
    };
    const std::string text = errorText<UsageError>([&] { runAll(directory / "c", build, {{1}}); });
    CHECK_THAT(text, ContainsSubstring("start: there is a checkpoint directory, and these have no name by which they "
                                       "are found again: tableStream at ") &&
                         ContainsSubstring(", updateStateByKey at ") &&
                         ContainsSubstring("; add .uid(\"...\") to each"));
    CHECK_FALSE(std::filesystem::exists(directory / "c"));
}

TEST_CASE("A name is given once") {
    const TemporaryDirectory directory;
    CHECK_THAT(errorText<UsageError>([&] { runAll(directory / "c", counting("in"), {{1}}); }),
               ContainsSubstring("start: the uid 'in' was given to two: tableStream at ") &&
                   ContainsSubstring("so give each a uid of its own"));
}

TEST_CASE("A name after a step is that of the source before it") {
    const TemporaryDirectory directory;
    const auto build = [](const StreamingContext& ssc, int n) {
        return tableStream(ssc, kInput, n).map(withOne).uid("ones").updateStateByKey(addAll, n).uid("totals");
    };
    CHECK(runAll(directory / "c", build, {{1}, {1}}).size() == 2);
}

TEST_CASE("A type that cannot be written is told") {
    const TemporaryDirectory directory;
    const auto build = [](const StreamingContext& ssc, int n) {
        return tableStream(ssc, kInput, n)
            .uid("in")
            .map(withOne)
            .updateStateByKey([](std::span<const long>, std::optional<Opaque>) { return std::optional(Opaque()); }, n)
            .uid("opaque")
            .keys();
    };
    CHECK_THAT(errorText<UsageError>([&] { runAll(directory / "c", build, {{1}}); }),
               ContainsSubstring("the type of its keys or states cannot be written; give it a default constructor and "
                                 "a member `template <class Archive> void serialize(Archive& archive)"));
}

TEST_CASE("An operator that is not in the program any more is refused, dropped, or adopted", "[T15]") {
    const TemporaryDirectory directory;
    const std::string path = directory / "c";
    runAll(path, counting("old"), {{2}});
    CHECK_THAT(refusal(path, counting("new")),
               ContainsSubstring("does not fit this program:\n  - 'old' (updateStateByKey of tuple<string,i64>) is not "
                                 "in the program\nGive checkpoint() the option .dropState = {\"uid\"}"));
    CHECK_THAT(refusal(path, counting("new")), ContainsSubstring("'old'")); // nothing was changed
    SECTION("dropped: the new one begins empty") {
        const CheckpointOptions options{.dropState = {"old"}, .adopt = {}};
        runAll(path, counting("new"), {{1}}, options);
        runAll(path, counting("new"), {{1}}, options); // the option may stay
        CHECK_THAT(refusal(path, counting("old")), ContainsSubstring("'new'"));
    }
    SECTION("adopted: the state is the old one's") {
        const CheckpointOptions options{.dropState = {}, .adopt = {{"old", "new"}}};
        SeenBatches seen;
        for (int i = 0; i < 2; ++i) { // the option may stay
            TestStreamingContext ssc(1s);
            ssc.checkpoint(path, options);
            seen.watch(ssc, counting("new")(ssc, 2).erased());
            ssc.advanceBatch();
        }
        const auto table = seen.table(4, 1);
        CHECK(table[2].elements == textsOf(Batches<std::pair<std::string, long>>{{{"a", 3}}})[0].elements);
        CHECK(table[3].elements == textsOf(Batches<std::pair<std::string, long>>{{{"a", 4}}})[0].elements);
    }
}

TEST_CASE("A state of another type is refused, or dropped", "[T15]") {
    const TemporaryDirectory directory;
    const std::string path = directory / "c";
    runAll(path, counting("totals"), {{2}});
    CHECK_THAT(refusal(path, countingInDoubles("totals")),
               ContainsSubstring("'totals' is updateStateByKey of tuple<string,f64>, and was updateStateByKey of "
                                 "tuple<string,i64>"));
    const CheckpointOptions options{.dropState = {"totals"}, .adopt = {}};
    SeenBatches seen;
    for (int i = 0; i < 2; ++i) { // dropped once, not at every start
        TestStreamingContext ssc(1s);
        ssc.checkpoint(path, options);
        seen.watch(ssc, countingInDoubles("totals")(ssc, 2).erased());
        ssc.advanceBatch();
    }
    CHECK(seen.table(4, 1)[3].elements == textsOf(Batches<std::pair<std::string, double>>{{{"a", 2}}})[0].elements);
}

TEST_CASE("The batch duration may change") {
    const TemporaryDirectory directory;
    std::vector<Time> times;
    std::vector<long> totals;
    for (const auto duration : {1000ms, 500ms, 300ms}) {
        TestStreamingContext ssc(duration);
        ssc.checkpoint(directory / "c");
        auto input = ssc.queueStream<std::string>();
        input.uid("in").map(withOne).updateStateByKey(addAll, 2).uid("totals").foreachRDD(
            [&](const RDD<std::pair<std::string, long>>& rdd, Time time) {
                times.push_back(time);
                totals.push_back(rdd.collect().at(0).second);
            });
        for (int i = 0; i < 2; ++i) {
            input.push({"a"});
            ssc.advanceBatch();
        }
    }
    CHECK(totals == std::vector<long>{1, 2, 3, 4, 5, 6});
    CHECK(times ==
          std::vector<Time>{Time(1000ms), Time(2000ms), Time(2500ms), Time(3000ms), Time(3300ms), Time(3600ms)});
}

TEST_CASE("getOrCreate always runs the function, which sets the same directory", "[A68]") {
    const TemporaryDirectory directory;
    const std::string path = directory / "c";
    int built = 0;
    std::vector<long> totals;
    const auto build = [&] {
        ++built;
        TestStreamingContext ssc(1s);
        ssc.checkpoint(path);
        counting("totals")(ssc, 2).foreachRDD(
            [&](const RDD<std::pair<std::string, long>>& rdd) { totals.push_back(rdd.collect().at(0).second); });
        return ssc;
    };
    for (int i = 0; i < 2; ++i) {
        const auto ssc = StreamingContext::getOrCreate(path + "/../c/", build);
        CHECK(ssc.getState() == StreamingContextState::INITIALIZED);
        ssc.core()->start(false, std::source_location::current());
        ssc.core()->runBatch(Time(std::chrono::seconds(i + 1)));
    }
    CHECK(built == 2);
    CHECK(totals == std::vector<long>{1, 2});
    CHECK(errorText<UsageError>([&] { StreamingContext::getOrCreate(directory / "d", build); }) ==
          "getOrCreate: the directory is '" + (directory / "d") + "', and the function has set '" + path +
              "'; give both the same");
    CHECK(
        errorText<UsageError>([&] { StreamingContext::getOrCreate(path, [] { return TestStreamingContext(1s); }); }) ==
        "getOrCreate: the function has set no checkpoint directory; call ssc.checkpoint(\"" + path + "\") in it");
}

TEST_CASE("A checkpoint directory is a path") {
    const TestStreamingContext ssc(1s);
    CHECK(errorText<UsageError>([&] { ssc.checkpoint(""); }) ==
          "checkpoint: the directory has no name; leave checkpoint() out where nothing is to outlive the process");
    CHECK(
        errorText<UsageError>([&] { ssc.checkpoint("hdfs://a/b"); }) ==
        "checkpoint: 'hdfs://a/b' names a scheme; a checkpoint lies in a local directory, which is given by its path");
}

} // namespace rivulet::test::program_changes_test
