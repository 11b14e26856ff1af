#include "support/receiver_programs.h"
#include "support/temporary_directory.h"

namespace rivulet::test::received_test {

// What becomes of what was received when the process ends.

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

using Longs = std::vector<long>;

namespace {

struct SeenBatch {
    Time time;
    Longs numbers;
    bool operator==(const SeenBatch&) const = default;
};

/// A process: its receiver stores one block whenever the test lets it, and a state sums them.
class Process {
  public:
    using Blocks = std::vector<Longs>;

    Process(const std::string& directory, Blocks blocks, Conf conf = serialConf(), CheckpointOptions options = {})
        : ssc(conf, 1s),
          blocks_(std::move(blocks)) {
        ssc.checkpoint(directory, options);
        auto numbers = ssc.receiverStream(LambdaReceiver([this](auto& store, const auto& stop) {
            for (const Longs& block : blocks_) {
                eventually([&] { return allowed_ > stored_ || stop.stop_requested(); });
                if (stop.stop_requested()) return;
                store(block);
                ++stored_;
            }
        }));
        numbers.uid("numbers").foreachRDD([this](const RDD<long>& rdd, Time time) {
            if (auto batch = rdd.collect(); !batch.empty()) seen.push_back({time, batch});
            if (duringBatch) std::exchange(duringBatch, nullptr)();
            if (dies) throw std::runtime_error("died");
        });
        numbers.map([](long x) { return std::pair(0, x); })
            .updateStateByKey(
                [](std::span<const long> arrived, std::optional<long> sum) {
                    return std::optional(std::accumulate(arrived.begin(), arrived.end(), sum.value_or(0)));
                },
                2)
            .uid("sum")
            .values()
            .foreachRDD([this](const RDD<long>& rdd) { total = rdd.fold(0L, std::plus<>()); });
    }
    /// The next so many blocks are stored, and it is said that they are.
    void store(int blocks) {
        allowed_ += blocks;
        REQUIRE(eventually([&] { return stored_ == allowed_; }));
    }
    void run() { ssc.advanceBatch(); }
    void runUntilTotal(long wanted) {
        CHECK(runUntil(ssc, [&] { return total == wanted; }));
    }

    TestStreamingContext ssc;
    std::vector<SeenBatch> seen; // those that had something
    long total = 0;
    bool dies = false;
    std::function<void()> duringBatch; // of the next one

  private:
    const Blocks blocks_;
    std::atomic<int> allowed_ = 0, stored_ = 0;
};

Conf notAhead() { return serialConf().set("rivulet.streaming.receiver.writeAheadLog.enable", false); }

} // namespace

TEST_CASE("What was received and is in no finished batch comes again, in its order and in its batch") {
    const TemporaryDirectory directory;
    {
        Process process(directory / "c", {{1, 2}, {3}, {4}, {5}, {6, 7}});
        process.run();
        process.store(2);
        process.run();
        CHECK(process.seen == std::vector<SeenBatch>{{Time(2s), {1, 2, 3}}});
        process.store(1);
        process.dies = true;
        CHECK_THROWS_WITH(process.run(), ContainsSubstring("died"));
        CHECK(process.seen.back() == SeenBatch{Time(3s), {4}});
        CHECK(process.ssc.droppedRecords() == 1); // as far as this process knows
    }
    {
        Process process(directory / "c", {{8}});
        process.run();
        REQUIRE_FALSE(process.seen.empty());
        CHECK(process.seen.front() == SeenBatch{Time(3s), {4}});
        process.runUntilTotal(10);
        process.store(1);
        process.runUntilTotal(18);
    }
    Process process(directory / "c", {});
    process.run();
    CHECK(process.total == 18);
    CHECK(process.seen.empty());
}

TEST_CASE("Blocks that come while a batch is run are of the next one, also of the next process") {
    const TemporaryDirectory directory;
    {
        Process process(directory / "c", {{1}, {2}, {4}, {8}});
        process.run();
        process.store(1);
        process.duringBatch = [&] { process.store(3); };
        process.run();
        CHECK(process.seen == std::vector<SeenBatch>{{Time(2s), {1}}});
        process.ssc.stop(true, false);
    }
    Process process(directory / "c", {});
    process.runUntilTotal(15);
    CHECK(process.seen == std::vector<SeenBatch>{{Time(3s), {2, 4, 8}}});
}

TEST_CASE("What waits when the process ends is not lost") {
    const TemporaryDirectory directory;
    {
        Process process(directory / "c", {{1}, {2}, {3, 4}});
        process.run();
        process.store(3);
        process.ssc.stop(true, false);
        CHECK(process.seen.empty());
        CHECK(process.ssc.droppedRecords() == 0); // they are stored
    }
    {
        Process process(directory / "c", {});
        process.run();
        CHECK(process.seen == std::vector<SeenBatch>{{Time(2s), {1, 2, 3, 4}}});
        CHECK(process.total == 10);
    }
    Process process(directory / "c", {});
    process.run();
    CHECK(process.total == 10);
}

TEST_CASE("A graceful stop processes what was received") {
    const TemporaryDirectory directory;
    Process process(directory / "c", {{1}, {2}});
    process.run();
    process.store(2);
    process.ssc.stop(true, true);
    CHECK(process.total == 3);
}

TEST_CASE("Receivers that do not write ahead lose what waits, and go on") {
    const TemporaryDirectory directory;
    {
        Process process(directory / "c", {{1}, {2}, {4}}, notAhead());
        process.run();
        process.store(1);
        process.runUntilTotal(1);
        process.store(1);
        process.ssc.stop(true, false);
        CHECK(process.ssc.droppedRecords() == 1);
    }
    Process process(directory / "c", {{8}}, notAhead());
    process.run();
    process.store(1);
    process.runUntilTotal(9);
}

TEST_CASE("A program may begin to write ahead, and cease to") {
    const TemporaryDirectory directory;
    long total = 0, next = 1;
    for (const bool ahead : {false, true, false, true, true}) {
        Process process(directory / "c", {{next}, {10 * next}}, ahead ? serialConf() : notAhead());
        process.run();
        process.store(1);
        total += next;
        process.runUntilTotal(total);
        process.store(1);
        process.ssc.stop(true, false);
        if (ahead) total += 10 * next; // the next process has it, however it is set
        next *= 100;
    }
    Process process(directory / "c", {});
    process.run();
    CHECK(process.total == total);
}

TEST_CASE("What was received goes with its source") {
    const TemporaryDirectory directory;
    {
        Process process(directory / "c", {{1}, {2}});
        process.run();
        process.store(2);
        process.ssc.stop(true, false);
    }
    {
        TestStreamingContext ssc(1s);
        ssc.checkpoint(directory / "c", {.dropState = {"numbers", "sum"}});
        collectBatches(ssc.rateStream(1000, [](std::uint64_t n) { return long(n); }).uid("rate"));
        ssc.advanceBatch();
    }
    Process process(directory / "c", {}, serialConf(), {.dropState = {"rate"}});
    process.run();
    CHECK(process.total == 0);
}

TEST_CASE("Elements that trickle are in the batch at whose time they were there, and written") {
    const TemporaryDirectory directory;
    std::atomic<int> wanted = 0, stored = 0;
    const auto build = [&](const StreamingContext& ssc) {
        ssc.checkpoint(directory / "c");
        return collectBatches(ssc.receiverStream(LambdaReceiver([&](auto& store, const auto& stop) {
                                     while (!stop.stop_requested())
                                         if (stored < wanted) store(long(++stored));
                                 }))
                                  .uid("numbers"));
    };
    {
        TestStreamingContext ssc(1s);
        const auto seen = build(ssc);
        ssc.advanceBatch();
        for (int batch = 1; batch <= 3; ++batch) {
            wanted += 2;
            REQUIRE(eventually([&] { return stored == wanted; }));
            ssc.advanceBatch(2); // the second element may be on its way from `stored`
            REQUIRE(totalSize(seen) == std::size_t(wanted));
        }
        CHECK(isCountedUp([&] {
            auto all = flattened(seen);
            for (long& x : all) --x;
            return all;
        }()));
        ssc.stop(true, false);
    }
    TestStreamingContext ssc(1s);
    const auto seen = build(ssc);
    ssc.advanceBatch();
    CHECK(totalSize(seen) == 0);
}

TEST_CASE("A block may be acknowledged when it is written, without waiting for it") {
    const TemporaryDirectory directory;
    const bool durable = GENERATE(false, true);
    std::atomic<int> written = 0, wrongOrder = 0;
    TestStreamingContext ssc(1s);
    if (durable) ssc.checkpoint(directory / "c");
    const auto seen =
        collectBatches(ssc.receiverStream(LambdaReceiver([&](auto& store, const auto&) {
                              for (int i = 0; i < 100; ++i)
                                  store(Longs{i}, {.onStored = [&, i] { wrongOrder += written++ != i; }});
                              store(Longs{100}, {.onStored = [] { throw std::runtime_error("nobody listens"); }});
                          }))
                           .uid("numbers"));
    CHECK(runUntil(ssc, [&] { return totalSize(seen) == 101; }));
    CHECK(written == 100);
    CHECK(wrongOrder == 0);
    CHECK(isCountedUp(flattened(seen)));
}

namespace {

struct Unstorable {
    explicit Unstorable(long number) : number(number) {}
    long number;
};
struct UnstorableReceiver : Receiver<Unstorable> {
    void run(Store& store, std::stop_token) override { store(Unstorable(7)); }
};

} // namespace

TEST_CASE("Elements that cannot be written are refused at the start, unless they need not be") {
    const TemporaryDirectory directory;
    {
        TestStreamingContext ssc(1s);
        ssc.checkpoint(directory / "c");
        collectBatches(
            ssc.receiverStream(UnstorableReceiver()).uid("things").map([](const auto& x) { return x.number; }));
        CHECK_THAT(errorText<UsageError>([&] { ssc.advanceBatch(); }),
                   ContainsSubstring("receiverStream") &&
                       ContainsSubstring(
                           ": there is a checkpoint directory, and the type of its elements cannot be written; give it "
                           "a default constructor and a member `template <class Archive> void serialize(Archive& "
                           "archive) { archive(each, of, its, members); }`, or set "
                           "rivulet.streaming.receiver.writeAheadLog.enable to false, which loses in a crash what was "
                           "received and is in no finished batch"));
    }
    TestStreamingContext ssc(notAhead(), 1s);
    ssc.checkpoint(directory / "c");
    const auto seen = collectBatches(
        ssc.receiverStream(UnstorableReceiver()).uid("things").map([](const auto& x) { return x.number; }));
    CHECK(runUntil(ssc, [&] { return totalSize(seen) == 1; }));
}

TEST_CASE("A receiver of another type is refused with the one that was stored") {
    const TemporaryDirectory directory;
    {
        Process process(directory / "c", {});
        process.run();
    }
    struct Texts : Receiver<std::string> {
        void run(Store&, std::stop_token) override {}
    };
    TestStreamingContext ssc(1s);
    ssc.checkpoint(directory / "c", {.dropState = {"sum"}});
    collectBatches(ssc.receiverStream(Texts()).uid("numbers"));
    CHECK_THROWS_WITH(ssc.advanceBatch(), ContainsSubstring("source receiverStream of i64") &&
                                              ContainsSubstring("source receiverStream of string"));
}

} // namespace rivulet::test::received_test
