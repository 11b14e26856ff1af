#include "runner/machine_load.h"

#include <algorithm>
#include <fstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace bench {

MachineLoad::MachineLoad() : begin_(now()) {}

MachineLoad::Seconds MachineLoad::now() {
    Seconds seconds{0, 0, 0};
    std::ifstream stat("/proc/stat");
    std::string label;
    stat >> label;
    double ticks = 0;
    for (int column = 0; column < 8 && stat >> ticks; ++column) { // user nice system idle iowait irq softirq steal
        const double value = ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
        seconds.all += value;
        if (column != 3 && column != 4) seconds.busy += value;
    }
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto of = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
    };
    seconds.own = of(usage.ru_utime) + of(usage.ru_stime);
    return seconds;
}

double MachineLoad::usedByOthers() const {
    const Seconds end = now();
    const double all = end.all - begin_.all;
    return all > 0 ? std::max(0.0, (end.busy - begin_.busy) - (end.own - begin_.own)) / all : 0;
}

} // namespace bench
