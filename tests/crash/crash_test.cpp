#include "crash/oracle.h"
#include "support/catch.h"
#include "support/temporary_directory.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <random>
#include <sched.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

using rivulet::test::TemporaryDirectory;

namespace {

std::string subjectPath() {
    if (const char* path = std::getenv("RIVULET_CRASH_SUBJECT")) return path;
#ifdef RIVULET_CRASH_SUBJECT
    return RIVULET_CRASH_SUBJECT;
#else
    return {};
#endif
}

/// The root of the sources, of which the unit and the script are tested.
#ifdef RIVULET_SOURCES
const std::string kSources = RIVULET_SOURCES;
#else
const std::string kSources = ".";
#endif

std::string toolPath() {
    if (const char* path = std::getenv("RIVULET_CHECKPOINT_TOOL")) return path;
#ifdef RIVULET_CHECKPOINT_TOOL
    return RIVULET_CHECKPOINT_TOOL;
#else
    return {};
#endif
}

struct End {
    bool killed = false;
    int code = 0;
};

/// A program that was started, and is waited for.
class Process {
  public:
    explicit Process(const std::vector<std::string>& command) {
        std::vector<char*> arguments;
        for (const auto& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
        arguments.push_back(nullptr);
        REQUIRE(::posix_spawnp(&id_, arguments[0], nullptr, nullptr, arguments.data(), environ) == 0);
        handle_ = int(::syscall(SYS_pidfd_open, id_, 0));
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process() {
        if (id_ > 0) {
            ::kill(id_, SIGKILL);
            ::waitpid(id_, nullptr, 0);
        }
        ::close(handle_);
    }

    void signal(int number) const { ::kill(id_, number); }
    bool endsWithin(int milliseconds) const {
        pollfd ended{handle_, POLLIN, 0};
        return ::poll(&ended, 1, milliseconds) == 1;
    }
    /// Waits for it. Below 128 the status, otherwise 128 and the signal that has ended it.
    int wait() {
        int status = 0;
        REQUIRE(::waitpid(std::exchange(id_, 0), &status, 0) > 0);
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }

  private:
    pid_t id_ = 0;
    int handle_ = -1;
};

std::vector<std::string> subject(const std::string& directory, const std::string& scenario, long records) {
    return {subjectPath(), directory, scenario, std::to_string(records)};
}

/// Runs the subject, and kills it after so long unless it has ended before.
End runFor(const std::string& directory, const std::string& scenario, long records, int milliseconds) {
    Process process(subject(directory, scenario, records));
    const bool inTime = process.endsWithin(milliseconds);
    if (!inTime) process.signal(SIGKILL);
    const int status = process.wait();
    return {status == 128 + SIGKILL && !inTime, status};
}

/// Kills the subject so many times at random instants, lets it finish, and compares what it has written.
void killAgainAndAgain(const std::string& scenario, int kills, long records, std::uint64_t seed) {
    INFO("scenario " << scenario << ", seed " << seed);
    std::mt19937_64 random(seed);
    if (scenario == "window") records /= 5; // its batches are as much longer
    const TemporaryDirectory directory;
    const std::string path = directory / "job";
    int killed = 0;
    bool finished = false;
    while (killed < kills && !finished) {
        // Now and then as early as in the recovery.
        const int limit = random() % 4 == 0 ? 40 : 250;
        const End end = runFor(path, scenario, records, int(random() % std::uint64_t(limit)));
        if (end.killed) {
            ++killed;
            continue;
        }
        REQUIRE(end.code == 0);
        finished = true;
    }
    if (!finished) {
        const End end = runFor(path, scenario, records, 60000);
        REQUIRE(!end.killed);
        REQUIRE(end.code == 0);
    }
    long batches = 0;
    CHECK(checkOutputs(path, scenario, records, batches) == "");
    WARN(scenario << ": " << killed << " kills, " << batches << " batches, " << records << " records, seed " << seed);
    CHECK(killed > kills / 2);
}

} // namespace

TEST_CASE("Each record counts once through kills at any instant") {
    REQUIRE_FALSE(subjectPath().empty());
    const std::string scenario = GENERATE(as<std::string>{}, "stateless", "update", "map", "window");
    killAgainAndAgain(scenario, 5, 6000, 20261121);
}

TEST_CASE("A program that is asked to stop finishes its batch and ends with 0") {
    REQUIRE_FALSE(subjectPath().empty());
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
    CHECK(runFor(path, "update", 20'000, 60'000).code == 0);
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
    CHECK(runFor(path, "update", 1000, 20'000).code == 74); // which finds no sums
    CHECK(tool(checkpoint, {"drop", "totals"}) == 0);
    CHECK(tool(checkpoint, {"verify"}) == 0);
    std::ofstream(checkpoint + "/IDENT", std::ios::app) << "x";
    CHECK(tool(checkpoint, {"info"}) == 74);
}

TEST_CASE("The systemd unit has a program started again after each kill") {
    REQUIRE_FALSE(subjectPath().empty());
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

TEST_CASE("A disk that is full now and then costs time and nothing else") {
    REQUIRE_FALSE(subjectPath().empty());
    fillAgainAndAgain(3, 20'000, 20261121);
}

TEST_CASE("A disk that is full again and again costs time and nothing else", "[.long]") {
    REQUIRE_FALSE(subjectPath().empty());
    fillAgainAndAgain(20, 120'000, std::random_device()());
}

TEST_CASE("Each record counts once through many kills", "[.long]") {
    REQUIRE_FALSE(subjectPath().empty());
    const std::string scenario = GENERATE(as<std::string>{}, "stateless", "update", "map", "window");
    killAgainAndAgain(scenario, 60, 60000, std::random_device()());
}
