#include "base/cpu_budget.h"

#include "support/catch.h"
#include "support/temporary_directory.h"

namespace rivulet::test::cpu_budget_test {

using namespace rivulet::detail;
using rivulet::test::TemporaryDirectory;

TEST_CASE("cpu.max is quota over period") {
    CHECK(parseCpuMax("150000 100000\n") == 1.5);
    CHECK(parseCpuMax("200000 100000") == 2.0);
    for (const char* none :
         {"max 100000\n", "", "nonsense", "100000", "100000 0", "-5 100000", "0 100000", "1x 100000"})
        CHECK_FALSE(parseCpuMax(none));
}

TEST_CASE("version 1 has quota and period in two files") {
    CHECK(parseCfsQuota("50000\n", "100000\n") == 0.5);
    CHECK_FALSE(parseCfsQuota("-1\n", "100000\n"));
    CHECK_FALSE(parseCfsQuota("", ""));
}

TEST_CASE("the budget is the least of what is known, rounded up, and at least one") {
    CHECK(combineCpuLimits(4, 8, std::nullopt) == 4);
    CHECK(combineCpuLimits(8, 4, std::nullopt) == 4);
    CHECK(combineCpuLimits(8, 8, 1.5) == 2);
    CHECK(combineCpuLimits(8, 8, 0.2) == 1);
    CHECK(combineCpuLimits(2, 8, 64.0) == 2);
    CHECK(combineCpuLimits(0, 8, std::nullopt) == 8);
    CHECK(combineCpuLimits(8, 0, std::nullopt) == 8);
    CHECK(combineCpuLimits(0, 0, std::nullopt) == 1);
}

TEST_CASE("the least quota on the way up to the root counts, in version 2") {
    const TemporaryDirectory root;
    root.write("proc/self/cgroup", "0::/system.slice/app.service\n");
    root.write("sys/fs/cgroup/system.slice/app.service/cpu.max", "max 100000\n");
    CHECK_FALSE(cgroupCpuLimit(root.path()));
    root.write("sys/fs/cgroup/system.slice/cpu.max", "300000 100000\n");
    CHECK(cgroupCpuLimit(root.path()) == 3.0);
    root.write("sys/fs/cgroup/system.slice/app.service/cpu.max", "250000 100000\n");
    CHECK(cgroupCpuLimit(root.path()) == 2.5);
}

TEST_CASE("a path of the host that a container does not see falls back to the root") {
    const TemporaryDirectory root;
    root.write("proc/self/cgroup", "0::/docker/0123abcd\n");
    root.write("sys/fs/cgroup/cpu.max", "200000 100000\n");
    CHECK(cgroupCpuLimit(root.path()) == 2.0);
}

TEST_CASE("version 1 is found under the controller's name, and under the pair's") {
    for (const char* mount : {"cpu", "cpu,cpuacct"}) {
        const TemporaryDirectory root;
        root.write("proc/self/cgroup", "5:cpuset:/\n4:cpu,cpuacct:/app\n0::/\n");
        const std::string directory = std::string("sys/fs/cgroup/") + mount + "/app/";
        root.write(directory + "cpu.cfs_quota_us", "150000\n");
        root.write(directory + "cpu.cfs_period_us", "100000\n");
        CHECK(cgroupCpuLimit(root.path()) == 1.5);
    }
}

TEST_CASE("a system without cgroups has no quota") {
    const TemporaryDirectory root;
    CHECK_FALSE(cgroupCpuLimit(root.path()));
    CHECK(availableCpus() >= 1);
}

} // namespace rivulet::test::cpu_budget_test
