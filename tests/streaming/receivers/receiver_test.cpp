#include "support/captured_output.h"
#include "support/receiver_programs.h"

namespace rivulet::test::receiver_test {

// Receivers of the program's own: what they store, how they wait, how they end.

using namespace std::chrono_literals;

using Longs = std::vector<long>;

namespace {

/// Counts from 0 until it is told to stop.
class CounterReceiver : public Receiver<long> {
    void run(Store& store, std::stop_token stop) override {
        for (long n = 0; !stop.stop_requested(); ++n) store(n);
    }
};

} // namespace

TEST_CASE("the receiver that the documentation shows") {
    TestStreamingContext ssc(smallBuffers(), 1s);
    auto numbers = ssc.receiverStream(CounterReceiver());
    auto seen = collectBatches(numbers);
    CHECK(runUntil(ssc, [&] { return totalSize(seen) >= 10'000; }));
    ssc.stop(true, true);
    CHECK(isCountedUp(flattened(seen)));
    CHECK(ssc.droppedRecords() == 0);
}

TEST_CASE("a receiver is given by value, by shared and by unique pointer") {
    TestStreamingContext ssc(1s);
    const auto stored = [](long x) { return LambdaReceiver([x](auto& store, const auto&) { store(x); }); };
    auto all = ssc.unionAll(std::vector<DStream<long>>{
        ssc.receiverStream(stored(1)), ssc.receiverStream(std::make_shared<LambdaReceiver>(stored(2))),
        ssc.receiverStream(std::make_unique<LambdaReceiver>(stored(3))),
        ssc.receiverStream(std::shared_ptr<Receiver<long>>(std::make_shared<LambdaReceiver>(stored(4))))});
    const auto seen = collectBatches(all);
    CHECK(runUntil(ssc, [&] { return totalSize(seen) >= 4; }));
    CHECK(sorted(flattened(seen)) == Longs{1, 2, 3, 4});
}

TEST_CASE("a receiver that is no receiver is refused") {
    TestStreamingContext ssc(1s);
    CHECK(errorText<UsageError>([&] { ssc.receiverStream(std::shared_ptr<CounterReceiver>()); }) ==
          "receiverStream: the pointer is null; give it a receiver, by value or by a pointer that owns one");
    collectBatches(ssc.receiverStream(CounterReceiver()));
    ssc.advanceBatch();
    CHECK(errorText<UsageError>([&] { ssc.receiverStream(CounterReceiver()); }) ==
          "receiverStream: streams and outputs cannot be added after the StreamingContext was started; declare them "
          "before start()");
}

TEST_CASE("many threads store into one receiver, and nothing is lost", "[A89][A91]") {
    TestStreamingContext ssc(1s, "local[2]");
    const auto counts = collectBatches(ssc.receiverStream(LambdaReceiver([](auto& store, const auto&) {
                                              std::vector<std::jthread> threads;
                                              for (int t = 0; t < 10; ++t)
                                                  threads.emplace_back([&store] {
                                                      for (long n = 0; n < 1000; ++n) store(n);
                                                  });
                                          }))
                                           .count());
    long sum = 0;
    CHECK(runUntil(ssc, [&] {
        sum = 0;
        for (const long n : flattened(counts)) sum += n;
        return sum >= 10'000;
    }));
    CHECK(sum == 10'000);
}

TEST_CASE("a block that is stored as one is never split", "[A94]") {
    TestStreamingContext ssc(serialConf("local[4]"), 1s);
    const auto parts = collectBatches(ssc.receiverStream(LambdaReceiver([](auto& store, const auto&) {
                                             for (long b = 0; b < 5; ++b) store(Longs(100'000, b));
                                         }))
                                          .mapPartitions([](PartitionElements<long> elements) {
                                              std::map<long, long> count;
                                              for (const long x : elements) ++count[x];
                                              return std::vector<std::pair<long, long>>(count.begin(), count.end());
                                          }));
    CHECK(runUntil(ssc, [&] { return totalSize(parts) >= 5; }));
    std::vector<std::pair<long, long>> expected;
    for (long b = 0; b < 5; ++b) expected.emplace_back(b, 100'000);
    CHECK(sorted(flattened(parts)) == expected);
}

TEST_CASE("a batch without data is empty", "[A80]") {
    TestStreamingContext ssc(1s);
    const auto seen = collectBatches(ssc.receiverStream(LambdaReceiver([](auto&, const auto&) {})));
    ssc.advanceBatch(2);
    CHECK(seen.all() == std::vector<Longs>{{}, {}});
}

TEST_CASE("what was received over several block intervals has several partitions") {
    TestStreamingContext ssc(serialConf("local[4]"), 1s);
    std::atomic<long> may = 0;
    std::atomic<int> partitions = 0;
    auto stream = ssc.receiverStream(LambdaReceiver([&](auto& store, const auto& stop) {
        for (long n = 0; n < 8 && !stop.stop_requested(); ++n) {
            eventually([&] { return may > n || stop.stop_requested(); });
            store(n);
            may = -n - 1;
        }
    }));
    stream.foreachRDD([&](const RDD<long>& rdd) {
        if (!rdd.isEmpty()) partitions = rdd.getNumPartitions();
    });
    ssc.advanceBatch();
    for (long n = 0; n < 8; ++n) {
        may = n + 1;
        REQUIRE(eventually([&] { return may == -n - 1; }));
        ssc.clock().advance(100ms);
    }
    ssc.advanceBatch();
    CHECK(partitions == 4);
}

TEST_CASE("a graceful stop waits for a slow receiver, and processes all that it stored", "[A73]") {
    Standing program;
    std::atomic<bool> stopped = false;
    const auto seen = collectBatches(program.ssc.receiverStream(LambdaReceiver([&](auto& store, const auto& stop) {
        eventually([&] { return stop.stop_requested(); });
        stopped = true;
        for (long n = 0; n < 15; ++n)
            if (store(n)) stopped = false;
    })));
    program.ssc.start();
    program.ssc.stop(true, true);
    CHECK(stopped);
    CHECK(isCountedUp(flattened(seen)));
    CHECK(totalSize(seen) == 15);
    CHECK(program.ssc.droppedRecords() == 0);
}

TEST_CASE("a thousand elements that no batch has taken yet are processed by a graceful stop", "[A92]") {
    Standing program;
    std::atomic<bool> stored = false;
    const auto seen = collectBatches(program.ssc.receiverStream(LambdaReceiver([&](auto& store, const auto&) {
        for (long n = 0; n < 1000; ++n) store(n);
        stored = true;
    })));
    program.ssc.start();
    REQUIRE(eventually([&] { return stored.load(); }));
    const bool graceful = GENERATE(true, false);
    program.ssc.stop(true, graceful);
    CHECK(totalSize(seen) == (graceful ? 1000u : 0u));
    CHECK(program.ssc.droppedRecords() == (graceful ? 0 : 1000));
}

TEST_CASE("a receiver that waits for room is freed by a stop, and loses nothing") {
    Standing program(smallBuffers());
    std::atomic<long> given = 0;
    const auto seen = collectBatches(program.ssc.receiverStream(LambdaReceiver([&](auto& store, const auto&) {
        for (long n = 0;; ++n) {
            ++given;
            if (!store(n)) break;
        }
    })));
    program.ssc.start();
    REQUIRE(eventually([&] { return receivedMemory(program.sc).bytes >= kSmallBuffer; }));
    program.ssc.stop(true, true);
    CHECK(totalSize(seen) == std::size_t(given.load()));
    CHECK(program.ssc.droppedRecords() == 0);
}

TEST_CASE("a receiver that ignores a stop fills no memory, and what it gave is counted") {
    Standing program(smallBuffers());
    const auto seen = collectBatches(program.ssc.receiverStream(LambdaReceiver([&](auto& store, const auto& stop) {
        eventually([&] { return stop.stop_requested(); });
        for (long n = 0; n < 1'000'000; ++n) store(Longs{n});
    })));
    program.ssc.start();
    program.ssc.stop(true, true);
    CHECK(totalSize(seen) < 1'000'000);
    CHECK(long(totalSize(seen)) + program.ssc.droppedRecords() == 1'000'000);
    CHECK(receivedMemory(program.sc).peakBytes <= 5 * kSmallBuffer);
}

TEST_CASE("a receiver that offers ten times what is computed holds no more than its buffer") {
    TestStreamingContext ssc(smallBuffers(), 1s);
    const auto counts = collectBatches(ssc.receiverStream(CounterReceiver()).count());
    ssc.advanceBatch();
    for (int batch = 0; batch < 500; ++batch) {
        REQUIRE(eventually(
            [&] { return receivedMemory(ssc.context()).bytes >= kSmallBuffer; })); // it offers more than is taken
        ssc.advanceBatch();
    }
    CHECK(receivedMemory(ssc.context()).peakBytes <=
          5 * kSmallBuffer); // what waits, and the batches that are remembered
    ssc.stop(true, true);
}

TEST_CASE("elements tell how large they are, and may be told") {
    struct Opaque {
        std::shared_ptr<int> hidden;
    };
    struct Sized : Receiver<Opaque> {
        void run(Store& store, std::stop_token) override {
            for (int i = 0; i < 10; ++i) store(Opaque());
        }
        std::size_t sizeBytes(const Opaque&) const override { return 1000; }
    };
    using Nested = std::pair<std::string, std::vector<std::string>>;
    struct Strings : Receiver<Nested> {
        void run(Store& store, std::stop_token) override {
            store(Nested(std::string(1000, 'x'), {std::string(500, 'y'), "short"}));
        }
    };
    Standing program;
    const auto seen = collectBatches(program.ssc.receiverStream(Sized()).count());
    program.ssc.receiverStream(Strings()).foreachRDD([](const RDD<Nested>&) {});
    CHECK(Strings().sizeBytes(Nested(std::string(1000, 'x'), {std::string(500, 'y'), "short"})) >=
          sizeof(Nested) + 1500 + 2 * sizeof(std::string));
    CHECK(Sized().sizeBytes({}) == 1000);
    program.ssc.start();
    program.ssc.stop(true, true);
    CHECK(receivedMemory(program.sc).peakBytes >= 10'000);
}

} // namespace rivulet::test::receiver_test
