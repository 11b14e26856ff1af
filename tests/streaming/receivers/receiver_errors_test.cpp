#include "support/captured_output.h"
#include "support/receiver_programs.h"

namespace rivulet::test::receiver_errors_test {

// What becomes of receivers that fail, and who is told.

using namespace std::chrono_literals;

using Longs = std::vector<long>;
using Events = std::vector<std::string>;

namespace {

/// Writes down what it is told of receivers.
struct ReceiverLog : StreamingListener {
    void onReceiverStarted(const ReceiverInfo& info) override { add("started", info); }
    void onReceiverError(const ReceiverInfo& info) override {
        add("error: " + info.lastErrorMessage, info);
        errors.push_back(info.lastError);
    }
    void onReceiverStopped(const ReceiverInfo& info) override { add("stopped", info); }
    void add(const std::string& what, const ReceiverInfo& info) {
        events.push_back(std::to_string(info.streamId) + " " + what);
        active.push_back(info.active);
        names.push_back(info.name);
    }
    Events events;
    std::vector<bool> active;
    Events names;
    std::vector<std::exception_ptr> errors;
};

} // namespace

TEST_CASE("listeners hear that a receiver starts, has an error, and stops", "[A130]") {
    TestStreamingContext ssc(1s);
    const auto log = std::make_shared<ReceiverLog>();
    ssc.addStreamingListener(log);
    collectBatches(ssc.receiverStream(LambdaReceiver([](auto& store, const auto&) {
        try {
            throw std::runtime_error("the plug is out");
        } catch (...) {
            store.reportError("no power");
        }
    })));
    CHECK(runUntil(ssc, [&] { return log->events.size() >= 3; }));
    ssc.stop();
    CHECK(log->events == Events{"0 started", "0 error: no power", "0 stopped"});
    CHECK(log->active == std::vector<bool>{true, true, false});
    CHECK(log->names == Events(3, "Receiver stream [0]"));
    REQUIRE(log->errors.size() == 1);
    CHECK(errorText<std::runtime_error>([&] { std::rethrow_exception(log->errors[0]); }) == "the plug is out");
}

TEST_CASE("a receiver that has returned is not started again", "[A97]") {
    TestStreamingContext ssc(1s);
    const auto log = std::make_shared<ReceiverLog>();
    ssc.addStreamingListener(log);
    std::atomic<int> runs = 0;
    collectBatches(ssc.receiverStream(LambdaReceiver([&](auto&, const auto&) { ++runs; })));
    CHECK(runUntil(ssc, [&] { return log->events.size() >= 2; }));
    ssc.advanceBatch(100);
    ssc.stop();
    CHECK(runs == 1);
    CHECK(log->events == Events{"0 started", "0 stopped"});
}

TEST_CASE("a receiver that throws is started again after a pause that doubles", "[A97]") {
    const CapturedOutput output(stderr);
    TestStreamingContext ssc(serialConf()
                                 .set("rivulet.streaming.receiverRestartDelay", "10s")
                                 .set("rivulet.streaming.receiverMaxRestartDelay", "20s"),
                             1s);
    const auto log = std::make_shared<ReceiverLog>();
    ssc.addStreamingListener(log);
    std::atomic<int> runs = 0;
    const auto seen = collectBatches(ssc.receiverStream(LambdaReceiver([&](auto& store, const auto&) {
        ++runs;
        if (runs == 1) throw std::runtime_error("first");
        if (runs == 2) throw 7;
        if (runs == 3) store.restart("once more");
        store(4);
    })));
    ssc.advanceBatch();
    REQUIRE(runUntilTold(ssc, *log, 2));
    CHECK(runs == 1);
    const Time failed = ssc.clock().now();
    REQUIRE(runUntil(ssc, [&] { return runs == 2; }));
    CHECK(ssc.clock().now() - failed >= 4s);
    REQUIRE(runUntil(ssc, [&] { return totalSize(seen) == 1; }));
    ssc.stop();
    CHECK(log->events == Events{"0 started", "0 error: first", "0 started", "0 error: an exception of type int",
                                "0 started", "0 error: once more", "0 started", "0 stopped"});
    CHECK_THAT(output.text(), Catch::Matchers::ContainsSubstring(
                                  "Receiver stream [0]: the receiver failed: first; starting it again in "));
}

TEST_CASE("a receiver in its pause is stopped at once", "[A97]") {
    const CapturedOutput output(stderr);
    TestStreamingContext ssc(serialConf().set("rivulet.streaming.receiverRestartDelay", "1h"), 1s);
    std::atomic<int> runs = 0;
    collectBatches(ssc.receiverStream(LambdaReceiver([&](auto&, const auto&) {
        ++runs;
        throw std::runtime_error("no");
    })));
    ssc.advanceBatch();
    REQUIRE(eventually([&] { return runs == 1; }));
    ssc.stop(true, true);
    CHECK(runs == 1);
}

TEST_CASE("a size that cannot be told fails the receiver, not the batch", "[A95]") {
    struct Failing : Receiver<long> {
        void run(Store& store, std::stop_token) override { store(std::vector<long>{1, 2, 3}); }
        std::size_t sizeBytes(const long& x) const override {
            if (x == 2) throw std::runtime_error("two has no size");
            return 8;
        }
    };
    const CapturedOutput output(stderr);
    TestStreamingContext ssc(1s);
    const auto log = std::make_shared<ReceiverLog>();
    ssc.addStreamingListener(log);
    const auto seen = collectBatches(ssc.receiverStream(Failing()));
    ssc.advanceBatch();
    REQUIRE(runUntilTold(ssc, *log, 2));
    ssc.stop();
    CHECK(log->events[1] == "0 error: two has no size");
    CHECK(totalSize(seen) == 0);
}

TEST_CASE("a block is acknowledged when the batch that has it succeeded") {
    const CapturedOutput output(stderr);
    TestStreamingContext ssc(1s);
    std::atomic<int> stored = 0;
    Longs acknowledged;
    bool fail = false;
    ssc.receiverStream(LambdaReceiver([&](auto& store, const auto& stop) {
           store(Longs{1, 2}, [&] { acknowledged.push_back(1); });
           store(Longs{}, [&] { throw std::runtime_error("nobody listens"); });
           store(Longs{3}, [&] { acknowledged.push_back(3); });
           stored = 1;
           eventually([&] { return stored == 2 || stop.stop_requested(); });
           store(Longs{4}, [&] { acknowledged.push_back(4); });
           stored = 3;
       }))
        .foreachRDD([&](const RDD<long>&) {
            if (fail) throw std::runtime_error("failed");
        });
    ssc.clock().advance(0s);
    ssc.core()->start(false, std::source_location::current());
    REQUIRE(eventually([&] { return stored == 1; }));
    CHECK(acknowledged.empty());
    ssc.advanceBatch();
    CHECK(acknowledged == Longs{1, 3});
    CHECK_THAT(output.text(), Catch::Matchers::ContainsSubstring("nobody listens"));
    stored = 2;
    REQUIRE(eventually([&] { return stored == 3; }));
    fail = true;
    CHECK_THROWS_AS(ssc.advanceBatch(), JobError);
    CHECK(acknowledged == Longs{1, 3});
    ssc.stop();
}

TEST_CASE("inputs of every kind are counted in the order of creation", "[A88]") {
    TestStreamingContext ssc(1s);
    const auto nothing = [] { return LambdaReceiver([](auto&, const auto&) {}); };
    ssc.queueStream<int>();
    ssc.receiverStream(nothing());
    ssc.queueStream<long>();
    ssc.receiverStream(nothing());
    ssc.queueStream<int>();
    std::vector<std::string> names;
    std::vector<int> receivers;
    for (const InputInfo& input : ssc.inputs()) {
        names.push_back(input.name);
        CHECK(input.id == int(names.size()) - 1);
        if (input.isReceiver) receivers.push_back(input.id);
    }
    CHECK(names == Events{"Queue stream [0]", "Receiver stream [1]", "Queue stream [2]", "Receiver stream [3]",
                          "Queue stream [4]"});
    CHECK(receivers == std::vector<int>{1, 3});
}

} // namespace rivulet::test::receiver_errors_test
