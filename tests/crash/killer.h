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

inline std::string pathOf(const char* variable, const char* built) {
    const char* path = std::getenv(variable);
    return path ? path : built;
}
inline std::string subjectPath() { return pathOf("RIVULET_CRASH_SUBJECT", RIVULET_CRASH_SUBJECT); }

struct End {
    bool killed = false;
    int code = 0;
};

/// A process that is killed with its owner, if not before.
class Process {
  public:
    explicit Process(const std::vector<std::string>& command) {
        std::vector<char*> arguments;
        for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
        arguments.push_back(nullptr);
        REQUIRE(::posix_spawnp(&id_, command.front().c_str(), nullptr, nullptr, arguments.data(), environ) == 0);
        handle_ = int(::syscall(SYS_pidfd_open, id_, 0));
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process() {
        if (id_ > 0) end(0);
    }
    pid_t id() const { return id_; }
    void signal(int number) const { ::kill(id_, number); }
    bool endsWithin(int milliseconds) const {
        pollfd ended{handle_, POLLIN, 0};
        return ::poll(&ended, 1, milliseconds) == 1;
    }
    /// Waits for its end: its status, or 128 and the signal that has ended it.
    int wait() {
        endsWithin(-1);
        return end(0).code;
    }
    /// Kills it after so long unless it has ended before.
    End end(int milliseconds) {
        const bool inTime = endsWithin(milliseconds);
        if (!inTime) ::kill(id_, SIGKILL);
        int status = 0;
        const bool reaped = ::waitpid(id_, &status, 0) == id_;
        id_ = 0;
        ::close(handle_);
        CHECK(reaped);
        if (WIFSIGNALED(status)) return {WTERMSIG(status) == SIGKILL && !inTime, 128 + WTERMSIG(status)};
        return {false, WEXITSTATUS(status)};
    }

  private:
    pid_t id_ = 0;
    int handle_ = -1;
};

/// Runs the subject, and kills it after so long unless it has ended before.
inline End runFor(std::vector<std::string> arguments, int milliseconds) {
    arguments.insert(arguments.begin(), subjectPath());
    return Process(arguments).end(milliseconds);
}

/// Kills the subject, which does not end by itself: three times of four while it runs batches, else before. `meanwhile`
/// is called in between.
template <class Meanwhile>
void killOnce(std::vector<std::string> arguments, std::mt19937_64& random, const Meanwhile& meanwhile) {
    const std::string running = arguments.front() + "/running";
    const bool early = random() % 4 == 0;
    const int after = int(random() % (early ? 100 : 60));
    ::unlink(running.c_str());
    arguments.insert(arguments.begin(), subjectPath());
    Process subject(arguments);
    while (!early && ::access(running.c_str(), F_OK) != 0) REQUIRE_FALSE(subject.endsWithin(1));
    meanwhile(subject);
    REQUIRE(subject.end(after).killed);
}

} // namespace rivulet::test
