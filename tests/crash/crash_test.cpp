#include "crash/oracle.h"
#include "support/catch.h"
#include "support/temporary_directory.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <poll.h>
#include <random>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

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

struct End {
    bool killed = false;
    int code = 0;
};

/// Runs the subject, and kills it after so long unless it has ended before.
End runFor(const std::string& directory, const std::string& scenario, long records, int milliseconds) {
    const std::string path = subjectPath(), count = std::to_string(records);
    const char* arguments[] = {path.c_str(), directory.c_str(), scenario.c_str(), count.c_str(), nullptr};
    pid_t process = 0;
    REQUIRE(::posix_spawn(&process, path.c_str(), nullptr, nullptr, const_cast<char**>(arguments), environ) == 0);
    const int handle = int(::syscall(SYS_pidfd_open, process, 0));
    pollfd ended{handle, POLLIN, 0};
    const bool inTime = ::poll(&ended, 1, milliseconds) == 1;
    if (!inTime) ::kill(process, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(process, &status, 0) == process);
    ::close(handle);
    if (WIFSIGNALED(status)) return {WTERMSIG(status) == SIGKILL && !inTime, 128 + WTERMSIG(status)};
    return {false, WEXITSTATUS(status)};
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

TEST_CASE("Each record counts once through many kills", "[.long]") {
    REQUIRE_FALSE(subjectPath().empty());
    const std::string scenario = GENERATE(as<std::string>{}, "stateless", "update", "map", "window");
    killAgainAndAgain(scenario, 60, 60000, std::random_device()());
}
