#include "support/receiver_harness.h"

#include <future>

namespace rivulet::test::socket_stop_test {

// Starts and stops of socket streams, with data in flight and without.

using namespace std::chrono_literals;

namespace {

/// A program in its own loop whose clock stands still: nothing is processed before it is told to stop.
struct StandingProgram {
    explicit StandingProgram(const Conf& conf = SocketProgram::quick())
        : sc(conf),
          ssc(sc, 1s, clock),
          batches(collectBatches(socketTextStream(ssc, kLoopback, server.port()))) {}
    bool received(std::int64_t bytes) const {
        return eventually([&] { return receivedMemory(sc).bytes >= bytes; });
    }

    TextServer server;
    std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>();
    Context sc;
    StreamingContext ssc;
    CollectedBatches<std::string> batches;
};

std::string lines(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "line\n";
    return text;
}

} // namespace

TEST_CASE("a graceful stop processes what was received", "[A73][A74]") {
    StandingProgram program;
    program.ssc.start();
    auto peer = program.server.accept();
    peer.send(lines(1000));
    REQUIRE(program.received(5000));
    program.ssc.stop(true, true);
    CHECK(totalSize(program.batches) == 1000);
    CHECK(program.ssc.droppedRecords() == 0);
    CHECK(peer.closedByClient());
}

TEST_CASE("a stop that is not graceful counts what it drops", "[A74]") {
    StandingProgram program;
    program.ssc.start();
    auto peer = program.server.accept();
    peer.send(lines(1000));
    REQUIRE(program.received(5000));
    program.ssc.stop(true, false);
    CHECK(program.batches.size() == 0);
    CHECK(program.ssc.droppedRecords() == 1000);
    CHECK(peer.closedByClient());
}

TEST_CASE("half a line at a stop is dropped and counted", "[A74]") {
    const bool graceful = GENERATE(false, true);
    StandingProgram program;
    program.ssc.start();
    auto peer = program.server.accept();
    peer.send("whole\nhal");
    REQUIRE(program.received(6));
    program.ssc.stop(true, graceful);
    CHECK(flattened(program.batches) == (graceful ? std::vector<std::string>{"whole"} : std::vector<std::string>{}));
    CHECK(program.ssc.droppedRecords() == (graceful ? 1 : 2));
}

TEST_CASE("a batch that fails ends the streaming, and its records are counted", "[A67]") {
    TextServer server;
    const auto clock = std::make_shared<ManualClock>();
    const Context sc(SocketProgram::quick());
    const StreamingContext ssc(sc, 1s, clock);
    socketTextStream(ssc, kLoopback, server.port()).foreachRDD([](const RDD<std::string>& rdd) {
        if (rdd.count() > 0) throw std::runtime_error("no room");
    });
    ssc.start();
    auto peer = server.accept();
    peer.send(lines(10));
    REQUIRE(eventually([&] { return receivedMemory(sc).bytes >= 50; }));
    clock->advance(1s);
    CHECK_THAT(errorText<JobError>([&] { ssc.awaitTermination(); }), Catch::Matchers::ContainsSubstring("no room"));
    CHECK(ssc.droppedRecords() == 10);
    CHECK(peer.closedByClient());
}

TEST_CASE("a stop while nobody answers returns at once", "[A74]") {
    const bool graceful = GENERATE(false, true);
    TextServer refusing(TextServer::Begin::Refusing);
    for (const char* delay : {"1ms", "1h"}) {
        TestStreamingContext ssc(serialConf().set("rivulet.streaming.receiverRestartDelay", delay), 1s);
        collectBatches(socketTextStream(ssc, kLoopback, refusing.port()));
        ssc.advanceBatch(3);
        ssc.stop(true, graceful);
        CHECK(ssc.droppedRecords() == 0);
    }
}

TEST_CASE("a stop right after the start", "[A74]") {
    for (int i = 0; i < 20; ++i) {
        StandingProgram program;
        program.ssc.start();
        program.ssc.stop(true, i % 2 == 0);
        CHECK(program.ssc.getState() == StreamingContextState::STOPPED);
    }
}

TEST_CASE("many starts and stops", "[A74]") {
    for (int i = 0; i < 50; ++i) {
        StandingProgram program;
        program.ssc.start();
        auto peer = program.server.accept();
        peer.send(lines(10));
        REQUIRE(program.received(50));
        program.ssc.stop(true, true);
        CHECK(totalSize(program.batches) == 10);
    }
}

TEST_CASE("received equals processed over successive contexts of one engine", "[A74]") {
    const Context sc(SocketProgram::quick());
    TextServer server;
    std::size_t processed = 0;
    for (int i = 0; i < 4; ++i) {
        const auto clock = std::make_shared<ManualClock>();
        const StreamingContext ssc(sc, 10ms, clock);
        const auto batches = collectBatches(socketTextStream(ssc, kLoopback, server.port()));
        ssc.start();
        auto peer = server.accept();
        auto sender = std::async(std::launch::async, [&] {
            for (int n = 0; n < 100; ++n) peer.send(lines(1));
        });
        clock->advance(10ms);
        sender.get();
        peer.close();
        // The stream has read all of it when it comes back.
        CHECK(eventually([&] {
            clock->advance(10ms);
            return server.hasClient();
        }));
        peer = server.accept();
        ssc.stop(false, true);
        CHECK(ssc.droppedRecords() == 0);
        processed += totalSize(batches);
    }
    CHECK(processed == 400);
}

TEST_CASE("a context that goes without a stop closes its connections", "[A74]") {
    TextServer server;
    auto ssc = std::make_unique<StreamingContext>(Context(SocketProgram::quick()), 1s, std::make_shared<ManualClock>());
    collectBatches(socketTextStream(*ssc, kLoopback, server.port()));
    ssc->start();
    auto peer = server.accept();
    ssc.reset();
    CHECK(peer.closedByClient());
}

} // namespace rivulet::test::socket_stop_test
