#include "support/captured_output.h"
#include "support/receiver_programs.h"

namespace rivulet::test::input_streams_test {

// Sources that are asked for the RDD of each batch: constant ones, generators, the program's own.

using namespace std::chrono_literals;

using Longs = std::vector<long>;
using Strings = std::vector<std::string>;

namespace {

/// Gives the interval of each batch, none for the second, and writes down what happens to it.
struct Intervals : InputDStream<long> {
    explicit Intervals(std::shared_ptr<Strings> log) : log(std::move(log)) {}
    void start() override { log->push_back("start"); }
    void stop() override {
        log->push_back("stop");
        throw std::runtime_error("it does not stop");
    }
    std::optional<RDD<long>> compute(const Context& sc, Time from, Time to) override {
        log->push_back("compute");
        if (to == Time(2s)) return std::nullopt;
        return sc.parallelize({long(from.time_since_epoch().count()), long(to.time_since_epoch().count())}, 1);
    }
    std::shared_ptr<Strings> log;
};

struct Foreign : InputDStream<int> {
    std::optional<RDD<int>> compute(const Context&, Time, Time) override { return other.parallelize({1}, 1); }
    Context other{serialConf()};
};

} // namespace

TEST_CASE("a source of one's own is asked once per batch, and started and stopped once") {
    const auto log = std::make_shared<Strings>();
    const CapturedOutput output(stderr);
    TestStreamingContext ssc(1s);
    const auto stream = ssc.inputStream(Intervals(log));
    const auto seen = collectBatches(stream);
    const auto again = collectBatches(stream.map([](long x) { return -x; }));
    CHECK(log->empty());
    ssc.advanceBatch(2);
    ssc.clock().advance(3s); // ticks that are merged
    ssc.advanceBatch();
    ssc.stop();
    CHECK(*log == Strings{"start", "compute", "compute", "compute", "stop"});
    CHECK(seen.all() == std::vector<Longs>{{0, 1000}, {2000, 6000}});
    CHECK(again.all() == std::vector<Longs>{{0, -1000}, {-2000, -6000}});
    CHECK_THAT(output.text(), Catch::Matchers::ContainsSubstring(": stopping the source failed: it does not stop"));
}

TEST_CASE("a source whose compute throws, or gives a foreign RDD, fails the batch") {
    struct Throwing : InputDStream<int> {
        std::optional<RDD<int>> compute(const Context&, Time, Time) override { throw std::runtime_error("dry"); }
    };
    TestStreamingContext dry(1s);
    collectBatches(dry.inputStream(std::make_shared<Throwing>()));
    CHECK_THAT(errorText<JobError>([&] { dry.advanceBatch(); }), Catch::Matchers::ContainsSubstring("dry"));
    dry.stop();
    TestStreamingContext foreign(1s);
    collectBatches(foreign.inputStream(Foreign()));
    CHECK_THAT(errorText<UsageError>([&] { foreign.advanceBatch(); }),
               Catch::Matchers::ContainsSubstring("inputStream at input_streams_test.cpp:") &&
                   Catch::Matchers::EndsWith(": the RDD of a batch belongs to another Context than the stream; make it "
                                             "with the one that compute is given"));
    foreign.stop();
    TestStreamingContext none(1s);
    CHECK(errorText<UsageError>([&] { none.inputStream(std::shared_ptr<Foreign>()); }) ==
          "inputStream: the pointer is null; give it a source, by value or by a pointer that owns one");
}

TEST_CASE("a constant stream has the same RDD in every batch") {
    TestStreamingContext ssc(1s);
    const auto seen = collectBatches(ssc.constantStream(ssc.context().range(5)));
    ssc.advanceBatch(3);
    CHECK(seen.all() == std::vector<Longs>(3, Longs{0, 1, 2, 3, 4}));
}

TEST_CASE("a constant stream needs an RDD of its context") {
    TestStreamingContext ssc(1s);
    CHECK_THROWS_AS(ssc.constantStream(RDD<int>()), UsageError);
    const Context other(serialConf());
    CHECK(errorText<UsageError>([&] { ssc.constantStream(other.range(5)); }) ==
          "constantStream: the RDD belongs to another Context than the stream; make it with the stream's");
}

TEST_CASE("a generator gives its records at their times") {
    TestStreamingContext ssc(300ms);
    const auto seen = collectBatches(ssc.rateStream(5, [](long n) { return 10 * n; }));
    ssc.advanceBatch(4);
    ssc.clock().advance(600ms);
    ssc.advanceBatch();
    CHECK(seen.all() == std::vector<Longs>{{0}, {10, 20}, {30}, {40, 50}, {60, 70, 80, 90}});
}

TEST_CASE("a generator's values follow from the seed") {
    const auto run = [](std::uint64_t seed) {
        TestStreamingContext ssc(1s, "local[2]");
        const auto seen = collectBatches(ssc.rateStream(10'000, seed));
        ssc.advanceBatch(2);
        return flattened(seen);
    };
    const auto first = run(1);
    CHECK((first == run(1)));
    CHECK_FALSE((first == run(2)));
    REQUIRE(first.size() == 20'000);
    double sum = 0;
    bool inOrder = true;
    for (std::size_t i = 0; i < first.size(); ++i) {
        inOrder = inOrder && first[i].first == long(i) && first[i].second >= 0 && first[i].second < 1;
        sum += first[i].second;
    }
    CHECK(inOrder);
    CHECK(sum / 20'000 == Approx(0.5).margin(0.02));
}

TEST_CASE("a generator needs a rate") {
    TestStreamingContext ssc(1s);
    CHECK(errorText<UsageError>([&] { ssc.rateStream(0); }) ==
          "rateStream: 0 records per second were asked for; it needs at least 1");
}

} // namespace rivulet::test::input_streams_test
