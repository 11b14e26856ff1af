#include "crash/killer.h"
#include "crash/oracle.h"
#include "support/temporary_directory.h"

#include <deque>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sched.h>
#include <sys/mount.h>

using namespace rivulet::test;

namespace {

std::string toolPath() {
#ifdef RIVULET_CHECKPOINT_TOOL
    return pathOf("RIVULET_CHECKPOINT_TOOL", RIVULET_CHECKPOINT_TOOL);
#else
    return pathOf("RIVULET_CHECKPOINT_TOOL", "");
#endif
}

/// The root of the sources, of which the unit and the script are tested.
const std::string kSources = RIVULET_SOURCES;

std::vector<std::string> subject(const std::string& directory, const std::string& scenario, long records) {
    return {subjectPath(), directory, scenario, std::to_string(records)};
}

} // namespace

namespace {

void askToStop(int times, long records) {
    std::mt19937_64 random(20261121);
    const TemporaryDirectory directory;
    const std::string path = directory / "job";
    const auto batchesSeen = [&] {
        std::error_code none;
        return std::distance(std::filesystem::directory_iterator(path + "/out", none), {});
    };
    for (int i = 0; i < times; ++i) {
        const auto before = batchesSeen();
        Process process(subject(path, "update", 1'000'000'000));
        while (batchesSeen() == before && !process.endsWithin(2)) {} // so that it has begun to listen to signals
        process.endsWithin(int(random() % 40));
        process.signal(SIGTERM);
        REQUIRE(process.endsWithin(20'000));
        INFO("run " << i);
        CHECK(process.wait() == 0);
    }
    CHECK(runFor({path, "update", "+" + std::to_string(records)}, 60'000).code == 0);
    long batches = 0, end = -1;
    std::ifstream(path + "/end") >> end;
    CHECK(checkOutputs(path, "update", end, batches) == "");
}

} // namespace

TEST_CASE("A program that is asked to stop finishes its batch and ends with 0", "[T14]") { askToStop(4, 300); }

TEST_CASE("A program that is asked to stop a hundred times finishes its batch each time", "[.long][T14]") {
    askToStop(100, 300);
}

namespace {

/// Starts so many processes on one directory at once: one of them has it, the others say who. When that one is killed
/// the next one gets it.
void startAtOnce(int processes, int rounds) {
    const TemporaryDirectory directory;
    const std::string path = directory / "job";
    for (int round = 0; round < rounds; ++round) {
        INFO("round " << round);
        std::deque<Process> started;
        for (int i = 0; i < processes; ++i) started.emplace_back(subject(path, "update", 1'000'000'000));
        std::size_t running = started.size();
        while (running > 1) {
            running = 0;
            for (const Process& process : started) running += !process.endsWithin(1);
            REQUIRE(running > 0);
        }
        for (Process& process : started)
            if (process.endsWithin(0))
                CHECK(process.wait() == 74);
            else
                CHECK(process.end(50).killed);
    }
    CHECK(runFor({path, "update", "+300"}, 60'000).code == 0);
    long batches = 0, end = -1;
    std::ifstream(path + "/end") >> end;
    CHECK(checkOutputs(path, "update", end, batches) == "");
}

} // namespace

TEST_CASE("Of processes that start at once on one directory one has it", "[T13]") { startAtOnce(6, 2); }

TEST_CASE("Of 20 processes that start at once on one directory one has it", "[.long][T13]") { startAtOnce(20, 20); }

TEST_CASE("The command says by its status what it found", "[T27]") {
    if (toolPath().empty()) return; // it was not built
    const TemporaryDirectory directory;
    const std::string path = directory / "job", checkpoint = path + "/checkpoint";
    const auto tool = [&](const std::string& where, std::vector<std::string> arguments) {
        // Its words are for people.
        std::vector<std::string> command{"sh", "-c", "\"$0\" \"$@\" >/dev/null 2>&1", toolPath(), where};
        for (auto& argument : arguments) command.push_back(std::move(argument));
        return Process(command).wait();
    };
    {
        Process process(subject(path, "update", 1'000'000));
        while (!std::filesystem::exists(path + "/out") || std::filesystem::is_empty(path + "/out"))
            REQUIRE_FALSE(process.endsWithin(10));
        CHECK(tool(checkpoint, {"info"}) == 0);
        CHECK(tool(checkpoint, {"--json", "info"}) == 0);
        CHECK(tool(checkpoint, {"verify"}) == 78); // the program uses it
        CHECK(tool(checkpoint, {"drop", "sums"}) == 78);
        process.signal(SIGKILL);
        process.wait();
    }
    CHECK(tool(checkpoint, {"verify"}) == 0);
    CHECK(tool(checkpoint, {"state", "sums"}) == 0);
    CHECK(tool(checkpoint, {"state", "sums", "--key", "5"}) == 0);
    CHECK(tool(checkpoint, {"state", "none"}) == 64);
    CHECK(tool(checkpoint, {"state"}) == 64);
    CHECK(tool(checkpoint, {"--help"}) == 0);
    CHECK(tool(directory / "none", {"info"}) == 78);
    CHECK(tool(checkpoint, {"adopt", "sums", "totals"}) == 0);
    CHECK(tool(checkpoint, {"compact"}) == 0);
    CHECK(runFor({path, "update", "1000"}, 20'000).code == 74); // which finds no sums
    CHECK(tool(checkpoint, {"drop", "totals"}) == 0);
    CHECK(tool(checkpoint, {"verify"}) == 0);
    std::ofstream(checkpoint + "/IDENT", std::ios::app) << "x";
    CHECK(tool(checkpoint, {"info"}) == 74);
}

TEST_CASE("The systemd unit has a program started again after each kill") {
    std::mt19937_64 random(20261121);
    const TemporaryDirectory directory;
    const std::string path = directory / "job", pid = directory / "pid";
    std::vector<std::string> command{kSources + "/tests/crash/supervise.sh", kSources + "/docs/rivulet.service", pid};
    for (auto& argument : subject(path, "window", 2000)) command.push_back(std::move(argument));
    Process supervisor(command);
    int kills = 0;
    while (kills < 6 && !supervisor.endsWithin(int(20 + random() % 150))) {
        std::string running, commandLine;
        std::getline(std::ifstream(pid), running);
        std::getline(std::ifstream("/proc/" + running + "/cmdline"), commandLine);
        if (commandLine.find(path) == commandLine.npos) continue; // it has just ended
        if (::kill(std::stoi(running), SIGKILL) == 0) ++kills;
    }
    REQUIRE(supervisor.endsWithin(40'000));
    CHECK(supervisor.wait() == 0);
    long batches = 0;
    CHECK(checkOutputs(path, "window", 2000, batches) == "");
    CHECK(kills > 2);
}

namespace {

/// A small disk at a path, for this process and those that it starts; false where that is not allowed.
bool mountSmallDisk(const std::string& path) {
    return ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           ::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=16m") == 0;
}

/// Takes all the room that there is.
void fill(const std::string& path) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    REQUIRE(file >= 0);
    for (std::size_t bytes = 1 << 20; bytes > 0; bytes /= 2) {
        const std::string zeros(bytes, '\0');
        while (::write(file, zeros.data(), bytes) == ssize_t(bytes)) {}
    }
    ::close(file);
}

void fillAgainAndAgain(int fills, long records, std::uint64_t seed) {
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    const TemporaryDirectory directory;
    const std::string path = directory / "job", filler = path + "/checkpoint/filler";
    std::filesystem::create_directories(path + "/checkpoint");
    if (!mountSmallDisk(path + "/checkpoint")) {
        WARN("skipped: a disk of 16 MiB needs the right to mount one");
        return;
    }
    {
        Process process(subject(path, "update", records));
        // At the start a full disk is an error.
        while (!std::filesystem::exists(path + "/out") || std::filesystem::is_empty(path + "/out"))
            REQUIRE_FALSE(process.endsWithin(10));
        int filled = 0;
        while (filled < fills && !process.endsWithin(int(random() % 200))) {
            fill(filler);
            CHECK_FALSE(process.endsWithin(int(20 + random() % 300))); // it waits
            std::filesystem::remove(filler);
            ++filled;
        }
        CHECK(filled == fills);
        REQUIRE(process.endsWithin(60'000));
        CHECK(process.wait() == 0);
    }
    ::umount((path + "/checkpoint").c_str());
    long batches = 0;
    CHECK(checkOutputs(path, "update", records, batches) == "");
}

} // namespace

TEST_CASE("A disk that is full now and then costs time and nothing else", "[T8]") {
    fillAgainAndAgain(3, 20'000, 20261121);
}

TEST_CASE("A disk that is full again and again costs time and nothing else", "[.long][T8]") {
    fillAgainAndAgain(20, 120'000, std::random_device()());
}
