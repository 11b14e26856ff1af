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
        if (name == "join") return joined(from, to);
        if (name == "window" || name == "inverse") {
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

    /// What each key of the batch came to in it, and what it has come to.
    std::vector<std::string> joined(long from, long to) {
        std::map<long, long> arrived;
        for (long i = from; i < to; ++i) arrived[keyOf(i)] += i % 7;
        std::vector<std::string> lines;
        for (const auto& [key, sum] : arrived)
            lines.push_back(std::to_string(key) + " " + std::to_string(sum) + " " + std::to_string(sums[key] += sum));
        std::sort(lines.begin(), lines.end());
        return lines;
    }
};

} // namespace

std::string checkBatches(const std::vector<WrittenBatch>& found, const std::string& scenario, long records) {
    Scenario expected;
    long next = 0;
    for (const WrittenBatch& batch : found) {
        long from = -1, to = -1, since = 0;
        std::istringstream(batch.range) >> from >> to >> since;
        if (from != next)
            return batch.where + " begins with record " + std::to_string(from) + ", and the batch before ended at " +
                   std::to_string(next);
        next = to;
        if (batch.lines != expected.run(scenario, from, to, since)) return batch.where + " is not what it must be";
    }
    if (next != records) return "the last batch ends at record " + std::to_string(next);
    return {};
}

std::string checkOutputs(const std::string& directory, const std::string& scenario, long records, long& batches) {
    std::map<long, WrittenBatch> found;
    for (const auto& file : std::filesystem::directory_iterator(directory + "/out")) {
        WrittenBatch& batch = found[std::stol(file.path().filename().string())];
        batch.where = file.path().string();
        std::ifstream in(file.path(), std::ios::binary);
        std::getline(in, batch.range);
        for (std::string line; std::getline(in, line);) batch.lines.push_back(line);
    }
    std::vector<WrittenBatch> inOrder;
    for (auto& [time, batch] : found) inOrder.push_back(std::move(batch));
    batches = long(inOrder.size());
    return checkBatches(inOrder, scenario, records);
}

WrittenBatch withRangeInside(std::string where, std::vector<std::string> lines) {
    WrittenBatch batch{std::move(where), {}, {}};
    for (std::string& line : lines)
        if (line.front() == '#')
            batch.range += line.substr(1); // two of them are none
        else
            batch.lines.push_back(std::move(line));
    std::sort(batch.lines.begin(), batch.lines.end());
    return batch;
}
