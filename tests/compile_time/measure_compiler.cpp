// measure_compiler <most seconds> <most megabytes> <compiler> <argument>...
// Runs a compiler and fails where it took more processor time, or more memory at once, than allowed. Processor time of
// the compiler alone, because that does not depend on what else the machine does.
#include <cstdio>
#include <cstdlib>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

extern char** environ;

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "usage: measure_compiler <most seconds> <most megabytes> <compiler> <argument>...\n");
        return 2;
    }
    const double mostSeconds = std::atof(argv[1]), mostMegabytes = std::atof(argv[2]);
    pid_t child = 0;
    int status = 0;
    if (::posix_spawnp(&child, argv[3], nullptr, nullptr, argv + 3, environ) != 0 ||
        ::waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        std::fprintf(stderr, "%s failed\n", argv[3]);
        return 1;
    }
    rusage used{};
    ::getrusage(RUSAGE_CHILDREN, &used); // the largest process among the compiler driver and what it started
    const double seconds = double(used.ru_utime.tv_sec) + double(used.ru_utime.tv_usec) / 1e6;
    const double megabytes = double(used.ru_maxrss) / 1024;
    std::printf("%.2f s of at most %.0f, %.0f MB of at most %.0f\n", seconds, mostSeconds, megabytes, mostMegabytes);
    return seconds <= mostSeconds && megabytes <= mostMegabytes ? 0 : 1;
}
