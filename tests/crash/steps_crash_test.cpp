#include "crash/readers.h"
#include "support/temporary_directory.h"

// Kills and errors that are not left to chance: at each change of the disks, at each system call.

using namespace rivulet::test;

namespace {

/// Runs the subject in an environment with one variable more.
End runWith(const char* variable, const std::string& value, const std::vector<std::string>& arguments) {
    ::setenv(variable, value.c_str(), 1);
    const End end = runFor(arguments, 60'000);
    ::unsetenv(variable);
    return end;
}

/// Kills before the n-th change, and again in the recovery; returns false where there are not so many changes.
bool killAtChange(const std::string& scenario, const std::string& output, long n) {
    constexpr const char* kChange = "RIVULET_CRASH_CHANGE";
    INFO("killed before change " << n);
    const TemporaryDirectory directory;
    const std::string path = directory / "job";
    const std::vector<std::string> arguments{path, scenario, "+150", output};
    const bool hasKilled = runWith(kChange, std::to_string(n), arguments).code == 128 + SIGKILL;
    if (hasKilled) runWith(kChange, std::to_string(1 + n % 17), arguments);
    CHECK(runFor(arguments, 60'000).code == 0);
    const auto batches = output == "files" ? published(path) : deduplicated(path);
    CHECK(checkBatches(batches, scenario, recordsOf(path)) == "");
    return hasKilled;
}

void killAtEach(const std::string& scenario, const std::string& output, long step) {
    INFO("scenario " << scenario << ", output " << output);
    long points = 0;
    for (long n = 1; killAtChange(scenario, output, n); n += step) ++points;
    WARN(scenario << " to " << output << ": killed at " << points << " changes of the disks");
    CHECK(points * step > 60);
}

} // namespace

TEST_CASE("A kill between two changes of the disks costs nothing", "[T3]") { killAtEach("map", "files", 41); }

TEST_CASE("A kill between any two changes of the disks costs nothing", "[.long][T3]") {
    killAtEach("map", "files", 1);
    killAtEach("inverse", "dedup", 3);
}

namespace {

bool hasStrace() { return std::system("strace -o /dev/null -e trace=none true >/dev/null 2>&1") == 0; }

/// Lets the n-th call fail as `fault` says, goes on without, and compares; returns false where there are not so many
/// calls.
bool failAtCall(const std::string& call, const std::string& fault, int n) {
    INFO(call << " " << n << ": " << fault);
    const TemporaryDirectory directory;
    const std::string path = directory / "job", trace = directory / "trace";
    const std::vector<std::string> arguments{path, "map", "+150", "files"};
    std::vector<std::string> command{"strace",
                                     "-f",
                                     "-qq",
                                     "-o",
                                     trace,
                                     "-e",
                                     "trace=" + call,
                                     "-e",
                                     "inject=" + call + ":" + fault + ":when=" + std::to_string(n),
                                     subjectPath()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const End end = Process(command).end(60'000);
    CHECK_FALSE(end.killed); // it does not hang
    // 1 and 127 are the loader's, who could not open a library; 128 and more a signal's.
    const bool isKill = fault == "signal=KILL";
    CHECK((end.code == 0 || end.code == 74 || (isKill && end.code == 128 + SIGKILL) ||
           (call == "openat" && (end.code == 1 || end.code == 127))));
    const bool hasFailed = std::system(("grep -q INJECTED " + trace).c_str()) == 0 || end.code == 128 + SIGKILL;
    std::filesystem::create_directories(path);
    CHECK(runFor(arguments, 60'000).code == 0);
    CHECK(checkBatches(published(path), "map", recordsOf(path)) == "");
    return hasFailed;
}

} // namespace

TEST_CASE("Any system call may fail, or be the last", "[.long][T4]") {
    if (!hasStrace()) {
        WARN("skipped: strace is not installed, or not allowed to trace here; apt-get install strace");
        return;
    }
    for (const std::string call : {"write", "pwrite64", "fsync", "fdatasync", "rename", "openat", "unlink", "mkdir"}) {
        int points = 0;
        for (const std::string fault : {"error=EIO", "error=ENOSPC", "signal=KILL"})
            for (int n = 1; failAtCall(call, fault, n); n += 1 + n / 4) ++points;
        WARN(call << ": failed at " << points << " calls");
    }
}
