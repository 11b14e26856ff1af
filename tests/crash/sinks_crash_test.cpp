#include "crash/killer.h"
#include "crash/oracle.h"
#include "support/temporary_directory.h"
#if __has_include(<libpq-fe.h>)
#include "postgres/postgres_server.h"
#endif

#include <filesystem>
#include <functional>
#include <map>
#include <sstream>
#include <thread>

using namespace rivulet::test;

namespace {

struct Cell {
    std::string scenario, output;
};

/// What the file sink has published.
std::vector<WrittenBatch> published(const std::string& directory) {
    std::map<long, std::vector<std::string>> found;
    for (const auto& batch : std::filesystem::directory_iterator(directory + "/out")) {
        const std::string name = batch.path().filename().string();
        if (!name.starts_with("out-")) continue;
        auto& lines = found[std::stol(name.substr(4))];
        for (const auto& part : std::filesystem::directory_iterator(batch.path())) {
            if (!part.path().filename().string().starts_with("part-")) continue;
            std::ifstream in(part.path());
            for (std::string line; std::getline(in, line);) lines.push_back(line);
        }
    }
    std::vector<WrittenBatch> batches;
    for (auto& [id, lines] : found) batches.push_back(withRangeInside("batch " + std::to_string(id), std::move(lines)));
    return batches;
}

/// Kills the subject so many times, and compares what a reader of its sink sees.
void killAndCompare(const Cell& cell, int kills, long records, std::uint64_t seed,
                    const std::function<std::vector<WrittenBatch>(const std::string&)>& read) {
    INFO("scenario " << cell.scenario << ", output " << cell.output << ", seed " << seed);
    std::mt19937_64 random(seed);
    if (cell.scenario == "window") records /= 5;
    const TemporaryDirectory directory;
    const std::string path = directory / "job";
    const int killed = killUntilDone({path, cell.scenario, std::to_string(records), cell.output}, kills, random);
    const auto batches = read(path);
    CHECK(checkBatches(batches, cell.scenario, records) == "");
    WARN(cell.scenario << " to " << cell.output << ": " << killed << " kills, " << batches.size() << " batches, "
                       << records << " records, seed " << seed);
    CHECK(killed > kills / 2);
}

void killWithDedup(int kills, long records, std::uint64_t seed) {
    killAndCompare({"update", "dedup"}, kills, records, seed, [](const std::string& path) {
        std::map<long, WrittenBatch> found;
        for (const auto& file : std::filesystem::directory_iterator(path + "/out")) {
            std::ifstream in(file.path());
            WrittenBatch& batch = found[std::stol(file.path().filename().string())];
            batch.where = file.path().string();
            std::getline(in, batch.range);
            for (std::string line; std::getline(in, line);) batch.lines.push_back(line);
        }
        CHECK(found.rbegin()->first == long(found.size())); // numbered without a gap
        std::vector<WrittenBatch> batches;
        for (auto& [id, batch] : found) batches.push_back(std::move(batch));
        return batches;
    });
}

/// A process is stopped, and goes on when another has finished its work with a copy of its checkpoint, as after a move
/// to another machine: it ends, and has added nothing.
void stopAndOvertake(const std::string& output, long records, int milliseconds,
                     const std::function<std::vector<WrittenBatch>(const std::string&)>& read) {
    namespace fs = std::filesystem;
    const TemporaryDirectory directory;
    const std::string first = directory / "first", second = directory / "second", count = std::to_string(records);
    Process zombie({subjectPath(), first, "update", count, output});
    while (!fs::exists(first + "/checkpoint/witness")) REQUIRE_FALSE(zombie.endsWithin(5));
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

TEST_CASE("A process that was overtaken publishes no files") { stopAndOvertake("files", 600, 100, published); }

TEST_CASE("Each batch is in the files once through kills at any instant") {
    const std::string scenario = GENERATE(as<std::string>{}, "update", "window");
    killAndCompare({scenario, "files"}, 5, 1200, 20261121, published);
}

TEST_CASE("Each batch is in the files once through many kills", "[.long]") {
    const std::string scenario = GENERATE(as<std::string>{}, "stateless", "update", "map", "window");
    killAndCompare({scenario, "files"}, 60, 15000, std::random_device()(), published);
}

TEST_CASE("foreachRDD can tell which batches are there already") { killWithDedup(5, 2500, 20261121); }

TEST_CASE("foreachRDD can tell which batches are there already, through many kills", "[.long]") {
    killWithDedup(60, 40000, std::random_device()());
}

#if __has_include(<libpq-fe.h>)
namespace {

std::vector<WrittenBatch> rowsOf(const PostgresServer& server) {
    std::map<long, std::vector<std::string>> found;
    std::istringstream rows(server.ask("select since, line from crash_lines"));
    for (std::string row; std::getline(rows, row);) found[std::stol(row)].push_back(row.substr(row.find('|') + 1));
    std::vector<WrittenBatch> batches;
    for (auto& [since, lines] : found)
        batches.push_back(withRangeInside("rows of " + std::to_string(since), std::move(lines)));
    return batches;
}

/// Null where there is none.
std::unique_ptr<PostgresServer> startDatabase() {
    auto server = PostgresServer::start();
    if (!server) {
        WARN(PostgresServer::kMissing);
        return nullptr;
    }
    ::setenv("RIVULET_CRASH_DATABASE", server->connection().c_str(), 1);
    server->ask("create table crash_lines (since bigint, line text)");
    return server;
}

/// `disturbed`: connections are cut meanwhile, also within commits.
void killWithDatabase(const std::string& scenario, int kills, long records, std::uint64_t seed, bool disturbed) {
    const auto server = startDatabase();
    if (!server) return;
    const std::jthread cutting([&](const std::stop_token& stop) {
        while (disturbed && !stop.stop_requested())
            server->ask("select pg_terminate_backend(pid) from pg_stat_activity "
                        "where application_name = 'rivulet' and random() < 0.03");
    });
    killAndCompare({scenario, "postgres"}, kills, records, seed, [&](const std::string&) { return rowsOf(*server); });
}

} // namespace

TEST_CASE("Each batch is in the database once through kills at any instant") {
    killWithDatabase("update", 4, 700, 20261121, false);
}

TEST_CASE("A process that was overtaken writes no rows", "[.long]") {
    if (const auto server = startDatabase())
        stopAndOvertake("postgres", 600, 100, [&](const std::string&) { return rowsOf(*server); });
}

TEST_CASE("Each batch is in the database once through many kills", "[.long]") {
    const std::string scenario = GENERATE(as<std::string>{}, "stateless", "update", "map", "window");
    killWithDatabase(scenario, 60, 15000, std::random_device()(), false);
}
#endif
