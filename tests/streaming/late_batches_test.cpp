#include "support/stream_harness.h"

#include <condition_variable>
#include <future>
#include <mutex>

namespace rivulet::test::late_batches_test {

// Spark runs every tick that was missed. Here the policy is a setting: all, merge (the default), skip.

using namespace std::chrono_literals;

namespace {

/// The batch times that an output has seen, and a way to wait for them.
class Times {
  public:
    void add(Time time) {
        std::lock_guard lock(mutex_);
        times_.push_back(time.time_since_epoch() / 1ms);
        changed_.notify_all();
    }
    /// Returns when `time` was seen.
    void waitFor(Time time) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return !times_.empty() && times_.back() >= time.time_since_epoch() / 1ms; });
    }
    std::vector<long> all() const {
        std::lock_guard lock(mutex_);
        return times_;
    }

  private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<long> times_;
};

/// A program in its own loop with batches of 100 ms on a manual clock.
struct Program {
    explicit Program(const char* lateBatches)
        : ssc(Context(serialConf().set("rivulet.streaming.lateBatches", lateBatches)), 100ms, clock) {}
    void advanceTo(Time time) { clock->advance(time - clock->now()); }

    std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>();
    StreamingContext ssc;
};

constexpr Time at(long ms) { return Time(Duration(ms)); }

} // namespace

TEST_CASE("missed ticks all run where told", "[A04][T12]") {
    Program program("all");
    Times times;
    program.ssc.queueStream<int>().foreachRDD([&](const RDD<int>&, Time time) { times.add(time); });
    program.ssc.start();
    program.advanceTo(at(100));
    times.waitFor(at(100));
    program.advanceTo(at(399));
    times.waitFor(at(300));
    program.ssc.stop();
    CHECK(times.all() == std::vector<long>{100, 200, 300});
}

TEST_CASE("missed ticks become one batch, at the latest time", "[A04][T12]") {
    for (const char* policy : {"merge", "skip"}) {
        INFO("policy " << policy);
        Program program(policy);
        Times times;
        program.ssc.queueStream<int>().foreachRDD([&](const RDD<int>&, Time time) { times.add(time); });
        program.ssc.start();
        program.advanceTo(at(100));
        times.waitFor(at(100));
        program.advanceTo(at(399));
        times.waitFor(at(300));
        program.advanceTo(at(400));
        times.waitFor(at(400));
        program.ssc.stop();
        CHECK(times.all() == std::vector<long>{100, 300, 400});
    }
}

TEST_CASE("the program's own policy goes before the configured one", "[A04]") {
    Program program("merge");
    program.ssc.setLateBatches(LateBatches::all);
    Times times;
    program.ssc.queueStream<int>().foreachRDD([&](const RDD<int>&, Time time) { times.add(time); });
    program.ssc.start();
    program.advanceTo(at(300));
    times.waitFor(at(300));
    CHECK(times.all() == std::vector<long>{100, 200, 300});
    CHECK(errorText<UsageError>([&] { program.ssc.setLateBatches(LateBatches::skip); }) ==
          "setLateBatches: streams and outputs cannot be added after the StreamingContext was started; declare them "
          "before start()");
    program.ssc.stop();
}

TEST_CASE("merged ticks do not pass over a batch of a stream with a longer slide, skipped ones do", "[A04]") {
    for (const std::string policy : {"all", "merge", "skip"}) {
        INFO("policy " << policy);
        Program program(policy.c_str());
        Times every, second;
        const auto input = program.ssc.queueStream<int>();
        input.foreachRDD([&](const RDD<int>&, Time time) { every.add(time); });
        input.window(200ms, 200ms).foreachRDD([&](const RDD<int>&, Time time) { second.add(time); });
        program.ssc.start();
        program.advanceTo(at(500));
        every.waitFor(at(500));
        program.advanceTo(at(600));
        second.waitFor(at(600));
        program.ssc.stop();
        if (policy == "all") CHECK(every.all() == std::vector<long>{100, 200, 300, 400, 500, 600});
        if (policy == "merge") CHECK(every.all() == std::vector<long>{200, 400, 500, 600});
        if (policy == "skip") CHECK(every.all() == std::vector<long>{500, 600});
        CHECK(second.all() == (policy == "skip" ? std::vector<long>{600} : std::vector<long>{200, 400, 600}));
    }
}

TEST_CASE("ticks that pass during a long batch follow it by the same policy", "[A04]") {
    for (const std::string policy : {"all", "merge", "skip"}) {
        INFO("policy " << policy);
        Program program(policy.c_str());
        Times times;
        std::promise<void> begun, ended;
        program.ssc.queueStream<int>().foreachRDD([&](const RDD<int>&, Time time) {
            if (time == at(100)) {
                begun.set_value();
                ended.get_future().wait();
            }
            times.add(time);
        });
        program.ssc.start();
        program.advanceTo(at(100));
        begun.get_future().wait();
        program.advanceTo(at(400));
        ended.set_value();
        times.waitFor(at(400));
        program.ssc.stop();
        CHECK(times.all() == (policy == "all" ? std::vector<long>{100, 200, 300, 400} : std::vector<long>{100, 400}));
    }
}

TEST_CASE("batches begin at multiples of the batch duration, after the start", "[A04]") {
    Program program("merge");
    Times times;
    program.ssc.queueStream<int>().foreachRDD([&](const RDD<int>&, Time time) { times.add(time); });
    program.advanceTo(at(250));
    program.ssc.start();
    program.advanceTo(at(299));
    program.advanceTo(at(300));
    times.waitFor(at(300));
    program.ssc.stop();
    CHECK(times.all() == std::vector<long>{300});
}

TEST_CASE("a stop runs no further tick", "[A05]") {
    Program program("all");
    Times times;
    program.ssc.queueStream<int>().foreachRDD([&](const RDD<int>&, Time time) { times.add(time); });
    program.ssc.start();
    program.advanceTo(at(100));
    times.waitFor(at(100));
    program.ssc.stop();
    program.advanceTo(at(500));
    CHECK(times.all() == std::vector<long>{100});
}

TEST_CASE("a window over a state has the states of the batches that ran, and merged ticks cost no update", "[A04]") {
    TestStreamingContext ssc(1s);
    const auto letters = ssc.queueStream<std::string>();
    const auto state = letters.map(withOne).updateStateByKey([](std::span<const long> arrived, std::optional<long> n) {
        return std::optional(n.value_or(0) + long(arrived.size()));
    });
    const auto states = collectBatches(state.values());
    const auto windows = collectBatches(state.values().window(3s));
    for (int i = 0; i < 4; ++i) {
        letters.pushOne("a");
        if (i == 1) ssc.clock().advance(2s); // two ticks that are merged into the next
        ssc.advanceBatch();
    }
    CHECK(states.all() == std::vector<std::vector<long>>{{1}, {2}, {3}, {4}});
    CHECK(windows.all() == std::vector<std::vector<long>>{{1}, {2}, {2, 3}, {2, 3, 4}});
}

TEST_CASE("transform's function is not called for ticks that were merged", "[A04]") {
    TestStreamingContext ssc(1s);
    std::vector<long> times;
    const auto seen = collectBatches(ssc.queueStream<int>()
                                         .transform([&](const RDD<int>& rdd, Time time) {
                                             times.push_back(time.time_since_epoch() / 1s);
                                             return rdd;
                                         })
                                         .window(5s));
    ssc.advanceBatch();
    ssc.clock().advance(2s);
    ssc.advanceBatch();
    CHECK(times == std::vector<long>{1, 4});
    CHECK(seen.size() == 2);
}

} // namespace rivulet::test::late_batches_test
