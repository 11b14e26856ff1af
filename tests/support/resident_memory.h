#pragma once

#include "support/sanitizers.h"

#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

/// What the process has in memory.
namespace rivulet::test {

/// Whether the figures say something of the library: sanitizers have memory of their own, and keep what was freed.
inline constexpr bool kMemoryIsOurs = !kAddressSanitizer && !kThreadSanitizer;

inline long residentKiB() {
    std::ifstream statm("/proc/self/statm");
    long pages = 0;
    statm >> pages >> pages;
    return pages * (::sysconf(_SC_PAGESIZE) / 1024);
}
/// The most that there ever was.
inline long peakKiB() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

} // namespace rivulet::test
