#include "crash/killer.h"
#include "crash/oracle.h"
#include "support/temporary_directory.h"

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

TEST_CASE("A program that is asked to stop finishes its batch and ends with 0") {
    std::mt19937_64 random(20261121);
    const TemporaryDirectory directory;
    const std::string path = directory / "job";
    const auto batchesSeen = [&] {
        std::error_code none;
        return std::distance(std::filesystem::directory_iterator(path + "/out", none), {});
    };
    for (int i = 0; i < 6; ++i) {
        const auto before = batchesSeen();
        Process process(subject(path, "update", 20'000));
        while (batchesSeen() == before && !process.endsWithin(2)) {} // so that it has begun to listen to signals
        process.endsWithin(int(random() % 40));
        process.signal(SIGTERM);
        REQUIRE(process.endsWithin(20'000));
        INFO("run " << i);
        CHECK(process.wait() == 0);
    }
    CHECK(runFor({path, "update", "20000"}, 60'000).code == 0);
    long batches = 0;
    CHECK(checkOutputs(path, "update", 20'000, batches) == "");
}

TEST_CASE("The command says by its status what it found") {
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

TEST_CASE("A disk that is full now and then costs time and nothing else") { fillAgainAndAgain(3, 20'000, 20261121); }

TEST_CASE("A disk that is full again and again costs time and nothing else", "[.long]") {
    fillAgainAndAgain(20, 120'000, std::random_device()());
}
