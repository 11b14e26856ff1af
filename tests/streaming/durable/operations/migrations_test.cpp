#include "streaming/durable/recovery_harness.h"

namespace rivulet::test::migrations_test {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

const Batches<std::string> kWords{{"a", "b"}, {"a"}, {"a", "c"}, {"b"}, {}, {"a"}};

/// A count as it was in the first version of a program, in the second, and in the third.
struct CountV1 {
    int count = 0;
    template <class Archive> void serialize(Archive& archive) { archive(count); }
};
struct CountV2 {
    long count = 0;
    std::string unit;
    template <class Archive> void serialize(Archive& archive) { archive(count, unit); }
};

} // namespace

} // namespace rivulet::test::migrations_test

template <> inline constexpr const char* rivulet::kStoredName<rivulet::test::migrations_test::CountV1> = "Count";

namespace rivulet::test::migrations_test {} // namespace rivulet::test::migrations_test

template <> inline constexpr const char* rivulet::kStoredName<rivulet::test::migrations_test::CountV2> = "Count";

namespace rivulet::test::migrations_test {

namespace {

auto countingOnes = [](const StreamingContext& ssc, int n) {
    return tableStream(ssc, kWords, n)
        .uid("words")
        .map(withOne)
        .updateStateByKey(
            [](std::span<const long> arrived, std::optional<CountV1> state) {
                return std::optional(CountV1{(state ? state->count : 0) + int(arrived.size())});
            },
            n)
        .uid("counts")
        .mapValues([](const CountV1& state) { return long(state.count); });
};
auto countingUnits = [](const StreamingContext& ssc, int n) {
    return tableStream(ssc, kWords, n)
        .uid("words")
        .map(withOne)
        .updateStateByKey(
            [](std::span<const long> arrived, std::optional<CountV2> state) {
                return std::optional(CountV2{(state ? state->count : 0) + long(arrived.size()), "words"});
            },
            n)
        .uid("counts")
        .mapValues([](const CountV2& state) { return state.count; });
};
auto countingDoubles = [](const StreamingContext& ssc, int n) {
    return tableStream(ssc, kWords, n)
        .uid("words")
        .map(withOne)
        .updateStateByKey(
            [](std::span<const long> arrived, std::optional<double> state) {
                return std::optional(state.value_or(0) + double(arrived.size()));
            },
            n)
        .uid("counts")
        .mapValues([](double state) { return long(state); });
};

CountV2 toUnits(CountV1 old) { return {old.count, "words"}; }
double toDouble(CountV2 old) { return double(old.count); }

const std::vector<StateMigration> kMigrations{migrateState<std::string, CountV1>("counts", toUnits),
                                              migrateState<std::string, CountV2>("counts", toDouble)};

template <class Build>
void runInto(SeenBatches& seen, const std::string& directory, const Build& build, int batches, int partitions,
             const std::vector<StateMigration>& migrations) {
    TestStreamingContext ssc(1s);
    ssc.checkpoint(directory, {.migrations = migrations});
    seen.watch(ssc, build(ssc, partitions).erased());
    ssc.advanceBatch(batches);
}

} // namespace

TEST_CASE("States of an older type become those of the new one, version by version") {
    using P = Batches<std::pair<std::string, long>>;
    const auto expected = textsOf(P{{{"a", 1}, {"b", 1}},
                                    {{"a", 2}, {"b", 1}},
                                    {{"a", 3}, {"b", 1}, {"c", 1}},
                                    {{"a", 3}, {"b", 2}, {"c", 1}},
                                    {{"a", 3}, {"b", 2}, {"c", 1}},
                                    {{"a", 4}, {"b", 2}, {"c", 1}}});
    SECTION("one version after the other") {
        const TemporaryDirectory directory;
        SeenBatches seen;
        runInto(seen, directory / "c", countingOnes, 2, 2, {});
        runInto(seen, directory / "c", countingUnits, 1, 2, kMigrations);
        runInto(seen, directory / "c", countingUnits, 1, 3, kMigrations); // they may stay
        runInto(seen, directory / "c", countingDoubles, 2, 7, kMigrations);
        checkTables(seen.table(6, 1), expected, false);
    }
    SECTION("two at once") {
        const TemporaryDirectory directory;
        SeenBatches seen;
        runInto(seen, directory / "c", countingOnes, 3, 3, {});
        runInto(seen, directory / "c", countingDoubles, 3, 2, kMigrations);
        checkTables(seen.table(6, 1), expected, false);
    }
}

TEST_CASE("A migration may look at the key, and states keep the times at which they were touched") {
    const auto build = [](auto zero) {
        using S = decltype(zero);
        return [](const StreamingContext& ssc, int n) {
            return tableStream(ssc, kWords, n)
                .uid("words")
                .map(withOne)
                .mapWithState(StateSpec::function([](const std::string& key, std::optional<long> x, State<S>& state) {
                                  if (state.isTimingOut()) return key + " ended";
                                  state.update(state.getOption().value_or(S()) + S(*x));
                                  return key + " " + std::to_string(int(state.get()));
                              })
                                  .timeout(2s)
                                  .numPartitions(n))
                .uid("sums");
        };
    };
    const TemporaryDirectory directory;
    SeenBatches seen;
    runInto(seen, directory / "c", build(0), 3, 2, {});
    runInto(seen, directory / "c", build(0.0), 3, 2,
            {migrateState<std::string, int>(
                "sums", [](const std::string& key, int old) { return old + (key == "a" ? 100.0 : 0.0); })});
    // "b" came with the first batch and the fourth, "a" with the third and the sixth, "c" with the third alone.
    checkTables(
        seen.table(6, 1),
        textsOf(Batches<std::string>{{"a 1", "b 1"}, {"a 2"}, {"a 3", "c 1"}, {"b 2"}, {}, {"a 104", "c ended"}}),
        false);
}

TEST_CASE("The rows of a keyed window are migrated") {
    const auto build = [](auto one) {
        return [one](const StreamingContext& ssc, int n) {
            return tableStream(ssc, kWords, n)
                .uid("words")
                .map([one](const std::string& word) { return std::pair(word, one); })
                .reduceByKeyAndWindow(std::plus<>(), 3s, 1s, n)
                .uid("window")
                .mapValues([](auto n) { return long(n); });
        };
    };
    const TemporaryDirectory directory;
    SeenBatches seen;
    runInto(seen, directory / "c", build(1), 2, 2, {});
    runInto(seen, directory / "c", build(1.0), 2, 2,
            {migrateState<std::string, int>("window", [](int old) { return double(old); })});
    using P = Batches<std::pair<std::string, long>>;
    checkTables(seen.table(4, 1),
                textsOf(P{{{"a", 1}, {"b", 1}},
                          {{"a", 2}, {"b", 1}},
                          {{"a", 3}, {"b", 1}, {"c", 1}},
                          {{"a", 2}, {"b", 1}, {"c", 1}}}),
                false);
}

TEST_CASE("A migration that does not lead to the program's type, or throws, changes nothing") {
    const TemporaryDirectory directory;
    SeenBatches seen;
    runInto(seen, directory / "c", countingOnes, 2, 2, {});
    CHECK_THAT(
        errorText<RecoveryError>([&] { runInto(seen, directory / "c", countingDoubles, 1, 2, {kMigrations[0]}); }),
        ContainsSubstring("'counts' is updateStateByKey of tuple<string,f64>, and was updateStateByKey of "
                          "tuple<string,Count{i32}>") &&
            ContainsSubstring("or .migrations = {migrateState<Key, OldState>(\"uid\", f)} where the type of "
                              "states has"));
    CHECK_THAT(errorText<RecoveryError>([&] {
                   runInto(seen, directory / "c", countingUnits, 1, 2,
                           {migrateState<std::string, CountV1>(
                               "counts", [](CountV1) -> CountV2 { throw std::runtime_error("no units"); })});
               }),
               ContainsSubstring("the migration of 'counts' from tuple<string,Count{i32}> to "
                                 "tuple<string,Count{i64,string}> threw: no units; nothing was changed in directory"));
    runInto(seen, directory / "c", countingOnes, 1, 2, {});
    CHECK(seen.table(3, 1)[2].elements.size() == 3);
}

} // namespace rivulet::test::migrations_test
