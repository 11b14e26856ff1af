#include "durable/inspection/inspection.h"
#include "streaming/durable/recovery_harness.h"

#include <filesystem>
#include <fstream>

namespace rivulet::test::inspection_test {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using detail::CheckpointStore;
using detail::Inspection;
namespace fs = std::filesystem;

namespace {

std::optional<long> addAll(std::span<const long> arrived, std::optional<long> total) {
    if (arrived.empty() && *total == 3) return std::nullopt; // so that there are removed keys
    return std::accumulate(arrived.begin(), arrived.end(), total.value_or(0));
}

const Batches<std::string> kWords{{"a", "b"}, {"a"}, {"a", "c"}, {}};

auto counting(std::string uid) {
    return [uid](const StreamingContext& ssc, int n) {
        return tableStream(ssc, kWords, n).uid("words").map(withOne).updateStateByKey(addAll, n).uid(uid);
    };
}
auto windowed(const StreamingContext& ssc, int n) {
    return tableStream(ssc, kWords, n)
        .uid("words")
        .map(withOne)
        .reduceByKeyAndWindow(std::plus<>(), 2s, 1s, n)
        .uid("window");
}

std::vector<std::string> stateLines(const std::string& directory, const std::string& uid,
                                    const std::optional<std::string>& key = {}) {
    std::vector<std::string> lines;
    Inspection(directory, CheckpointStore::Use::inspect).state(uid, key, [&](const std::string& line) {
        lines.push_back(line);
    });
    return lines;
}
std::string info(const std::string& directory, bool json) {
    return Inspection(directory, CheckpointStore::Use::look).info(json);
}

} // namespace

TEST_CASE("Inspection tells what a directory has") {
    const TemporaryDirectory directory;
    const std::string path = directory / "c";
    runAll(path, counting("totals"), {{3}});
    const std::string text = info(path, false);
    CHECK_THAT(text,
               ContainsSubstring("application  test\n") && ContainsSubstring("epoch        1\n") &&
                   ContainsSubstring("last batch   3 of 3000 ms (1970-01-01 00:00:03 UTC), one every 1s\n") &&
                   ContainsSubstring("\ntotals\n    updateStateByKey of tuple<string,i64>\n    3 keys, hash 2, ") &&
                   ContainsSubstring("\nwords\n    source tableStream\n    position \"\"\n"));
    const std::string json = info(path, true);
    CHECK_THAT(json, ContainsSubstring("\"lastBatch\":{\"id\":3,\"timeMs\":3000,\"batchDurationMs\":1000}") &&
                         ContainsSubstring("{\"uid\":\"totals\",\"operation\":\"updateStateByKey\",\"type\":\"tuple<"
                                           "string,i64>\",\"number\":2,\"layout\":\"hash 2\",\"keys\":3,"));
}

TEST_CASE("Inspection tells where a source stands") {
    const TemporaryDirectory directory;
    {
        TestStreamingContext ssc(1s);
        ssc.checkpoint(directory / "c");
        ssc.rateStream(10, [](long n) { return n; }).uid("rate").foreachRDD([](const RDD<long>&) {});
        ssc.advanceBatch(2);
    }
    CHECK_THAT(info(directory / "c", false), ContainsSubstring("\nrate\n    source rateStream\n    position \"") &&
                                                 ContainsSubstring("\" after the batch of 2000 ms\n"));
    CHECK_THAT(info(directory / "c", true), ContainsSubstring("\"position\":{\"timeMs\":2000,\"own\":\""));
}

TEST_CASE("Inspection shows states by key") {
    const TemporaryDirectory directory;
    const std::string path = directory / "c";
    runAll(path, counting("totals"), {{3}});
    CHECK(stateLines(path, "totals") == std::vector<std::string>{"{\"key\":\"a\",\"state\":3}",
                                                                 "{\"key\":\"b\",\"state\":1}",
                                                                 "{\"key\":\"c\",\"state\":1}"});
    CHECK(stateLines(path, "totals", "b") == std::vector<std::string>{"{\"key\":\"b\",\"state\":1}"});
    CHECK(stateLines(path, "totals", "\"b\"").size() == 1);
    CHECK(stateLines(path, "totals", "x").empty());
    runAll(path, counting("totals"), {{1}}); // what was removed is not shown
    CHECK(stateLines(path, "totals", "a").empty());
    CHECK(stateLines(path, "totals").size() == 2);
    CHECK(errorText<UsageError>([&] { stateLines(path, "x"); }) ==
          "there is no 'x' in directory '" + path + "'; it has 'words', 'totals'");
    CHECK(errorText<UsageError>([&] { stateLines(path, "words"); }) ==
          "'words' is a source tableStream, which has a position and no state; info shows it");
}

TEST_CASE("Inspection shows when states with a time-out were touched") {
    const TemporaryDirectory directory;
    const auto build = [](const StreamingContext& ssc, int n) {
        return tableStream(ssc, kWords, n)
            .uid("words")
            .map(withOne)
            .mapWithState(StateSpec::function([](const std::string&, std::optional<long> x, State<long>& state) {
                              if (x) state.update(state.getOption().value_or(0) + *x);
                              return 0;
                          })
                              .timeout(60s)
                              .numPartitions(n))
            .uid("sums");
    };
    runAll(directory / "c", build, {{3}});
    CHECK(stateLines(directory / "c", "sums", "b") ==
          std::vector<std::string>{"{\"key\":\"b\",\"state\":1,\"touchedMs\":1000}"});
}

TEST_CASE("Inspection shows the rows of a window batch by batch") {
    const TemporaryDirectory directory;
    runAll(directory / "c", windowed, {{3, 1}});
    CHECK(stateLines(directory / "c", "window", "a") ==
          std::vector<std::string>{"{\"timeMs\":2000,\"row\":[\"a\",1]}", "{\"timeMs\":3000,\"row\":[\"a\",1]}"});
}

TEST_CASE("Inspection looks at a directory that a program uses, and changes none") {
    const TemporaryDirectory directory;
    const std::string path = directory / "c";
    TestStreamingContext ssc(1s);
    ssc.checkpoint(path);
    counting("totals")(ssc, 2).foreachRDD([](const RDD<std::pair<std::string, long>>&) {});
    ssc.advanceBatch(2);
    CHECK_THAT(info(path, false), ContainsSubstring("last batch   2 of "));
    ssc.advanceBatch();
    CHECK_THAT(info(path, false), ContainsSubstring("last batch   3 of "));
    CHECK_THROWS_WITH(Inspection(path, CheckpointStore::Use::inspect), ContainsSubstring("is in use by process "));
    CHECK_THROWS_WITH(Inspection(path, CheckpointStore::Use::change), ContainsSubstring("is in use by process "));
    ssc.advanceBatch();
}

TEST_CASE("Inspection makes no directory") {
    const TemporaryDirectory directory;
    CHECK_THROWS_WITH(info(directory / "none", false), "checkpoint: directory '" + (directory / "none") +
                                                           "' has no checkpoint: there is no file IDENT in it");
    CHECK_FALSE(fs::exists(directory / "none"));
}

TEST_CASE("Verification finds nothing in a sound directory, and what was damaged") {
    const TemporaryDirectory directory;
    const std::string path = directory / "c";
    runAll(path, counting("totals"), {{3}});
    const auto verify = [&] { return Inspection(path, CheckpointStore::Use::inspect).verify(); };
    CHECK(verify().findings.empty());
    CHECK_THAT(verify().text(false), ContainsSubstring(": all is as it must be\n"));
    CHECK(Inspection(path, CheckpointStore::Use::change).compact().after > 0); // so that there are tables
    CHECK(verify().findings.empty());
    int found = 0, tables = 0;
    for (const auto& file : fs::directory_iterator(path + "/state")) {
        if (file.path().extension() != ".sst") continue;
        ++tables;
        const auto whole = file.path().string() + ".whole";
        fs::copy_file(file.path(), whole);
        {
            std::fstream table(file.path(), std::ios::binary | std::ios::in | std::ios::out);
            table.seekp(20);
            table.put('\x7f');
        }
        try {
            found += !verify().findings.empty();
        } catch (const Error&) {
            ++found; // not even opened
        }
        fs::rename(whole, file.path());
    }
    CHECK(tables > 0);
    CHECK(found == tables);
    CHECK(verify().findings.empty());
}

TEST_CASE("Verification finds what belongs to nobody") {
    const TemporaryDirectory directory;
    const std::string path = directory / "c";
    runAll(path, counting("totals"), {{2}});
    {
        CheckpointStore store(path, "test");
        detail::Changes changes;
        changes.put(detail::Family::state, detail::keyOf(77, 0, 1, 0), detail::Stored::state, "x");
        changes.put(detail::Family::state, detail::keyOf(2, 0, 9, 0), detail::Stored::state, std::string_view("\0", 1));
        store.write(std::move(changes), true);
    }
    CHECK_THAT(info(path, false),
               ContainsSubstring("\ntotals\n    updateStateByKey of tuple<string,i64>\n    cannot be "
                                 "read: stored bytes end too early"));
    CHECK_THAT(info(path, true), ContainsSubstring("\"error\":\"stored bytes end too early"));
    const auto findings = Inspection(path, CheckpointStore::Use::inspect).verify().findings;
    REQUIRE(findings.size() == 2);
    CHECK(findings[0] == "there is something stored of an operator 77, and there is none of this number");
    CHECK_THAT(findings[1], ContainsSubstring("'totals' (updateStateByKey of tuple<string,i64>): "));
}

TEST_CASE("Dropping and adopting serve a program as its options do") {
    const TemporaryDirectory directory;
    const std::string path = directory / "c";
    runAll(path, counting("old"), {{2}});
    Inspection(path, CheckpointStore::Use::change).adopt("old", "new");
    CHECK(stateLines(path, "new", "a") == std::vector<std::string>{"{\"key\":\"a\",\"state\":2}"});
    runAll(path, counting("new"), {{1}});
    CHECK(stateLines(path, "new", "a") == std::vector<std::string>{"{\"key\":\"a\",\"state\":3}"});
    CHECK(errorText<UsageError>([&] { Inspection(path, CheckpointStore::Use::change).adopt("new", "words"); }) ==
          "'new' is to be renamed to 'words', which is there already; drop that first");
    Inspection(path, CheckpointStore::Use::change).drop("new");
    CHECK_THROWS_AS(stateLines(path, "new"), UsageError);
    CHECK(Inspection(path, CheckpointStore::Use::inspect).verify().findings.empty());
    runAll(path, counting("other"), {{1}});
    CHECK(stateLines(path, "other").empty()); // the fourth batch has nothing
}

TEST_CASE("Inspection tells of outputs and of states in pages, and shows none of their bytes") {
    const TemporaryDirectory directory;
    const std::string path = directory / "c";
    runAll(path, counting("totals"), {{2}});
    {
        CheckpointStore store(path, "test");
        detail::OperatorTable table{10,
                                    {{3, "files", "sink of text files"},
                                     {4, "lines", "source socketTextStream of lines"},
                                     {5, "large", "updateStateByKey in pages of tuple<string,i64>"}}};
        detail::ByteWriter out;
        out(table);
        detail::Changes changes;
        changes.put(detail::Family::meta, "operators", detail::Stored::operators, out.view());
        for (auto& key : store.keys(detail::Family::state, detail::keyOf(2)))
            changes.erase(detail::Family::state, std::move(key));
        changes.put(detail::Family::pages, detail::keyOf(5, 0), detail::Stored::state, "a page");
        store.write(std::move(changes), true);
    }
    CHECK_THAT(info(path, false), ContainsSubstring("\nfiles\n    sink of text files\n    position \"\"\n") &&
                                      ContainsSubstring("\nlarge\n    updateStateByKey in pages of "
                                                        "tuple<string,i64>\n    1 pages, 6 bytes\n"));
    CHECK(Inspection(path, CheckpointStore::Use::inspect).verify().findings.empty());
    CHECK(errorText<UsageError>([&] { stateLines(path, "large"); }) ==
          "'large' is updateStateByKey in pages of tuple<string,i64>, and pages are not shown; ask the program by the "
          "operator's stateView");
    CHECK(errorText<UsageError>([&] { stateLines(path, "lines"); }) ==
          "'lines' is a source socketTextStream of lines, which has a position and no state; info shows it");
}

} // namespace rivulet::test::inspection_test
