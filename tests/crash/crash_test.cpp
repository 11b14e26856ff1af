#include "crash/killer.h"
#include "crash/oracle.h"
#include "support/temporary_directory.h"

using namespace rivulet::test;

namespace {

/// Kills the subject so many times at random instants, lets it finish, and compares what it has written.
void killAgainAndAgain(const std::string& scenario, int kills, long records, std::uint64_t seed) {
    INFO("scenario " << scenario << ", seed " << seed);
    std::mt19937_64 random(seed);
    if (scenario == "window") records /= 5; // its batches are as much longer
    const TemporaryDirectory directory;
    const std::string path = directory / "job";
    const int killed = killUntilDone({path, scenario, std::to_string(records)}, kills, random);
    long batches = 0;
    CHECK(checkOutputs(path, scenario, records, batches) == "");
    WARN(scenario << ": " << killed << " kills, " << batches << " batches, " << records << " records, seed " << seed);
    CHECK(killed > kills / 2);
}

} // namespace

TEST_CASE("Each record counts once through kills at any instant") {
    const std::string scenario = GENERATE(as<std::string>{}, "stateless", "update", "map", "window");
    killAgainAndAgain(scenario, 5, 6000, 20261121);
}

TEST_CASE("Each record counts once through many kills", "[.long]") {
    const std::string scenario = GENERATE(as<std::string>{}, "stateless", "update", "map", "window");
    killAgainAndAgain(scenario, 60, 60000, std::random_device()());
}
