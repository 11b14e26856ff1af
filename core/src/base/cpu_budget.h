#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rivulet::detail {

/// The cores this process may use: the least of affinity mask, cgroup quota (rounded up) and hardware; at least 1.
///
/// A container's quota is not in std::thread::hardware_concurrency(): without it `local[*]` on a two-core quota of a
/// 64-core host would start 64 threads that take turns being throttled.
int availableCpus();

/// The quota of the process's cgroup and those above it, in cores (1.5 is possible); nothing if there is none.
///
/// Reads `<root>/proc/self/cgroup` and `<root>/sys/fs/cgroup`, version 2 or 1; `root` is empty but in tests.
std::optional<double> cgroupCpuLimit(const std::string& root = "");

/// Reads the text of version 2's `cpu.max`: "150000 100000" is 1.5 cores, "max 100000" is no limit, as is nonsense.
std::optional<double> parseCpuMax(std::string_view text);

/// Reads the texts of version 1's `cpu.cfs_quota_us` (-1 for none) and `cpu.cfs_period_us`.
std::optional<double> parseCfsQuota(std::string_view quota, std::string_view period);

/// The least of the parts that are known, the quota rounded up; at least 1.
int combineCpuLimits(int affinityCpus, int hardwareCpus, std::optional<double> quotaCpus);

} // namespace rivulet::detail
