#include "rivulet/input/received.h"
#include "support/stream_harness.h"

namespace rivulet::test::rates_test {

// The limits of receivers: the token bucket, the estimator that backpressure goes by, and the pauses of those that
// failed.

using namespace rivulet::detail;
using namespace std::chrono_literals;

namespace {

constexpr Time at(long ms) { return Time(Duration(ms)); }

/// What the estimator says of these batches, -1 for nothing.
struct Batch4 {
    long time, records;
    double work, wait;
};
std::vector<double> rates(PidRateEstimator estimator, std::initializer_list<Batch4> batches) {
    std::vector<double> rates;
    for (const Batch4& b : batches)
        rates.push_back(estimator.compute(at(b.time), b.records, b.work, b.wait).value_or(-1));
    return rates;
}

ReceivedBlocks blocksWith(const std::shared_ptr<ManualClock>& clock, double maxRate, double initialRate = 0) {
    return ReceivedBlocks(std::make_shared<MemoryAccount>(), clock, {1 << 20, 1s, maxRate, initialRate});
}

} // namespace

TEST_CASE("the estimator gives what it processed, less what it has to catch up with") {
    CHECK(rates(PidRateEstimator(1s, {}), {{1000, 5000, 500, 0},
                                           {2000, 5000, 1000, 0},
                                           {3000, 5000, 2000, 0},
                                           {4000, 5000, 2000, 1000},
                                           {5000, 5000, 2000, 2000},
                                           {6000, 100, 1000, 2000},
                                           {6000, 5000, 1000, 0},
                                           {7000, 0, 1000, 0}}) ==
          std::vector<double>{-1, 5000, 2500, 2000, 1500, 100, -1, -1});
}

TEST_CASE("the first estimate is none, and what says nothing is passed over", "[A125]") {
    const PidRateEstimator estimator(10ms, {1, 0, 0, 10});
    CHECK(rates(estimator, {{0, 10, 10, 0}, {10, 10, 10, 0}}) == std::vector<double>{-1, 1000});
    CHECK(rates(estimator, {{0, 10, 10, 0},
                            {0, 10, 10, 0},
                            {10, 0, 10, 0},
                            {10, -5, 10, 0},
                            {10, 10, 0, 0},
                            {10, 10, -1, 0},
                            {10, 10, 10, 0}}) == std::vector<double>{-1, -1, -1, -1, -1, -1, 1000});
}

TEST_CASE("the estimator never goes below the least rate", "[A125]") {
    const std::vector<double> seen =
        rates(PidRateEstimator(1s, {1, 0.2, 0, 10}),
              {{1000, 100, 1000, 0}, {2000, 1, 5000, 10'000}, {3000, 1, 5000, 100'000}, {4000, 100, 1000, 0}});
    CHECK(seen == std::vector<double>{-1, 10, 10, 100});
}

TEST_CASE("an estimator of what cannot be is refused", "[A124]") {
    const auto text = [](Duration interval, PidRateEstimator::Gains gains) {
        return errorText<UsageError>([&] { PidRateEstimator(interval, gains); });
    };
    CHECK(text(0ms, {}) == "backpressure: the batch interval (0ms) must be positive");
    const std::string rule = ") must not be negative; Spark's are 1, 0.2 and 0";
    CHECK(text(1s, {-1, 0, 0, 100}) ==
          "backpressure: the gains of the estimator (-1.000000, 0.000000, 0.000000" + rule);
    CHECK(text(1s, {0, -1, 0, 100}) ==
          "backpressure: the gains of the estimator (0.000000, -1.000000, 0.000000" + rule);
    CHECK(text(1s, {0, 0, -1, 100}) ==
          "backpressure: the gains of the estimator (0.000000, 0.000000, -1.000000" + rule);
    CHECK(text(1s, {1, 0, 0, 0}) ==
          "backpressure: the least rate (0.000000 records per second) must be positive, for example 100");
}

TEST_CASE("a limit follows what is published, up to the most that the program allows", "[A127]") {
    const auto clock = std::make_shared<ManualClock>();
    auto free = blocksWith(clock, 0);
    CHECK(free.rate() == 0);
    free.setRate(105);
    CHECK(free.rate() == 105);
    auto wide = blocksWith(clock, 110);
    wide.setRate(105);
    CHECK(wide.rate() == 105);
    auto tight = blocksWith(clock, 100);
    tight.setRate(105);
    CHECK(tight.rate() == 100);
    tight.setRate(0);
    tight.setRate(-7);
    CHECK(tight.rate() == 100);
    CHECK(blocksWith(clock, 100, 30).rate() == 30);
    CHECK(blocksWith(clock, 100, 300).rate() == 100);
    CHECK(blocksWith(clock, 0, 30).rate() == 30);
}

TEST_CASE("permits come as the time goes", "[A127]") {
    RateLimiter limiter(1s, 100, 0, at(0));
    CHECK(limiter.take(10, at(0)) == 0);
    CHECK(limiter.readyAt(1) == at(10));
    CHECK(limiter.take(10, at(9)) == 0);
    CHECK(limiter.take(10, at(10)) == 1);
    CHECK(limiter.take(10, at(55)) == 4);
    CHECK_FALSE(limiter.takeAll(10, at(140)));
    CHECK(limiter.readyAt(10) == at(150));
    CHECK(limiter.takeAll(10, at(150)));
}

TEST_CASE("what the first batch may have is there at once, and no more") {
    RateLimiter limiter(1s, 0, 50, at(0));
    CHECK(limiter.take(1000, at(0)) == 50);
    CHECK(limiter.take(1000, at(900)) == 0);
    CHECK_FALSE(limiter.readyAt(1));
    limiter.nextBatch();
    CHECK(limiter.take(1000, at(1000)) == 50);
    CHECK(RateLimiter(1s, 60, 50, at(0)).take(1000, at(0)) == 50);
    CHECK(RateLimiter(1s, 50, 50, at(0)).take(1000, at(0)) == 0);
    CHECK(RateLimiter(10ms, 0, 1, at(0)).take(1000, at(0)) == 1);
}

TEST_CASE("a receiver that was idle does not have more for its next batch") {
    RateLimiter limiter(1s, 100, 0, at(0));
    CHECK(limiter.take(1000, at(60'000)) == 100);
    CHECK(limiter.take(1000, at(60'500)) == 0); // the batch has what it may have
    CHECK(limiter.readyAt(1) == std::nullopt);
    limiter.nextBatch();
    CHECK(limiter.take(1000, at(60'500)) == 50);
}

TEST_CASE("a rate below one record per batch is kept over several") {
    RateLimiter limiter(100ms, 4, 0, at(0));
    long taken = 0;
    for (int batch = 1; batch <= 100; ++batch) {
        taken += limiter.take(5, at(100 * batch));
        CHECK(taken <= 4 * batch / 10);
        limiter.nextBatch();
    }
    CHECK(taken == 40);
}

TEST_CASE("a block that is larger than a batch's share goes alone, and is paid for") {
    RateLimiter limiter(1s, 100, 0, at(0));
    CHECK_FALSE(limiter.takeAll(250, at(990)));
    CHECK(limiter.readyAt(250) == at(1000));
    CHECK(limiter.takeAll(250, at(1000)));
    CHECK_FALSE(limiter.takeAll(1, at(1000)));
    limiter.nextBatch();
    CHECK_FALSE(limiter.takeAll(1, at(2500)));
    CHECK(limiter.readyAt(1) == at(2510));
    CHECK(limiter.takeAll(1, at(2510)));
}

TEST_CASE("whatever the arrivals and rates, a limit is never exceeded") {
    std::uint64_t random = 42;
    const auto next = [&random](long below) {
        random = random * 6364136223846793005 + 1442695040888963407;
        return long((random >> 33) % std::uint64_t(below));
    };
    for (int round = 0; round < 200; ++round) {
        const long batchMs = 1 + next(50), rate = 1 + next(5000);
        INFO("seed 42, round " << round << ": batches of " << batchMs << " ms, " << rate << " per second");
        RateLimiter limiter(Duration(batchMs), double(rate), 0, at(0));
        long total = 0, inBatch = 0, batchEnd = batchMs;
        bool exceeded = false;
        for (long ms = 0; ms < 2000; ms += next(3)) {
            if (ms >= batchEnd) {
                limiter.nextBatch();
                inBatch = 0;
                batchEnd += batchMs;
            }
            const long taken = limiter.take(next(100), at(ms));
            total += taken;
            inBatch += taken;
            exceeded = exceeded || total * 1000 > rate * ms || inBatch > std::max(1L, (rate * batchMs + 999) / 1000);
        }
        CHECK_FALSE(exceeded);
        CHECK(total > 0);
    }
}

TEST_CASE("pauses double up to the longest, each between half of it and all of it") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        Backoff backoff(100ms, 1s, seed);
        for (const long most : {100, 200, 400, 800, 1000, 1000}) {
            const long pause = backoff.next().count();
            CHECK(pause >= most / 2);
            CHECK(pause <= most);
        }
        backoff.reset();
        CHECK(backoff.next() <= 100ms);
    }
    CHECK(Backoff(100ms, 1s, 1).next() != Backoff(100ms, 1s, 2).next());
    CHECK(Backoff(0ms, 1s, 1).next() == 0ms);
}

} // namespace rivulet::test::rates_test
