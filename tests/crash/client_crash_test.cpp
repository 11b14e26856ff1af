#include "crash/killer.h"
#include "crash/oracle.h"
#include "support/temporary_directory.h"

#include <filesystem>
#include <optional>

using namespace rivulet::test;

namespace {

std::string clientPath() { return pathOf("RIVULET_CRASH_CLIENT", RIVULET_CRASH_CLIENT); }

/// Keeps a client at work, and kills it now and then.
class KilledClient {
  public:
    KilledClient(std::string directory, long records)
        : command_{clientPath(), std::move(directory), std::to_string(records)} {}

    void look(std::mt19937_64& random) {
        if (done_) return;
        if (process_ && random() % 3 == 0 && !process_->endsWithin(0)) {
            kills_ += process_->end(int(random() % 20)).killed;
            process_.reset();
        } else if (process_ && process_->endsWithin(0)) {
            CHECK(process_->end(0).code == 0);
            done_ = true;
        }
        if (!done_ && !process_ && std::filesystem::exists(command_[1] + "/port")) process_.emplace(command_);
    }
    int kills() const { return kills_; }

  private:
    const std::vector<std::string> command_;
    std::optional<Process> process_;
    bool done_ = false;
    int kills_ = 0;
};

/// The same where the records come from a client over the acknowledged line protocol.
void killBothSides(const std::string& scenario, int kills, long records, std::uint64_t seed) {
    INFO("scenario " << scenario << ", seed " << seed);
    std::mt19937_64 random(seed);
    const TemporaryDirectory directory;
    const std::string path = directory / "job";
    KilledClient client(path, records);
    int killed = 0;
    bool finished = false;
    while (!finished) {
        Process subject({subjectPath(), path, "acked-" + scenario, std::to_string(records)});
        const int limit = killed >= kills ? 60'000 : int(random() % (random() % 4 == 0 ? 40 : 300));
        for (int waited = 0; waited < limit && !subject.endsWithin(std::min(20, limit - waited)); waited += 20)
            client.look(random);
        const End end = subject.end(0);
        if (end.killed) REQUIRE(killed++ < kills); // the last one ends by itself
        if (!end.killed) REQUIRE(end.code == 0);
        finished = !end.killed;
    }
    long batches = 0;
    CHECK(checkOutputs(path, scenario, records, batches) == "");
    WARN("acked " << scenario << ": " << killed << " kills of the server, " << client.kills() << " of the client, "
                  << batches << " batches, " << records << " records, seed " << seed);
    CHECK(killed > kills / 2);
}

} // namespace

TEST_CASE("Each record of a client counts once through kills of the client and the server", "[T1]") {
    const std::string scenario = GENERATE(as<std::string>{}, "update", "window");
    killBothSides(scenario, 5, 8000, 20261121);
}

TEST_CASE("Each record of a client counts once through many kills", "[.long][T1]") {
    const std::string scenario = GENERATE(as<std::string>{}, "stateless", "update", "map", "window");
    killBothSides(scenario, 60, 100000, std::random_device()());
}
