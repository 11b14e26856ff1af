#include "support/captured_output.h"
#include "support/stream_harness.h"

#include <future>

namespace rivulet::test::lifecycle_test {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using ContextState = StreamingContextState;

namespace {

/// A program in its own loop, on a manual clock.
struct Program {
    Program() {
        input.foreachRDD([](const RDD<int>&) {});
    }

    std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>();
    Context sc{serialConf()};
    StreamingContext ssc{sc, 1s, clock};
    QueueStream<int> input = ssc.queueStream<int>();
};

} // namespace

TEST_CASE("a context goes from INITIALIZED over ACTIVE to STOPPED, and stops its engine", "[A61]") {
    Program program;
    CHECK(program.ssc.getState() == ContextState::INITIALIZED);
    program.ssc.start();
    CHECK(program.ssc.getState() == ContextState::ACTIVE);
    CHECK_FALSE(program.sc.isStopped());
    program.ssc.stop();
    CHECK(program.ssc.getState() == ContextState::STOPPED);
    CHECK(program.sc.isStopped());
    CHECK(program.ssc.awaitTerminationOrTimeout(1min));
    program.ssc.awaitTermination();
}

TEST_CASE("the engine stays where it is told to, and may serve the next context", "[A61]") {
    Program program;
    program.ssc.start();
    program.ssc.stop(false);
    CHECK_FALSE(program.sc.isStopped());
    TestStreamingContext unrelated(1s);
    const auto clock = std::make_shared<ManualClock>();
    const StreamingContext next(program.sc, 1s, clock);
    std::promise<long> counted;
    const auto input = next.queueStream<int>();
    input.foreachRDD([&](const RDD<int>& rdd) { counted.set_value(rdd.count()); });
    input.push({1, 2});
    next.start();
    clock->advance(1s);
    CHECK(counted.get_future().get() == 2);
    next.stop(false);
    program.ssc.stop(true);
    CHECK(program.sc.isStopped());
}

TEST_CASE("awaitTerminationOrTimeout is false while the context runs", "[A61]") {
    Program program;
    program.ssc.start();
    CHECK_FALSE(program.ssc.awaitTerminationOrTimeout(1ms));
    program.ssc.stop();
    CHECK(program.ssc.awaitTerminationOrTimeout(1ms));
}

TEST_CASE("a second start does nothing but warn", "[A62]") {
    Program program;
    program.ssc.start();
    const CapturedOutput log(stderr);
    program.ssc.start();
    CHECK_THAT(log.text(), ContainsSubstring("start: this StreamingContext was started already"));
    CHECK(program.ssc.getState() == ContextState::ACTIVE);
    program.ssc.stop();
}

TEST_CASE("a context may be stopped twice, by several threads, and before its start", "[A62]") {
    SECTION("twice") {
        Program program;
        program.ssc.start();
        program.ssc.stop(false);
        program.ssc.stop(false);
        CHECK(program.ssc.getState() == ContextState::STOPPED);
    }
    SECTION("by several threads") {
        Program program;
        program.ssc.start();
        auto one = std::async(std::launch::async, [&] { program.ssc.stop(); });
        auto two = std::async(std::launch::async, [&] { program.ssc.stop(true, true); });
        program.ssc.stop(false);
        one.get();
        two.get();
        CHECK(program.ssc.getState() == ContextState::STOPPED);
        CHECK(program.sc.isStopped());
    }
    SECTION("before its start") {
        Program program;
        program.ssc.stop(false);
        CHECK(program.ssc.getState() == ContextState::STOPPED);
        CHECK(program.ssc.awaitTerminationOrTimeout(1ms));
    }
}

TEST_CASE("a stop wakes those who await the termination", "[A62]") {
    Program program;
    program.ssc.start();
    auto awaiting = std::async(std::launch::async, [&] { program.ssc.awaitTermination(); });
    program.ssc.stop();
    CHECK_NOTHROW(awaiting.get());
}

TEST_CASE("a context that is destroyed while it runs is stopped", "[A62]") {
    auto program = std::make_unique<Program>();
    program->ssc.start();
    const Context sc = program->sc;
    program.reset();
    CHECK_FALSE(sc.isStopped());
    Program next;
    next.ssc.start();
    next.ssc.stop();
    CHECK(next.ssc.getState() == ContextState::STOPPED);
}

TEST_CASE("a graceful stop right after the start returns", "[A74]") {
    Program program;
    program.ssc.start();
    program.ssc.stop(true, true);
    CHECK(program.ssc.getState() == ContextState::STOPPED);
    CHECK(program.ssc.droppedRecords() == 0);
}

TEST_CASE("a failed start leaves the context to be started once it can be", "[A64]") {
    Program first, second;
    first.ssc.start();
    CHECK_THROWS_AS(second.ssc.start(), UsageError);
    CHECK(second.ssc.getState() == ContextState::INITIALIZED);
    first.ssc.stop();
    second.ssc.start();
    CHECK(second.ssc.getState() == ContextState::ACTIVE);
    second.ssc.stop();
}

TEST_CASE("a stop asked for by an output follows the batch", "[A62]") {
    const bool graceful = GENERATE(false, true);
    const auto clock = std::make_shared<ManualClock>();
    const StreamingContext ssc(Context(serialConf()), 1s, clock);
    const auto input = ssc.queueStream<int>();
    std::vector<long> counts;
    input.foreachRDD([&](const RDD<int>&) { ssc.stop(true, graceful); });
    input.foreachRDD([&](const RDD<int>& rdd) { counts.push_back(rdd.count()); });
    input.push({1, 2, 3});
    ssc.start();
    clock->advance(1s);
    ssc.awaitTermination();
    CHECK(counts == std::vector{3L});
    CHECK(ssc.getState() == ContextState::STOPPED);
    CHECK(ssc.context().isStopped());
}

TEST_CASE("a stop asked for by an output follows the batch, in a test's context too", "[A62]") {
    TestStreamingContext ssc(1s);
    const auto input = tableStream<int>(ssc, {{1, 2, 3}});
    std::vector<long> counts;
    input.foreachRDD([core = ssc.core().get()](const RDD<int>&) { core->stop(true, false); });
    input.foreachRDD([&](const RDD<int>& rdd) { counts.push_back(rdd.count()); });
    CHECK_NOTHROW(ssc.advanceBatch());
    CHECK(counts == std::vector{3L});
    CHECK(ssc.getState() == ContextState::STOPPED);
}

TEST_CASE("an output may drop the last handle to its context", "[A62]") {
    const auto clock = std::make_shared<ManualClock>();
    auto ssc = std::make_unique<StreamingContext>(Context(serialConf()), 1s, clock);
    const std::weak_ptr<const void> core = ssc->core();
    const auto counts = std::make_shared<std::vector<long>>();
    const auto input = ssc->queueStream<int>();
    input.foreachRDD([&](const RDD<int>&) { ssc.reset(); });
    input.foreachRDD([counts](const RDD<int>& rdd) { counts->push_back(rdd.count()); });
    ssc->start();
    clock->advance(1s);
    CHECK(eventually([&] { return core.expired() && counts.use_count() == 1; }));
}

TEST_CASE("awaitTerminationOrTimeout may wait for ever", "[A61]") {
    Program program;
    program.ssc.start();
    auto awaiting =
        std::async(std::launch::async, [&] { return program.ssc.awaitTerminationOrTimeout(Duration::max()); });
    program.ssc.stop();
    CHECK(awaiting.get());
    CHECK(program.ssc.awaitTerminationOrTimeout(Duration::max()));
}

TEST_CASE("stateful operators run in memory where there is no checkpoint directory", "[A41]") {
    // Spark refuses to start.
    TestStreamingContext ssc(1s);
    const auto seen = collectBatches(tableStream<std::string>(ssc, {{"a"}, {"a"}})
                                         .map(withOne)
                                         .updateStateByKey([](std::span<const long> arrived, std::optional<long> n) {
                                             return std::optional(n.value_or(0) + long(arrived.size()));
                                         }));
    ssc.advanceBatch(2);
    CHECK(seen[1] == Pairs{{"a", 2}});
}

TEST_CASE("a stop from within a listener is refused, and nothing hangs", "[A77]") {
    struct Stopper : StreamingListener {
        explicit Stopper(std::weak_ptr<detail::StreamCore> stopped) : core(std::move(stopped)) {}
        void onBatchCompleted(const BatchInfo&) override {
            answer.set_value(errorText<UsageError>([&] { core.lock()->stop(true, true); }));
        }
        std::weak_ptr<detail::StreamCore> core;
        std::promise<std::string> answer;
    };
    Program program;
    const auto stopper = std::make_shared<Stopper>(program.ssc.core());
    program.ssc.addStreamingListener(stopper);
    program.ssc.start();
    program.clock->advance(1s);
    CHECK(stopper->answer.get_future().get() ==
          "stop: a StreamingContext cannot be stopped from within a listener; set a flag and stop it from another "
          "thread");
    CHECK(program.ssc.getState() == ContextState::ACTIVE);
    program.ssc.stop();
}

} // namespace rivulet::test::lifecycle_test
