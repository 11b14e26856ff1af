#include "durable/subject.h"

#include "durable/bare_store.h"
#include "durable/totals.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <spawn.h>
#include <stdexcept>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace bench {
namespace {

constexpr std::string_view kSubject = "--as-subject";

/// The clock is that of the system, the same in both processes.
long long now() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

void report(std::size_t keys) {
    if (keys == 0) throw std::runtime_error("nothing came back");
    std::printf("%lld\n", now());
    std::fflush(stdout);
}

} // namespace

std::optional<int> runSubject(int argc, char** argv) {
    if (argc != 5 || argv[1] != kSubject) return std::nullopt;
    const std::string_view what = argv[2];
    const std::string directory = argv[3];
    const int threads = std::atoi(argv[4]);
    try {
        if (what == "bare") {
            report(readBareTable(directory));
        } else {
            Totals totals({.threads = threads, .directory = directory});
            totals.runBatch(1); // the first new output
            report(totals.keys());
        }
    } catch (const std::exception& error) {
        std::cerr << "subject: " << error.what() << '\n';
        return 1;
    }
    std::_Exit(0); // only the way to the output is measured
}

double timeSubject(const std::vector<std::string>& arguments) {
    int output[2];
    if (::pipe(output) != 0) throw std::runtime_error("no pipe");
    std::vector<std::string> texts{"/proc/self/exe", std::string(kSubject)};
    texts.insert(texts.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& text : texts) argv.push_back(text.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, output[0]);
    posix_spawn_file_actions_addclose(&actions, output[1]);
    pid_t child = 0;
    const long long begin = now();
    const int failed = ::posix_spawn(&child, "/proc/self/exe", &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(output[1]);
    std::string text;
    char bytes[64];
    for (ssize_t n; !failed && (n = ::read(output[0], bytes, sizeof bytes)) > 0;)
        text.append(bytes, static_cast<std::size_t>(n));
    ::close(output[0]);
    int status = 0;
    if (failed || ::waitpid(child, &status, 0) != child || status != 0 || text.empty())
        throw std::runtime_error("the other process failed");
    return 1e-9 * static_cast<double>(std::stoll(text) - begin);
}

} // namespace bench
