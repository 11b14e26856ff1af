#include "support/stream_harness.h"

namespace rivulet::test::usage_errors_test {

// Every usage error of the streaming module has its text here.

using namespace std::chrono_literals;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

template <class Call> std::string usage(const Call& call) { return errorText<UsageError>(call); }

} // namespace

TEST_CASE("a usage error has the place of the call", "[A22]") {
    TestStreamingContext ssc(1s);
    const auto input = ssc.queueStream<int>();
    const auto line = std::uint_least32_t(__LINE__ + 2);
    try {
        input.window(1500ms);
        FAIL("window must throw");
    } catch (const UsageError& error) {
        CHECK(error.where().line() == line);
        CHECK_THAT(error.what(), EndsWith(" [at usage_errors_test.cpp:" + std::to_string(line) + "]"));
    }
}

TEST_CASE("batch durations are positive") {
    const Context sc(serialConf());
    CHECK(usage([&] { StreamingContext(sc, 0s); }) ==
          "StreamingContext: the batch duration (0ms) must be positive, for example 1s");
    CHECK(usage([&] { StreamingContext(sc, -1s); }) ==
          "StreamingContext: the batch duration (-1s) must be positive, for example 1s");
}

TEST_CASE("windows and slides are multiples of their stream's slide") {
    TestStreamingContext ssc(2s);
    const auto input = ssc.queueStream<int>();
    const auto rule = [](std::string what, std::string unit, std::string example) {
        return "window: the " + what + " must be a positive multiple of the slide of the stream it is applied to (" +
               unit + "); use for example " + example;
    };
    CHECK(usage([&] { input.window(5s); }) == rule("window (5s)", "2s", "4s"));
    CHECK(usage([&] { input.window(1s); }) == rule("window (1s)", "2s", "2s"));
    CHECK(usage([&] { input.window(0s); }) == rule("window (0ms)", "2s", "2s"));
    CHECK(usage([&] { input.window(-2s); }) == rule("window (-2s)", "2s", "2s"));
    CHECK(usage([&] { input.window(4s, 3s); }) == rule("slide (3s)", "2s", "2s"));
    CHECK(usage([&] { input.window(4s, -2s); }) == rule("slide (-2s)", "2s", "2s"));
    CHECK(usage([&] { input.window(4s, 4s).window(6s); }) == rule("window (6s)", "4s", "4s"));
    CHECK(usage([&] { input.window(4s, 4s).window(8s, 2s); }) == rule("slide (2s)", "4s", "4s"));
}

TEST_CASE("windows that reduce by key name themselves") {
    TestStreamingContext ssc(2s);
    const auto pairs = ssc.queueStream<int>().map(withOne);
    const std::string rule = " must be a positive multiple of the slide of the stream it is applied to (2s); use for "
                             "example ";
    CHECK(usage([&] { pairs.reduceByKeyAndWindow(std::plus<>(), 5s); }) ==
          "reduceByKeyAndWindow: the window (5s)" + rule + "4s");
    CHECK(usage([&] { pairs.reduceByKeyAndWindow(std::plus<>(), std::minus<>(), 4s, 3s); }) ==
          "reduceByKeyAndWindow: the slide (3s)" + rule + "2s");
}

TEST_CASE("streams that are combined have the same slide", "[A22]") {
    TestStreamingContext ssc(1s);
    const auto fast = ssc.queueStream<int>();
    const auto slow = ssc.queueStream<int>().window(4s, 2s);
    const auto text = [](const std::string& operation, const std::string& slides) {
        return operation + ": the two streams have different slides (" + slides +
               "); give both the same, with window(length, slide) for example";
    };
    CHECK(usage([&] { fast.unionWith(slow); }) == text("union", "1s and 2s"));
    CHECK(usage([&] { slow.unionWith(fast); }) == text("union", "2s and 1s"));
    CHECK(usage([&] { ssc.unionAll<int>({fast, fast, slow}); }) == text("union", "1s and 2s"));
    CHECK(usage([&] { fast.map(withOne).join(slow.map(withOne)); }) == text("join", "1s and 2s"));
    CHECK(usage([&] { fast.transformWith(slow, [](const RDD<int>& a, const RDD<int>&) { return a; }); }) ==
          text("transformWith", "1s and 2s"));
    CHECK(usage([&] { ssc.transform<int>({fast, slow}, [](const std::vector<RDD<int>>& all) { return all[0]; }); }) ==
          text("transform", "1s and 2s"));
    CHECK(usage([&] { fast.map(withOne).leftOuterJoin(slow.map(withOne)); }) == text("leftOuterJoin", "1s and 2s"));
    CHECK(usage([&] { fast.map(withOne).cogroup(slow.map(withOne)); }) == text("cogroup", "1s and 2s"));
}

TEST_CASE("streams that are combined belong to the same context", "[A22]") {
    TestStreamingContext one(1s), two(1s);
    const auto a = one.queueStream<int>();
    const auto b = two.queueStream<int>();
    const std::string text = ": the two streams belong to different StreamingContexts; make both with the same one";
    CHECK(usage([&] { a.unionWith(b); }) == "union" + text);
    CHECK(usage([&] { one.unionAll<int>({a, b}); }) == "union" + text);
    CHECK(usage([&] { a.map(withOne).join(b.map(withOne)); }) == "join" + text);
    CHECK(usage([&] { a.transformWith(b, [](const RDD<int>& x, const RDD<int>&) { return x; }); }) ==
          "transformWith" + text);
}

TEST_CASE("a union has at least one stream", "[A22]") {
    TestStreamingContext ssc(1s);
    CHECK(usage([&] { ssc.unionAll<int>({}); }) == "unionAll: no streams were given; it needs at least one");
    CHECK(usage([&] {
              ssc.transform(std::vector<DStream<int>>(), [](const std::vector<RDD<int>>& all) { return all[0]; });
          }) == "transform: no streams were given; it needs at least one");
}

TEST_CASE("numbers of partitions are positive") {
    TestStreamingContext ssc(1s);
    const auto input = ssc.queueStream<int>();
    CHECK(usage([&] { input.repartition(0); }) != "no error");
    CHECK(usage([&] { input.map(withOne).reduceByKey(std::plus<>(), 0); }) != "no error");
    CHECK(usage([&] { input.map(withOne).groupByKey(-1); }) != "no error");
}

TEST_CASE("a context without an output does not start", "[A62]") {
    TestStreamingContext ssc(1s);
    ssc.queueStream<int>().map(withOne);
    CHECK(usage([&] { ssc.start(); }) == "start: no output operations registered, so nothing to execute; call print, "
                                         "foreachRDD or saveAsTextFiles on a stream");
    CHECK(ssc.getState() == StreamingContextState::INITIALIZED);
}

TEST_CASE("one context is active at a time, others may exist", "[A64]") {
    TestStreamingContext first(1s), second(1s);
    collectBatches(first.queueStream<int>());
    collectBatches(second.queueStream<int>());
    const int line = __LINE__ + 1;
    first.advanceBatch();
    CHECK(usage([&] { second.start(); }) ==
          "start: another StreamingContext is active in this process (started at start at usage_errors_test.cpp:" +
              std::to_string(line) + "); stop it first");
    first.stop();
    second.advanceBatch();
}

TEST_CASE("a stopped context does not start again", "[A62]") {
    TestStreamingContext ssc(1s);
    collectBatches(ssc.queueStream<int>());
    ssc.advanceBatch();
    ssc.stop(false);
    CHECK(usage([&] { ssc.start(); }) ==
          "start: this StreamingContext was stopped and cannot be started again; make a new one");
    CHECK(usage([&] { ssc.advanceBatch(); }) == "advanceBatch: this StreamingContext was stopped");
}

TEST_CASE("a context whose engine is stopped does not start", "[A62]") {
    TestStreamingContext ssc(1s);
    collectBatches(ssc.queueStream<int>());
    ssc.context().stop();
    CHECK(usage([&] { ssc.start(); }) == "this Context was stopped: make a new one for further jobs");
}

TEST_CASE("remember is called once, with a positive duration") {
    TestStreamingContext ssc(1s);
    CHECK(usage([&] { ssc.remember(0s); }) == "remember: the duration (0ms) must be positive");
    ssc.remember(10s);
    CHECK(usage([&] { ssc.remember(20s); }) == "remember: the duration is set already (10s); it can be set once");
}

TEST_CASE("nothing is declared after the start or the stop", "[A65]") {
    TestStreamingContext ssc(1s);
    const auto input = ssc.queueStream<int>();
    const auto pairs = input.map(withOne);
    collectBatches(input);
    ssc.advanceBatch();
    std::string state = "started";
    SECTION("after the start") {}
    SECTION("after the stop") {
        ssc.stop();
        state = "stopped";
    }
    const auto refused = [&](const char* operation, const auto& call) {
        INFO(operation);
        CHECK(usage(call) == std::string(operation) +
                                 ": streams and outputs cannot be added after the StreamingContext was " + state +
                                 "; declare them before start()");
    };
    const auto same = [](int x) { return x; };
    refused("queueStream", [&] { ssc.queueStream<int>(); });
    refused("map", [&] { input.map(same); });
    refused("flatMap", [&] { input.flatMap([](int x) { return std::vector{x}; }); });
    refused("filter", [&] { input.filter([](int) { return true; }); });
    refused("keyBy", [&] { input.keyBy(same); });
    refused("keys", [&] { pairs.keys(); });
    refused("values", [&] { pairs.values(); });
    refused("mapValues", [&] { pairs.mapValues([](long x) { return x; }); });
    refused("mapPartitions", [&] { input.mapPartitions([](const auto&) { return std::vector<int>(); }); });
    refused("glom", [&] { input.glom(); });
    refused("flatMapValues", [&] { pairs.flatMapValues([](long x) { return std::vector{x}; }); });
    refused("persist", [&] { static_cast<void>(input.cache()); });
    refused("transform",
            [&] { ssc.transform<int>({input}, [](const std::vector<RDD<int>>& rdds) { return rdds[0]; }); });
    refused("repartition", [&] { input.repartition(2); });
    refused("count", [&] { input.count(); });
    refused("window", [&] { input.window(2s); });
    refused("remember", [&] { ssc.remember(2s); });
    refused("union", [&] { input.unionWith(input); });
    refused("transform", [&] { input.transform([](const RDD<int>& rdd) { return rdd; }); });
    refused("foreachRDD", [&] { input.foreachRDD([](const RDD<int>&) {}); });
    refused("print", [&] { input.print(); });
    refused("saveAsTextFiles", [&] { input.saveAsTextFiles("out"); });
}

TEST_CASE("keyed operations are not declared after the start either", "[A65]") {
    TestStreamingContext ssc(1s);
    const auto pairs = ssc.queueStream<int>().map(withOne).erased();
    collectBatches(pairs);
    ssc.advanceBatch();
    const auto refused = [&](const char* operation, const auto& call) {
        INFO(operation);
        CHECK_THAT(usage(call), StartsWith(operation + std::string(": streams and outputs cannot be added after the "
                                                                   "StreamingContext was started")));
    };
    refused("reduceByKey", [&] { pairs.reduceByKey(std::plus<>()); });
    refused("reduceByKeyAndWindow", [&] { pairs.reduceByKeyAndWindow(std::plus<>(), 2s); });
    refused("join", [&] { pairs.join(pairs); });
    refused("leftOuterJoin", [&] { pairs.leftOuterJoin(pairs); });
    refused("rightOuterJoin", [&] { pairs.rightOuterJoin(pairs); });
    refused("fullOuterJoin", [&] { pairs.fullOuterJoin(pairs); });
    refused("cogroup", [&] { pairs.cogroup(pairs); });
    refused("combineByKey", [&] { pairs.combineByKey([](long x) { return x; }, std::plus<>(), std::plus<>()); });
    refused("updateStateByKey",
            [&] { pairs.updateStateByKey([](std::span<const long>, std::optional<long> s) { return s; }); });
}

TEST_CASE("a stream joins with RDDs of its own Context") {
    TestStreamingContext ssc(1s);
    const Context other("local", "other");
    const auto table = other.parallelize({std::pair(1, 1L)}, 1);
    const auto pairs = ssc.queueStream<int>().map(withOne);
    CHECK(usage([&] { pairs.join(table); }) ==
          "join: the RDD belongs to another Context than the stream; make it with the stream's");
    CHECK(usage([&] { pairs.fullOuterJoin(table); }) ==
          "fullOuterJoin: the RDD belongs to another Context than the stream; make it with the stream's");
}

TEST_CASE("a stream that has outlived its context says so") {
    auto ssc = std::make_unique<TestStreamingContext>(1s);
    const int line = __LINE__ + 1;
    const auto queue = ssc->queueStream<int>();
    const auto chain = queue.map([](int x) { return x; });
    ssc.reset();
    const std::string text = "this stream (queueStream at usage_errors_test.cpp:" + std::to_string(line) +
                             ") has outlived its StreamingContext: keep the context alive as long as its streams are "
                             "used";
    CHECK(usage([&] { queue.map([](int x) { return x; }); }) == text);
    CHECK(usage([&] { chain.print(); }) == text);
    CHECK(usage([&] { queue.pushOne(1); }) == text);
}

TEST_CASE("a handle to nothing says so") {
    const DStream<int> nothing;
    const std::string text =
        "this DStream is a handle to nothing: assign it a stream of a StreamingContext before it is used";
    CHECK(usage([&] { nothing.print(); }) == text);
    CHECK(usage([&] { nothing.slideDuration(); }) == text);
    CHECK(usage([&] { nothing.map([](int x) { return x; }); }) == text);
}

} // namespace rivulet::test::usage_errors_test
