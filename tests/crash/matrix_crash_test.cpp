#include "crash/readers.h"
#include "support/temporary_directory.h"

#include <functional>

// Every kind of memory with every output that has each batch once: killed at random instants, and compared byte by byte
// with what an uninterrupted program would have written.

using namespace rivulet::test;

namespace {

const std::vector<std::string> kScenarios{"stateless", "window", "inverse", "update", "map", "join"};

struct Output {
    std::string name;
    std::function<std::vector<WrittenBatch>(const std::string& directory)> read;
};

struct Killed {
    long kills = 0, batches = 0, records = 0, wrong = 0;
};

/// Kills the subject exactly so many times, lets it come to an end, and compares.
Killed killAndCompare(const std::string& scenario, const Output& output, int kills, std::mt19937_64& random) {
    INFO("scenario " << scenario << ", output " << output.name);
    const TemporaryDirectory directory;
    const std::string path = directory / "job";
    Killed counts;
    for (; counts.kills < kills; ++counts.kills)
        killOnce({path, scenario, "1000000000", output.name}, random, [](const Process&) {});
    const End end = runFor({path, scenario, "+300", output.name}, 60'000);
    REQUIRE_FALSE(end.killed);
    REQUIRE(end.code == 0);
    const auto batches = output.read(path);
    counts.batches = long(batches.size());
    counts.records = recordsOf(path);
    const std::string wrong = checkBatches(batches, scenario, counts.records);
    CHECK(wrong == "");
    counts.wrong = !wrong.empty();
    return counts;
}

std::vector<Output> outputs() { return {{"files", published}, {"dedup", deduplicated}}; }

void tell(const std::string& cell, const Killed& counts) {
    WARN(cell << ": kills=" << counts.kills << " batches=" << counts.batches << " records=" << counts.records
              << " wrong=" << counts.wrong);
}

void add(Killed& total, const Killed& counts) {
    total.kills += counts.kills;
    total.batches += counts.batches;
    total.records += counts.records;
    total.wrong += counts.wrong;
}

} // namespace

TEST_CASE("Each batch is there once through kills at any instant", "[T1]") {
    constexpr std::uint64_t kSeed = 20261121;
    std::mt19937_64 random(kSeed);
    Killed total;
    for (std::size_t i = 0; i < kScenarios.size(); ++i)
        add(total, killAndCompare(kScenarios[i], outputs()[i % 2], 2, random));
    tell("seed " + std::to_string(kSeed), total);
}

TEST_CASE("Each batch is there once through 500 kills", "[.long][T1][T2]") {
    const std::uint64_t seed = std::random_device()();
    std::mt19937_64 random(seed);
    WARN("SEED=" << seed);
    auto tested = outputs();
#if __has_include(<libpq-fe.h>)
    const auto server = startDatabase();
    if (server) {
        tested.push_back({"postgres", [&](const std::string&) {
                              auto rows = rowsOf(*server);
                              server->ask("truncate crash_lines");
                              return rows;
                          }});
    }
#endif
    // At least 25 in a cell, and 500 in all.
    const int kills = std::max(25, int(500 / (kScenarios.size() * tested.size())) + 1);
    Killed total;
    for (const auto& output : tested)
        for (const auto& scenario : kScenarios) {
            const Killed counts = killAndCompare(scenario, output, kills, random);
            tell(scenario + " to " + output.name, counts);
            add(total, counts);
        }
    tell("all " + std::to_string(tested.size() * kScenarios.size()) + " cells", total);
    CHECK(total.kills >= 500);
}
