#include "crash/readers.h"
#include "support/temporary_directory.h"

#include <functional>
#include <thread>

using namespace rivulet::test;

namespace {

/// A process is stopped, and goes on when another has finished its work with a copy of its checkpoint, as after a move
/// to another machine: it ends, and has added nothing.
void stopAndOvertake(const std::string& output, long records, int milliseconds,
                     const std::function<std::vector<WrittenBatch>(const std::string&)>& read) {
    namespace fs = std::filesystem;
    const TemporaryDirectory directory;
    const std::string first = directory / "first", second = directory / "second", count = std::to_string(records);
    Process zombie({subjectPath(), first, "update", count, output});
    while (!fs::exists(first + "/running")) REQUIRE_FALSE(zombie.endsWithin(1));
    REQUIRE_FALSE(zombie.endsWithin(milliseconds));
    REQUIRE(::kill(zombie.id(), SIGSTOP) == 0);
    siginfo_t stopped{};
    REQUIRE(::waitid(P_PID, id_t(zombie.id()), &stopped, WSTOPPED | WNOWAIT) == 0);
    fs::create_directories(second);
    fs::copy(first + "/checkpoint", second + "/checkpoint", fs::copy_options::recursive);
    fs::create_directory_symlink(first + "/out", second + "/out");
    const End overtaker = runFor({second, "update", count, output}, 60000);
    CHECK_FALSE(overtaker.killed);
    CHECK(overtaker.code == 0);
    CHECK(::kill(zombie.id(), SIGCONT) == 0);
    const End end = zombie.end(60000);
    CHECK_FALSE(end.killed);
    CHECK(end.code == 74);
    CHECK(checkBatches(read(first), "update", records) == "");
}

} // namespace

TEST_CASE("A process that was overtaken publishes no files", "[T13]") { stopAndOvertake("files", 600, 20, published); }

#if __has_include(<libpq-fe.h>)

TEST_CASE("A process that was overtaken writes no rows", "[.long][T13]") {
    if (const auto server = startDatabase())
        stopAndOvertake("postgres", 600, 20, [&](const std::string&) { return rowsOf(*server); });
}

namespace {

/// Kills the program, stops the server, and cuts connections, within commits too.
void disturbDatabase(const std::string& scenario, int kills, int stops, std::uint64_t seed) {
    const auto server = startDatabase();
    if (!server) return;
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    const TemporaryDirectory directory;
    const std::string path = directory / "job";
    int killed = 0, stopped = 0;
    std::atomic<long> cuts = 0;
    while (killed < kills) {
        std::jthread cutting([&](const std::stop_token& stop) {
            while (!stop.stop_requested())
                cuts += server->ask("select pg_terminate_backend(pid) from pg_stat_activity "
                                    "where application_name = 'rivulet' and random() < 0.03") != "";
        });
        killOnce({path, scenario, "1000000000", "postgres"}, random, [&](const Process& subject) {
            CHECK_FALSE(subject.endsWithin(int(random() % 50)));
            cutting.request_stop();
            cutting.join();
            if (stopped == stops || random() % 4 != 0) return;
            server->stop(); // as a crash
            CHECK_FALSE(subject.endsWithin(int(random() % 100)));
            server->begin();
            ++stopped;
        });
        ++killed;
    }
    const End end = runFor({path, scenario, "+300", "postgres"}, 60'000);
    REQUIRE_FALSE(end.killed);
    REQUIRE(end.code == 0);
    const auto batches = rowsOf(*server);
    CHECK(checkBatches(batches, scenario, recordsOf(path)) == "");
    WARN(scenario << " to postgres, disturbed: kills=" << killed << " stops=" << stopped << " cuts=" << cuts
                  << " batches=" << batches.size() << " seed " << seed);
}

} // namespace

TEST_CASE("Each batch is in the database once through kills, cut connections and crashes of the server", "[T18]") {
    disturbDatabase("update", 3, 1, 20261121);
}

TEST_CASE("Each batch is in the database once through 200 kills, cut connections and crashes of the server",
          "[.long][T18]") {
    disturbDatabase("update", 200, 20, std::random_device()());
}
#endif
