#include "streaming/durable/recovery_harness.h"

namespace rivulet::test::unfinished_batches_test {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

/// A log that grows, of which each batch takes what is there.
struct Log {
    std::vector<long> numbers;
};

class LogInput final : public InputDStream<long> {
  public:
    explicit LogInput(const Log& log, bool again = true) : log_(log), again_(again) {}
    std::optional<RDD<long>> compute(const Context& sc, Time, Time) override { return upTo(sc, log_.numbers.size()); }
    std::string position() const override { return std::to_string(next_); }
    void restore(std::string_view position) override { next_ = std::stoul(std::string(position)); }
    std::optional<RDD<long>> computeAgain(const Context& sc, Time from, Time to, std::string_view end) override {
        return again_ ? upTo(sc, std::stoul(std::string(end))) : InputDStream::computeAgain(sc, from, to, end);
    }

  private:
    RDD<long> upTo(const Context& sc, std::size_t end) {
        const std::vector<long> some(log_.numbers.begin() + long(next_), log_.numbers.begin() + long(end));
        next_ = end;
        return sc.parallelize(some, 2);
    }
    const Log& log_;
    const bool again_;
    std::size_t next_ = 0;
};

struct Seen {
    Time time;
    std::vector<long> totals;
    bool operator==(const Seen&) const = default;
};

/// Sums all numbers; `use` gets the sum of each batch.
template <class Use> void build(const StreamingContext& ssc, const Log& log, const Use& use, bool again = true) {
    ssc.inputStream(LogInput(log, again))
        .uid("log")
        .map([](long x) { return std::pair(0, x); })
        .updateStateByKey(
            [](std::span<const long> arrived, std::optional<long> sum) {
                return std::optional(std::accumulate(arrived.begin(), arrived.end(), sum.value_or(0)));
            },
            2)
        .uid("sum")
        .values()
        .foreachRDD([use](const RDD<long>& rdd, Time time) { use(Seen{time, rdd.collect()}); });
}

} // namespace

TEST_CASE("A batch that was begun is run again with its time and its input") {
    const TemporaryDirectory directory;
    Log log{{1, 2}};
    std::vector<Seen> seen;
    {
        TestStreamingContext ssc(1s);
        ssc.checkpoint(directory / "c");
        build(ssc, log, [&](const Seen& batch) {
            seen.push_back(batch); // the output has gone out, and then the program dies
            if (batch.time == Time(2s)) throw std::runtime_error("died");
        });
        ssc.advanceBatch();
        log.numbers.push_back(10);
        CHECK_THROWS_WITH(ssc.advanceBatch(), ContainsSubstring("died"));
    }
    log.numbers.push_back(100); // arrives while nobody is there
    {
        TestStreamingContext ssc(1s);
        ssc.checkpoint(directory / "c");
        build(ssc, log, [&](const Seen& batch) { seen.push_back(batch); });
        ssc.advanceBatch(2);
    }
    CHECK(seen == std::vector<Seen>{{Time(1s), {3}}, {Time(2s), {13}}, {Time(2s), {13}}, {Time(3s), {113}}});
}

TEST_CASE("The first batch of all may be the one that is run again") {
    const TemporaryDirectory directory;
    const Log log{{7}};
    std::vector<Seen> seen;
    for (const bool dies : {true, true, false}) {
        TestStreamingContext ssc(1s);
        ssc.checkpoint(directory / "c");
        build(ssc, log, [&](const Seen& batch) {
            seen.push_back(batch);
            if (dies) throw std::runtime_error("died");
        });
        if (dies)
            CHECK_THROWS_WITH(ssc.advanceBatch(), ContainsSubstring("died"));
        else
            ssc.advanceBatch(2);
    }
    CHECK(seen == std::vector<Seen>{{Time(1s), {7}}, {Time(1s), {7}}, {Time(1s), {7}}, {Time(2s), {7}}});
}

TEST_CASE("A source that does not give again what it gave is told so") {
    const TemporaryDirectory directory;
    Log log{{1}};
    {
        TestStreamingContext ssc(1s);
        ssc.checkpoint(directory / "c");
        build(ssc, log, [](const Seen&) { throw std::runtime_error("died"); });
        CHECK_THROWS(ssc.advanceBatch());
    }
    log.numbers.push_back(2);
    TestStreamingContext ssc(1s);
    ssc.checkpoint(directory / "c");
    build(ssc, log, [](const Seen&) {}, false);
    CHECK_THROWS_WITH(ssc.advanceBatch(),
                      ContainsSubstring("the batch of 1000 ms was begun by an earlier process, and the source has come "
                                        "to another position when it was asked for it again; override computeAgain so "
                                        "that it ends where it is told"));
}

TEST_CASE("The records of a batch that is skipped do not come again") {
    const TemporaryDirectory directory;
    Log log{{1}};
    std::vector<Seen> seen;
    for (int run = 0; run < 2; ++run) {
        TestStreamingContext ssc(serialConf().set("rivulet.streaming.failedBatches", "skip"), 1s);
        ssc.checkpoint(directory / "c");
        build(ssc, log, [&](const Seen& batch) {
            if (batch.time == Time(1s)) throw std::runtime_error("poison");
            seen.push_back(batch);
        });
        ssc.advanceBatch();
        log.numbers.push_back(10);
    }
    CHECK(seen == std::vector<Seen>{{Time(2s), {10}}});
}

TEST_CASE("A batch that fails is repeated with the same input") {
    const TemporaryDirectory directory;
    const Log log{{1}};
    int calls = 0;
    std::vector<Seen> seen;
    TestStreamingContext ssc(serialConf().set("rivulet.streaming.failedBatches", "retry"), 1s);
    ssc.checkpoint(directory / "c");
    build(ssc, log, [&](const Seen& batch) {
        if (++calls < 3) throw std::runtime_error("not yet");
        seen.push_back(batch);
    });
    ssc.advanceBatch(2);
    CHECK(seen == std::vector<Seen>{{Time(1s), {1}}, {Time(2s), {1}}});
}

} // namespace rivulet::test::unfinished_batches_test
