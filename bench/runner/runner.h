#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// What the command line decided, the same for every workload.
struct Settings {
    int threads = 2;
    int repetitions = 5; ///< measured ones; a warm-up comes before them
    std::filesystem::path dataDirectory = "build/bench/data";
    std::uintmax_t textSizeBytes = 0; ///< 0: as the workload defines it
    double streamSeconds = 10;        ///< how long a latency run lasts
};

/// One line of the result. `ratioToHand` = best hand loop's median / this median: 1.0 is the limit, and empty where no
/// loop competes. A latency has its quantiles: the median and `p99Seconds`.
struct Row {
    std::string workload;
    std::string contestant;
    int threads = 1;
    double medianSeconds = 0;
    double minSeconds = 0;
    std::optional<double> ratioToHand = {};
    std::optional<double> p99Seconds = {};
    std::optional<double> maxSeconds = {};
    std::string note = {}; ///< what makes the figures worth less, such as a neighbour on the machine
};

/// One side of a contest. `run` does the whole workload once, inside the measured time, and returns a checksum of the
/// result. A name that begins with "hand" is a hand-written loop: the best of them is what the others are compared
/// with.
struct Contestant {
    std::string name;
    std::function<std::string(const Settings&)> run;
};

/// A definition that several contestants carry out. All must give the same checksum, and `expected` where that is
/// known.
struct Contest {
    std::string name;
    std::string about;
    bool inDefaultSet = true;
    std::function<void(const Settings&)> prepare = {}; ///< outside the measured time: makes the input
    std::function<std::string(const Settings&)> expected = {};
    std::vector<Contestant> contestants = {};
    std::function<void()> finish = {}; ///< gives back what `prepare` made
};

/// A figure without an opponent, such as a latency: it measures itself and returns its lines.
struct Measurement {
    std::string name;
    std::string about;
    bool inDefaultSet = true;
    std::function<std::vector<Row>(const Settings&)> take;
};

/// Everything that can be run, in the order in which it was added.
class Suite {
  public:
    void add(Contest contest) { contests_.push_back(std::move(contest)); }
    void add(Measurement measurement) { measurements_.push_back(std::move(measurement)); }
    /// Adds a side to a contest that was added before.
    void addContestant(std::string_view contest, Contestant contestant);

    /// Prints names and descriptions.
    void list() const;

    /// Runs what `names` selects by prefix (the default set if empty) and returns the lines. Progress goes to stderr.
    ///
    /// Errors: std::runtime_error if a name selects nothing or checksums differ
    std::vector<Row> run(const std::vector<std::string>& names, const Settings& settings) const;

  private:
    std::vector<Contest> contests_;
    std::vector<Measurement> measurements_;
};

/// Prints the lines as an aligned table.
void printTable(const std::vector<Row>& rows);

/// Writes the lines as a JSON list, and makes the folders on the way.
void writeJson(const std::vector<Row>& rows, const std::filesystem::path& file);

/// The value below which the fraction `quantile` of `values` lies; `values` must not be empty.
double quantile(std::vector<double> values, double quantile);

} // namespace bench
