#include "base/cpu_budget.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>
#include <sched.h>
#include <thread>
#include <vector>

namespace rivulet::detail {
namespace {

// An absent file reads as an empty text, which no parser takes for a limit.
std::string readText(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string_view takeWord(std::string_view& text) {
    constexpr std::string_view kBlank = " \t\n";
    text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
    const std::string_view word = text.substr(0, text.find_first_of(kBlank));
    text.remove_prefix(word.size());
    return word;
}

std::optional<double> ratio(std::string_view quota, std::string_view period) {
    const auto parse = [](std::string_view word) {
        long long value = 0;
        const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
        return error == std::errc() && end == word.data() + word.size() ? value : -1;
    };
    const auto quotaUs = parse(quota);
    const auto periodUs = parse(period);
    if (quotaUs <= 0 || periodUs <= 0) return std::nullopt;
    return static_cast<double>(quotaUs) / static_cast<double>(periodUs);
}

std::optional<double> least(std::optional<double> a, std::optional<double> b) {
    return a && b ? std::min(*a, *b) : a ? a : b;
}

// Calls `read` with the directory of every cgroup from `path` up to the root. In a container the path may be the
// host's, which is not mounted there; its absent files say nothing and the root, which is the container's own, speaks.
template <class Read> std::optional<double> leastUpwards(const std::string& mount, std::string path, Read read) {
    std::optional<double> limit;
    while (true) {
        while (path.ends_with('/')) path.pop_back();
        limit = least(limit, read(mount + path));
        if (path.empty()) return limit;
        path.erase(std::min(path.rfind('/'), path.size()));
    }
}

std::optional<double> readV1(const std::string& directory) {
    return parseCfsQuota(readText(directory + "/cpu.cfs_quota_us"), readText(directory + "/cpu.cfs_period_us"));
}

int affinityCount() {
    // The mask is as long as the kernel's; a machine with more cores than cpu_set_t holds answers EINVAL until it fits.
    for (int cpus = CPU_SETSIZE; cpus <= 1 << 20; cpus *= 2) {
        cpu_set_t* set = CPU_ALLOC(static_cast<std::size_t>(cpus));
        if (!set) return 0;
        const std::size_t sizeBytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(cpus));
        const int count = sched_getaffinity(0, sizeBytes, set) == 0 ? CPU_COUNT_S(sizeBytes, set) : 0;
        CPU_FREE(set);
        if (count > 0) return count;
    }
    return 0;
}

} // namespace

std::optional<double> parseCpuMax(std::string_view text) {
    const std::string_view quota = takeWord(text);
    const std::string_view period = takeWord(text);
    return ratio(quota, period);
}

std::optional<double> parseCfsQuota(std::string_view quota, std::string_view period) {
    return ratio(takeWord(quota), takeWord(period));
}

std::optional<double> cgroupCpuLimit(const std::string& root) {
    const std::string mount = root + "/sys/fs/cgroup";
    const std::string groups = readText(root + "/proc/self/cgroup");
    std::optional<double> limit;
    // Lines are "id:controllers:path"; version 2 has one, with no controllers.
    std::string_view rest = groups;
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        const auto first = line.find(':');
        const auto second = first == line.npos ? line.npos : line.find(':', first + 1);
        if (second == line.npos) continue;
        const std::string controllers(line.substr(first + 1, second - first - 1));
        const std::string path(line.substr(second + 1));
        if (controllers.empty()) {
            limit = least(limit, leastUpwards(mount, path, [](const std::string& directory) {
                              return parseCpuMax(readText(directory + "/cpu.max"));
                          }));
        } else if (("," + controllers + ",").find(",cpu,") != std::string::npos) {
            // Distributions mount the pair as "cpu,cpuacct" and link "cpu" to it; some containers have only one of the
            // names.
            limit = least(limit, leastUpwards(mount + "/cpu", path, readV1));
            limit = least(limit, leastUpwards(mount + "/" + controllers, path, readV1));
        }
    }
    return limit;
}

int combineCpuLimits(int affinityCpus, int hardwareCpus, std::optional<double> quotaCpus) {
    int cpus = affinityCpus > 0 ? affinityCpus : hardwareCpus;
    if (hardwareCpus > 0) cpus = std::min(cpus, hardwareCpus);
    if (quotaCpus && *quotaCpus < cpus) cpus = static_cast<int>(std::ceil(*quotaCpus));
    return std::max(cpus, 1);
}

int availableCpus() {
    return combineCpuLimits(affinityCount(), static_cast<int>(std::thread::hardware_concurrency()), cgroupCpuLimit());
}

} // namespace rivulet::detail
