// demo: counts the words of texts that come over a real TCP socket, and shows how it does. `demo --help` tells more.
#include "feeder.h"
#include "progress.h"
#include "screen.h"
#include "table.h"

#include <rivulet/rivulet.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <numeric>
#include <optional>
#include <random>
#include <set>

using namespace rivulet;
using namespace std::chrono_literals;

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr auto kRedraw = 100ms;
constexpr auto kWindow = 5s;
constexpr auto kSlide = 500ms;
constexpr auto kPatience = 10s; // for what was sent to be counted, after the end

struct Options {
    std::string batch = "100ms";
    long seconds = 20;
    long rate = 10'000; // lines per second
    long top = 10;
    std::string connect;
    std::vector<std::string> conf, files;
};

struct Address {
    std::string host;
    int port = 0;
    std::string text() const { return host + ":" + std::to_string(port); }
};

/// Returns the exit status where the program is to end at once.
std::optional<int> parse(int argc, char** argv, Options& options) {
    CLI::App app("Counts the words of texts that come over a TCP socket: those of the last 5 s, and all.", "demo");
    app.add_option("files", options.files, "Texts to send, over and over (default: the licenses that Debian installs)");
    app.add_option("--batch", options.batch, "Length of a batch, for example 10ms")->capture_default_str();
    app.add_option("--seconds", options.seconds, "How long to run; 0: until Ctrl-C")
        ->check(CLI::Range(0, 1'000'000))
        ->capture_default_str();
    auto* rate = app.add_option("--rate", options.rate, "Lines per second; 0: as many as can be processed")
                     ->check(CLI::Range(0, 100'000'000))
                     ->capture_default_str();
    app.add_option("--top", options.top, "How many words to show")->check(CLI::Range(1, 1000))->capture_default_str();
    app.add_option("--connect", options.connect, "HOST:PORT: read from this server (nc -lk PORT), and send nothing")
        ->excludes("files")
        ->excludes(rate);
    app.add_option("--conf", options.conf, "key=value: a setting of Rivulet; may be repeated")->allow_extra_args(false);
    app.footer("Ctrl-C ends it earlier: what was received is processed, and the summary shown.");
    try {
        app.parse(argc, argv);
        return std::nullopt;
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
}

Address parseAddress(const std::string& text) {
    Address address;
    const auto colon = text.rfind(':');
    const char* const end = text.data() + text.size();
    const char* const port = colon == text.npos ? end : text.data() + colon + 1;
    const auto [rest, error] = std::from_chars(port, end, address.port);
    if (colon == 0 || error != std::errc() || rest != end)
        throw UsageError("--connect '" + text + "': must be HOST:PORT, for example localhost:9999");
    address.host = text.substr(0, colon);
    if (address.host.starts_with('[') && address.host.ends_with(']'))
        address.host = address.host.substr(1, address.host.size() - 2);
    return address;
}

/// Texts that every Debian has: the licenses, and each package's copyright.
std::vector<std::string> installedTexts() {
    namespace fs = std::filesystem;
    std::set<std::string> files; // many names are links to the same text
    std::error_code error;
    const auto add = [&](const fs::path& file) {
        std::error_code ignored;
        if (const auto path = fs::canonical(file, ignored); fs::is_regular_file(path, ignored)) files.insert(path);
    };
    for (const auto& entry : fs::directory_iterator("/usr/share/common-licenses", error)) add(entry.path());
    for (const auto& entry : fs::directory_iterator("/usr/share/doc", error)) add(entry.path() / "copyright");
    if (files.empty())
        throw std::runtime_error("no texts in /usr/share/common-licenses and /usr/share/doc; name some: demo FILE...");
    std::vector<std::string> mixed(files.begin(), files.end());
    std::shuffle(mixed.begin(), mixed.end(),
                 std::mt19937(1)); // else the licenses come first, then only lists of authors
    return mixed;
}

/// Of equal counts the word decides, so that rows do not change places for nothing.
bool isRarer(const WordCount& a, const WordCount& b) {
    return a.second != b.second ? a.second < b.second : a.first > b.first;
}

/// The job: top words of a sliding window, and of all time.
void declare(const StreamingContext& ssc, const Address& server, long top, const std::shared_ptr<Progress>& progress) {
    // The multiples of the batch duration that are next to what is wanted.
    const auto slide = std::max<long>(kSlide / ssc.batchDuration(), 1) * ssc.batchDuration();
    const auto window = std::max<long>(kWindow / slide, 1) * slide;

    auto lines = socketTextStream(ssc, server.host, server.port);
    auto counts = lines.flatMap(words).map(withOne).reduceByKey(std::plus<>());
    auto hot = counts.reduceByKeyAndWindow(std::plus<>(), std::minus<>(), window, slide);
    auto totals = counts.updateStateByKey([](std::span<const long> arrived, std::optional<long> total) {
        return std::optional(std::accumulate(arrived.begin(), arrived.end(), total.value_or(0)));
    });

    hot.foreachRDD([=](const RDD<WordCount>& rdd) { progress->setWindowTop(rdd.top(top, isRarer)); });
    totals.foreachRDD([=](const RDD<WordCount>& rdd) {
        using Sums = std::pair<long, long>;
        const auto [words, distinct] = rdd.aggregate(
            Sums(), [](Sums& sums, const WordCount& word) { sums.first += word.second, ++sums.second; },
            [](Sums& sums, const Sums& other) { sums.first += other.first, sums.second += other.second; });
        progress->setTotals(words, distinct);
        if (progress->isTotalsTopDue(kRedraw)) progress->setTotalsTop(rdd.top(top, isRarer));
    });
}

/// Shows the job as it goes, on a terminal or as lines.
class Display {
  public:
    Display(const Options& options, std::string title) : options_(options), title_(std::move(title)) {
        if (!screen_.isTerminal()) screen_.print(title_);
    }

    bool isTerminal() const { return screen_.isTerminal(); }
    double seconds() const { return std::chrono::duration<double>(SteadyClock::now() - start_).count(); }
    Duration interval() const { return isTerminal() ? Duration(kRedraw) : Duration(1s); }

    void show(const Progress::Shown& shown) {
        if (!isTerminal()) return screen_.print(tableLine(seconds(), shown));
        char clock[64];
        if (options_.seconds > 0)
            std::snprintf(clock, sizeof clock, "%.1f of %ld s", seconds(), options_.seconds);
        else
            std::snprintf(clock, sizeof clock, "%.1f s", seconds());
        screen_.draw(table(screen_, title_, clock, "in the last 5 s", std::size_t(options_.top), shown));
    }
    void endOfTable() { screen_.print(""); }
    void summarize(const std::string& name, const std::string& text) {
        screen_.print(screen_.dim(leftAligned(name, 18)) + text);
    }

  private:
    const Options& options_;
    const std::string title_;
    Screen screen_;
    const SteadyClock::time_point start_ = SteadyClock::now();
};

/// Returns the exit status: whether every word that was sent has been counted.
int summarize(Display& display, const StreamingContext& ssc, const Progress& progress, const Feeder* feeder,
              const Options& options, bool isInterrupted) {
    const auto shown = progress.shown();
    const auto times = progress.times();
    display.summarize("batches", withSeparators(shown.batches) + " of " + options.batch);
    display.summarize("records", withSeparators(shown.records) + " lines, " + withSeparators(shown.totals.words) +
                                     " words, " + withSeparators(shown.totals.distinct) + " distinct");
    display.summarize("processing time",
                      "p50 " + milliseconds(times.processingMedian) + ", p99 " + milliseconds(times.processing99));
    display.summarize("scheduling delay", "max " + milliseconds(times.longestDelay));
    display.summarize("dropped records", withSeparators(ssc.droppedRecords()));
    if (!feeder) {
        if (shown.records > 0) return 0;
        display.summarize("check", "nothing was received from " + options.connect);
        return 1;
    }
    const long sent = feeder->sentWords(), missing = sent - shown.totals.words;
    const std::string counts = "sent " + withSeparators(sent) + " words, counted " + withSeparators(shown.totals.words);
    if (missing == 0) {
        display.summarize("check", counts + ": equal");
    } else if (missing > 0 && isInterrupted) {
        display.summarize("check", counts + ": " + withSeparators(missing) + " were on their way at the interrupt");
    } else {
        display.summarize("check", counts + ": NOT EQUAL");
        return 1;
    }
    return 0;
}

int run(const Options& options) {
    Conf conf("local[*]", "demo");
    for (const std::string& setting : options.conf) conf.applyArgument(setting);
    const Duration batch = conf.set("user.batch", options.batch).getDuration("user.batch");

    std::optional<Feeder> feeder;
    Address server;
    std::string title = "Words from ";
    if (options.connect.empty()) {
        feeder.emplace(options.files.empty() ? installedTexts() : options.files, double(options.rate));
        server = {"127.0.0.1", feeder->port()};
        title += withSeparators(long(feeder->fileCount())) + (feeder->fileCount() == 1 ? " text" : " texts") + " over ";
    } else {
        server = parseAddress(options.connect);
    }
    title += server.text() + ", batches of " + options.batch;

    StreamingContext ssc(conf, batch);
    const auto progress = std::make_shared<Progress>();
    declare(ssc, server, options.top, progress);
    if (!feeder && isRefused(server.host, std::to_string(server.port)))
        throw std::runtime_error("nobody listens at " + options.connect + "; start a server first: nc -lk " +
                                 std::to_string(server.port));

    Display display(options, title);
    // Log lines would tear the table apart; a file or pipe has them on standard error.
    if (display.isTerminal() && !conf.isSet("rivulet.log.level")) ssc.context().setLogLevel("ERROR");
    ssc.addStreamingListener(progress);
    ssc.stopOnSignal();
    ssc.start();

    bool isInterrupted = false;
    while (!isInterrupted && (options.seconds == 0 || display.seconds() < double(options.seconds))) {
        isInterrupted = ssc.awaitTerminationOrTimeout(display.interval());
        display.show(progress->shown());
    }
    if (feeder) feeder->stop();
    // What is on its way in the socket is not lost by a stop that waits for it.
    const auto deadline = SteadyClock::now() + kPatience;
    while (!isInterrupted && feeder && progress->records() < feeder->sentLines() && SteadyClock::now() < deadline) {
        isInterrupted = ssc.awaitTerminationOrTimeout(kRedraw);
        if (display.isTerminal()) display.show(progress->shown());
    }
    ssc.stop(true, true);
    ssc.awaitTermination();
    if (display.isTerminal()) display.show(progress->shown());
    display.endOfTable();
    return summarize(display, ssc, *progress, feeder ? &*feeder : nullptr, options, isInterrupted);
}

} // namespace

int main(int argc, char** argv) {
    try {
        Options options;
        if (const auto status = parse(argc, argv, options)) return *status;
        return run(options);
    } catch (const std::exception& error) {
        std::cerr << "demo: " << error.what() << '\n';
        return 1;
    }
}
