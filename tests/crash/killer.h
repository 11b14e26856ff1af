#pragma once

#include "support/catch.h"

#include <csignal>
#include <cstdlib>
#include <poll.h>
#include <random>
#include <spawn.h>
#include <string>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

/// Runs the crash_subject, and kills it.
namespace rivulet::test {

inline std::string subjectPath() {
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

/// Begins to run the subject.
inline pid_t spawnSubject(std::vector<std::string> arguments) {
    const std::string path = subjectPath();
    arguments.insert(arguments.begin(), path);
    std::vector<char*> raw;
    for (std::string& argument : arguments) raw.push_back(argument.data());
    raw.push_back(nullptr);
    pid_t process = 0;
    REQUIRE(::posix_spawn(&process, path.c_str(), nullptr, nullptr, raw.data(), environ) == 0);
    return process;
}

/// Waits for the end of the process, and kills it after so long.
inline End waitFor(pid_t process, int milliseconds) {
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

/// Runs the subject, and kills it after so long unless it has ended before.
inline End runFor(const std::vector<std::string>& arguments, int milliseconds) {
    return waitFor(spawnSubject(arguments), milliseconds);
}

/// Kills the subject at random instants, now and then as early as in the recovery, so many times or until it has
/// finished; then lets it finish. Returns how often it was killed.
inline int killUntilDone(const std::vector<std::string>& arguments, int kills, std::mt19937_64& random) {
    int killed = 0;
    while (killed < kills) {
        const int limit = random() % 4 == 0 ? 40 : 250;
        const End end = runFor(arguments, int(random() % std::uint64_t(limit)));
        if (!end.killed) {
            REQUIRE(end.code == 0);
            return killed;
        }
        ++killed;
    }
    const End end = runFor(arguments, 60000);
    REQUIRE(!end.killed);
    REQUIRE(end.code == 0);
    return killed;
}

} // namespace rivulet::test
