#include "crash/oracle.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <vector>

namespace {

long keyOf(long number) { return long(static_cast<unsigned long>(number) * 2654435761U % 97); }

struct Scenario {
    std::map<long, long> sums, touched;
    std::map<long, std::map<long, long>> panes;

    std::vector<std::string> run(const std::string& name, long from, long to, long time) {
        std::vector<std::string> lines;
        const auto say = [&](long key, long value) {
            lines.push_back(std::to_string(key) + " " + std::to_string(value));
        };
        if (name == "stateless") sums.clear();
        if (name == "window") {
            auto& pane = panes[time];
            for (long i = from; i < to; ++i) pane[keyOf(i)] += i % 7;
            while (panes.begin()->first <= time - 40) panes.erase(panes.begin());
            sums.clear();
            for (const auto& [at, values] : panes)
                for (const auto& [key, value] : values) sums[key] += value;
        } else if (name == "update") {
            std::map<long, std::vector<long>> arrived;
            for (long i = from; i < to; ++i) arrived[keyOf(i)].push_back(i % 7);
            for (const auto& [key, values] : arrived) {
                for (const long x : values) {
                    if (x == 6 && sums.contains(key) && sums[key] > 100) {
                        sums.erase(key);
                        break;
                    }
                    sums[key] += x;
                }
            }
        } else {
            for (long i = from; i < to; ++i) {
                const long key = keyOf(i);
                sums[key] += i % 7;
                touched[key] = time;
                if (name == "map") say(key, sums[key]);
            }
        }
        if (name == "map") {
            for (auto at = touched.begin(); at != touched.end();) {
                if (at->second >= time - 30) {
                    ++at;
                    continue;
                }
                lines.push_back(std::to_string(at->first) + " ended");
                sums.erase(at->first);
                at = touched.erase(at);
            }
        } else {
            for (const auto& [key, sum] : sums) say(key, sum);
        }
        std::sort(lines.begin(), lines.end());
        return lines;
    }
};

} // namespace

std::string checkOutputs(const std::string& directory, const std::string& scenario, long records, long& batches) {
    std::map<long, std::filesystem::path> files;
    for (const auto& file : std::filesystem::directory_iterator(directory + "/out"))
        files[std::stol(file.path().filename().string())] = file.path();
    Scenario expected;
    long next = 0;
    for (const auto& [time, path] : files) {
        std::ifstream in(path, std::ios::binary);
        std::string line;
        std::getline(in, line);
        long from = 0, to = 0, since = 0;
        std::istringstream(line) >> from >> to >> since;
        if (from != next)
            return path.string() + " begins with record " + std::to_string(from) + ", and the batch before ended at " +
                   std::to_string(next);
        next = to;
        std::vector<std::string> found;
        while (std::getline(in, line)) found.push_back(line);
        if (found != expected.run(scenario, from, to, since)) return path.string() + " is not what it must be";
        ++batches;
    }
    if (next != records) return "the last batch ends at record " + std::to_string(next);
    return {};
}
