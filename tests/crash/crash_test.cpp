#include "crash/oracle.h"
#include "support/catch.h"
#include "support/temporary_directory.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <poll.h>
#include <random>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using rivulet::test::TemporaryDirectory;

namespace {

std::string pathOf(const char* variable, const char* built) {
    const char* path = std::getenv(variable);
    return path ? path : built;
}
std::string subjectPath() {
#ifdef RIVULET_CRASH_SUBJECT
    return pathOf("RIVULET_CRASH_SUBJECT", RIVULET_CRASH_SUBJECT);
#else
    return pathOf("RIVULET_CRASH_SUBJECT", "");
#endif
}
std::string clientPath() {
#ifdef RIVULET_CRASH_CLIENT
    return pathOf("RIVULET_CRASH_CLIENT", RIVULET_CRASH_CLIENT);
#else
    return pathOf("RIVULET_CRASH_CLIENT", "");
#endif
}

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
        REQUIRE(::posix_spawn(&id_, command.front().c_str(), nullptr, nullptr, arguments.data(), environ) == 0);
        handle_ = int(::syscall(SYS_pidfd_open, id_, 0));
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process() {
        if (id_ > 0) end(0);
    }
    bool endsWithin(int milliseconds) const {
        pollfd ended{handle_, POLLIN, 0};
        return ::poll(&ended, 1, milliseconds) == 1;
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
End runFor(const std::string& directory, const std::string& scenario, long records, int milliseconds) {
    return Process({subjectPath(), directory, scenario, std::to_string(records)}).end(milliseconds);
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

TEST_CASE("Each record of a client counts once through kills of the client and the server") {
    REQUIRE_FALSE(subjectPath().empty());
    REQUIRE_FALSE(clientPath().empty());
    const std::string scenario = GENERATE(as<std::string>{}, "update", "window");
    killBothSides(scenario, 5, 8000, 20261121);
}

TEST_CASE("Each record of a client counts once through many kills", "[.long]") {
    REQUIRE_FALSE(clientPath().empty());
    const std::string scenario = GENERATE(as<std::string>{}, "stateless", "update", "map", "window");
    killBothSides(scenario, 60, 100000, std::random_device()());
}
