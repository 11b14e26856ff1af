#include "runner/runner.h"

#include "runner/machine_load.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace bench {
namespace {

constexpr double kContestSeconds = 2; // a contest of short contestants is repeated for about so long
constexpr double kQuiet = 0.05;       // of the machine; more in other processes' hands is noted

double timed(const Contestant& contestant, const Settings& settings, std::string& checksum) {
    const auto begin = std::chrono::steady_clock::now();
    checksum = contestant.run(settings);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void requireSame(const std::string& contest, const std::string& who, const std::string& got, const std::string& want) {
    if (got != want)
        throw std::runtime_error(contest + ": " + who + " gives the checksum [" + got + "], expected [" + want + "]");
}

/// As many as were asked for; more where they are short, because a few milliseconds say little: up to ten times as
/// many.
int repetitionsFor(int asked, double secondsOfOne) {
    return std::clamp(static_cast<int>(kContestSeconds / secondsOfOne), asked, 10 * asked);
}

/// Contestants take turns (A B C A B C ...), so that a slow minute of the machine hits all of them.
std::vector<Row> compete(const Contest& contest, const Settings& settings) {
    if (contest.prepare) contest.prepare(settings);
    std::string expected = contest.expected ? contest.expected(settings) : std::string();
    std::vector<std::vector<double>> seconds(contest.contestants.size());
    int repetitions = settings.repetitions;
    for (int repetition = 0; repetition <= repetitions; ++repetition) {
        double round = 0;
        std::fprintf(stderr, "%s %s:", contest.name.c_str(),
                     repetition == 0 ? "warm-up"
                                     : (std::to_string(repetition) + "/" + std::to_string(repetitions)).c_str());
        for (std::size_t i = 0; i < contest.contestants.size(); ++i) {
            std::string checksum;
            const double taken = timed(contest.contestants[i], settings, checksum);
            std::fprintf(stderr, "  %s %.4f s", contest.contestants[i].name.c_str(), taken);
            if (expected.empty()) expected = checksum;
            requireSame(contest.name, contest.contestants[i].name, checksum, expected);
            if (repetition > 0) seconds[i].push_back(taken);
            round += taken;
        }
        if (repetition == 0) repetitions = repetitionsFor(repetitions, round);
        std::fprintf(stderr, "\n");
    }
    std::fprintf(stderr, "%s checksum %s\n", contest.name.c_str(), expected.c_str());
    if (contest.finish) contest.finish();

    std::vector<Row> rows;
    std::optional<double> hand;
    for (std::size_t i = 0; i < contest.contestants.size(); ++i) {
        const std::string& name = contest.contestants[i].name;
        const double median = quantile(seconds[i], 0.5);
        rows.push_back({.workload = contest.name,
                        .contestant = name,
                        .threads = settings.threads,
                        .medianSeconds = median,
                        .minSeconds = *std::min_element(seconds[i].begin(), seconds[i].end())});
        if (name.starts_with("hand")) hand = std::min(hand.value_or(median), median);
    }
    for (Row& row : rows)
        if (hand) row.ratioToHand = *hand / row.medianSeconds;
    return rows;
}

void addNote(Row& row, const std::string& note) { row.note += (row.note.empty() ? "" : "; ") + note; }

/// The lines that `run` gives, with a note on each where other processes took a share of the machine meanwhile.
template <class F> std::vector<Row> watched(const std::string& workload, const F& run) {
    const MachineLoad load;
    std::vector<Row> rows = run();
    const double others = load.usedByOthers();
    char text[64];
    std::snprintf(text, sizeof text, "others used %.0f %% of the machine", 100 * others);
    std::fprintf(stderr, "%s: %s\n", workload.c_str(), text);
    if (others > kQuiet)
        for (Row& row : rows) addNote(row, text);
    return rows;
}

} // namespace

double quantile(std::vector<double> values, double quantile) {
    const auto index =
        std::min(values.size() - 1, static_cast<std::size_t>(quantile * static_cast<double>(values.size())));
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(index), values.end());
    return values[index];
}

void Suite::addContestant(std::string_view contest, Contestant contestant) {
    for (Contest& candidate : contests_)
        if (candidate.name == contest) {
            candidate.contestants.push_back(std::move(contestant));
            return;
        }
    throw std::logic_error("no contest is named " + std::string(contest));
}

void Suite::list() const {
    const auto print = [](const auto& entry) {
        std::printf("%-14s %s%s\n", entry.name.c_str(), entry.about.c_str(),
                    entry.inDefaultSet ? "" : " (only by name)");
    };
    for (const Contest& contest : contests_) print(contest);
    for (const Measurement& measurement : measurements_) print(measurement);
}

std::vector<Row> Suite::run(const std::vector<std::string>& names, const Settings& settings) const {
    const auto chosen = [&](const auto& entry) {
        if (names.empty()) return entry.inDefaultSet;
        return std::any_of(names.begin(), names.end(),
                           [&](const std::string& name) { return entry.name.starts_with(name); });
    };
    for (const std::string& name : names) {
        const auto matches = [&](const auto& entry) { return entry.name.starts_with(name); };
        if (std::none_of(contests_.begin(), contests_.end(), matches) &&
            std::none_of(measurements_.begin(), measurements_.end(), matches))
            throw std::runtime_error("no workload begins with '" + name + "'; --list shows all");
    }
    std::vector<Row> rows;
    const auto append = [&](std::vector<Row> more) { rows.insert(rows.end(), more.begin(), more.end()); };
    for (const Contest& contest : contests_)
        if (chosen(contest)) append(watched(contest.name, [&] { return compete(contest, settings); }));
    for (const Measurement& measurement : measurements_)
        if (chosen(measurement)) append(watched(measurement.name, [&] { return measurement.take(settings); }));
    return rows;
}

void printTable(const std::vector<Row>& rows) {
    const auto cell = [](const std::optional<double>& value, const char* format) {
        char text[32] = "-";
        if (value) std::snprintf(text, sizeof text, format, *value);
        return std::string(text);
    };
    std::printf("%-12s %-20s %7s %11s %11s %13s %11s %11s\n", "workload", "contestant", "threads", "median s", "min s",
                "ratio_to_hand", "p99 s", "max s");
    for (const Row& row : rows)
        std::printf("%-12s %-20s %7d %11.6f %11.6f %13s %11s %11s  %s\n", row.workload.c_str(), row.contestant.c_str(),
                    row.threads, row.medianSeconds, row.minSeconds, cell(row.ratioToHand, "%.3f").c_str(),
                    cell(row.p99Seconds, "%.6f").c_str(), cell(row.maxSeconds, "%.6f").c_str(), row.note.c_str());
}

void writeJson(const std::vector<Row>& rows, const std::filesystem::path& file) {
    auto list = nlohmann::json::array();
    for (const Row& row : rows) {
        nlohmann::json entry = {{"workload", row.workload},
                                {"contestant", row.contestant},
                                {"threads", row.threads},
                                {"median_s", row.medianSeconds},
                                {"min_s", row.minSeconds}};
        entry["ratio_to_hand"] = row.ratioToHand ? nlohmann::json(*row.ratioToHand) : nlohmann::json();
        if (row.p99Seconds) {
            entry["p50_s"] = row.medianSeconds;
            entry["p99_s"] = *row.p99Seconds;
        }
        if (row.maxSeconds) entry["max_s"] = *row.maxSeconds;
        if (!row.note.empty()) entry["note"] = row.note;
        list.push_back(std::move(entry));
    }
    if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file);
    out << list.dump(2) << '\n';
    out.close();
    if (!out) throw std::runtime_error("cannot write " + file.string());
}

} // namespace bench
