// B4: keyed windows of 30 panes, a slide at a time, against a loop that is written by hand for the same numbers. What
// is timed is a slide: the events are at hand, and what the window gives is read. The dead-keys rows show what a
// million keys cost that have left the window.

#include "streams/hand_panes.h"
#include "workloads.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <rivulet/rivulet.h>
#include <rivulet/testing.h>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace bench {
namespace {

using namespace std::chrono_literals;

constexpr int kPanes = 30;
constexpr int kSlides = 62; // measured in each round, after the window is full: two flips of the loop by hand
constexpr int kRounds = 3;
constexpr int kBatches = 8; // different ones, in turn
constexpr std::size_t kEvents = 1'000'000;

/// An event: the key in the lower half, a value in the upper.
long eventOf(std::uint64_t n, std::uint64_t keys) {
    std::uint64_t z = n + 0x9e3779b97f4a7c15ULL * (n + 1);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    z ^= z >> 31;
    return long((z >> 44) << 32 | (z & 0xffffffff) % keys);
}
long keyOf(long event) { return event & 0xffffffff; }
long valueOf(long event) { return event >> 32; }

std::vector<long> events(std::size_t count, std::uint64_t keys, std::uint64_t first) {
    std::vector<long> made;
    made.reserve(count);
    for (std::size_t i = 0; i < count; ++i) made.push_back(eventOf(first + i, keys));
    return made;
}

struct Count {
    static constexpr const char* kName = "sum";
    using Op = std::plus<long>;
    static long value(long) { return 1; }
};
struct Maximum {
    static constexpr const char* kName = "max";
    struct Op {
        long operator()(long a, long b) const { return std::max(a, b); }
    };
    static long value(long event) { return valueOf(event); }
};

/// Slides of one contestant, and what the last one came to.
struct Slides {
    std::vector<double> seconds;
    WindowTally last;
};
template <class Slide> void runSlides(Slides& slides, int from, int count, const Slide& slide) {
    for (int i = from; i < from + count; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        slides.last = slide(i);
        const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
        if (i > kPanes) slides.seconds.push_back(taken.count());
    }
}

template <class Aggregate> void runByHand(Slides& slides, int threads, const std::vector<std::vector<long>>& input) {
    using Panes = HandPanes<typename Aggregate::Op>;
    Panes panes(threads, kPanes);
    runSlides(slides, 0, kPanes + 1 + kSlides, [&](int i) {
        return panes.slide(input[std::size_t(i % kBatches)], [](long event) {
            return typename Panes::Event{std::uint64_t(keyOf(event)), Aggregate::value(event)};
        });
    });
}

std::string master(int threads) { return "local[" + std::to_string(threads) + "]"; }

/// What a batch of a stream of (key, value) comes to.
struct Tallied {
    WindowTally operator()(WindowTally tally, const std::pair<long, long>& row) const {
        ++tally.keys;
        tally.sum += row.second;
        return tally;
    }
    WindowTally operator()(WindowTally tally, const WindowTally& other) const {
        tally.keys += other.keys;
        tally.sum += other.sum;
        return tally;
    }
};

/// A program with one window; a slide is a batch.
template <class Aggregate> class WindowProgram {
  public:
    using Op = typename Aggregate::Op;

    WindowProgram(int threads, bool inverse) : ssc_(1s, master(threads)), input_(ssc_.queueStream<long>()) {
        const auto pairs = input_.map([](long event) { return std::pair(keyOf(event), Aggregate::value(event)); });
        const auto window = std::chrono::seconds(kPanes);
        const auto reduced = inverse ? pairs.reduceByKeyAndWindow(Op(), std::minus<>(), window, 1s)
                                     : pairs.reduceByKeyAndWindow(Op(), window, 1s);
        reduced.foreachRDD([this](const rivulet::RDD<std::pair<long, long>>& rdd) {
            tally_ = rdd.aggregate(WindowTally{}, Tallied(), Tallied());
        });
    }
    rivulet::RDD<long> rddOf(const std::vector<long>& events, int partitions) const {
        return ssc_.context().parallelize(events, partitions);
    }
    WindowTally slide(const rivulet::RDD<long>& events) {
        input_.push(events);
        ssc_.advanceBatch();
        return tally_;
    }

  private:
    rivulet::TestStreamingContext ssc_;
    rivulet::QueueStream<long> input_;
    WindowTally tally_;
};

template <class Aggregate>
void runRivulet(Slides& slides, int threads, bool inverse, const std::vector<std::vector<long>>& input) {
    WindowProgram<Aggregate> program(threads, inverse);
    std::vector<rivulet::RDD<long>> rdds;
    for (const auto& batch : input) rdds.push_back(program.rddOf(batch, threads));
    runSlides(slides, 0, kPanes + 1 + kSlides, [&](int i) { return program.slide(rdds[std::size_t(i % kBatches)]); });
}

Row rowOf(const std::string& workload, const char* contestant, int threads, const Slides& slides) {
    return {.workload = workload,
            .contestant = contestant,
            .threads = threads,
            .medianSeconds = quantile(slides.seconds, 0.5),
            .minSeconds = *std::min_element(slides.seconds.begin(), slides.seconds.end()),
            .maxSeconds = *std::max_element(slides.seconds.begin(), slides.seconds.end())};
}

template <class Aggregate> void measure(std::vector<Row>& rows, std::uint64_t keys, const Settings& settings) {
    std::vector<std::vector<long>> input;
    for (std::size_t b = 0; b < kBatches; ++b) input.push_back(events(kEvents, keys, b * kEvents));
    Slides hand, ours, inverse;
    for (int round = 0; round < kRounds; ++round) { // in turn, so that a slow minute of the machine hits all
        runByHand<Aggregate>(hand, settings.threads, input);
        runRivulet<Aggregate>(ours, settings.threads, false, input);
        runRivulet<Aggregate>(inverse, settings.threads, true, input);
    }
    const std::string workload = std::string("B4.") + Aggregate::kName + (keys < 1'000'000 ? ".100K" : ".1M");
    if (!(hand.last == ours.last && hand.last == inverse.last))
        throw std::runtime_error(workload + ": the loop by hand gives " + std::to_string(hand.last.keys) + " keys, " +
                                 std::to_string(hand.last.sum) + ", the window " + std::to_string(ours.last.keys) +
                                 " keys, " + std::to_string(ours.last.sum));
    const std::size_t first = rows.size();
    rows.push_back(rowOf(workload, "hand", settings.threads, hand));
    rows.push_back(rowOf(workload, "rivulet", settings.threads, ours));
    rows.push_back(rowOf(workload, "rivulet-inverse", settings.threads, inverse));
    for (std::size_t i = first; i < rows.size(); ++i)
        rows[i].ratioToHand = rows[first].medianSeconds / rows[i].medianSeconds;
}

/// A thousand events a slide, of a thousand keys; before them come `dead` other keys, which are gone from the window
/// when the measured slides begin.
Row measureDeadKeys(const char* contestant, std::size_t dead, const Settings& settings) {
    WindowProgram<Count> program(settings.threads, false);
    if (dead > 0) {
        std::vector<long> all;
        for (std::size_t key = 0; key < dead; ++key) all.push_back(long(key + 1'000));
        program.slide(program.rddOf(all, settings.threads));
    }
    const auto few = program.rddOf(events(1'000, 1'000, 0), settings.threads);
    constexpr int kMeasured = 300;
    Slides slides;
    runSlides(slides, 0, kPanes + 1 + kMeasured, [&](int) { return program.slide(few); });
    if (slides.last.sum != 1'000 * kPanes)
        throw std::runtime_error("B4.dead: the window has " + std::to_string(slides.last.sum) + " events");
    return rowOf("B4.dead", contestant, settings.threads, slides);
}

} // namespace

void addKeyedWindows(Suite& suite) {
    suite.add(Measurement{.name = "B4",
                          .about = "a slide of a keyed window of 30 panes, 1 M events, 100 K and 1 M keys; dead keys",
                          .take = [](const Settings& settings) {
                              std::vector<Row> rows;
                              for (const std::uint64_t keys : {100'000, 1'000'000}) {
                                  measure<Count>(rows, keys, settings);
                                  measure<Maximum>(rows, keys, settings);
                              }
                              rows.push_back(measureDeadKeys("rivulet-none-dead", 0, settings));
                              rows.push_back(measureDeadKeys("rivulet-million-dead", 1'000'000, settings));
                              return rows;
                          }});
}

} // namespace bench
