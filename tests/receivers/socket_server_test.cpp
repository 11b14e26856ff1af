#include "support/receiver_harness.h"
#include "support/text_client.h"

namespace rivulet::test::socket_server_test {

// The stream that listens.

using namespace std::chrono_literals;

namespace {

struct Program {
    explicit Program(const SocketServerOptions& options = {}, const Conf& conf = serialConf())
        : ssc(conf, 1s),
          stream(socketServerStream(ssc, 0, options)),
          batches(collectBatches(stream)) {
        ssc.advanceBatch();
    }
    TextServer::Connection connect() const { return connectTo(stream.port()); }
    Lines lines(std::size_t count) {
        if (!runUntil(ssc, [&] { return totalSize(batches) >= count; })) return {"the lines have not arrived"};
        ssc.advanceBatch();
        return flattened(batches);
    }

    TestStreamingContext ssc;
    SocketServerStream stream;
    CollectedBatches<std::string> batches;
};

} // namespace

TEST_CASE("clients send lines, each its own in order") {
    Program program;
    auto first = program.connect(), second = program.connect();
    first.send("a1\na2\nhal");
    second.send("b1\r\n");
    CHECK(sorted(program.lines(3)) == Lines{"a1", "a2", "b1"});
    first.send("f\n");
    second.send("no newline");
    second.close();
    CHECK(sorted(program.lines(5)) == Lines{"a1", "a2", "b1", "half", "no newline"});
    CHECK(program.ssc.droppedRecords() == 0);
}

TEST_CASE("many clients are read side by side") {
    constexpr int kClients = 50, kLines = 100;
    Program program;
    std::vector<TextServer::Connection> clients;
    for (int c = 0; c < kClients; ++c) clients.push_back(program.connect());
    Lines expected;
    for (int c = 0; c < kClients; ++c) {
        std::string text;
        for (int i = 0; i < kLines; ++i) {
            expected.push_back(std::to_string(c) + "/" + std::to_string(i));
            text += expected.back() + "\n";
        }
        clients[std::size_t(c)].send(text);
    }
    CHECK((sorted(program.lines(expected.size())) == sorted(expected)));
}

TEST_CASE("more clients than are allowed wait until one goes") {
    Program program({.maxConnections = 1});
    auto first = program.connect(), second = program.connect();
    first.send("first\n");
    second.send("second\n");
    CHECK(program.lines(1) == Lines{"first"});
    first.close();
    CHECK(program.lines(2) == Lines{"first", "second"});
}

TEST_CASE("a client that sends nothing is closed after the idle timeout") {
    Program program({.idleTimeout = 20ms});
    auto idle = program.connect();
    idle.send("half");
    CHECK(runUntil(program.ssc, [&] { return idle.isClosedByClient(); }));
    CHECK(program.lines(1) == Lines{"half"});
}

TEST_CASE("a client's line that is too long is dropped, and others are not hurt") {
    Program program({.maxLineBytes = 100});
    auto first = program.connect(), second = program.connect();
    first.send(std::string(5000, 'x') + "\nshort\n");
    second.send("fine\n");
    CHECK(sorted(program.lines(2)) == Lines{"fine", "short"});
    CHECK(program.ssc.droppedRecords() == 1);
}

TEST_CASE("clients that send faster than is computed wait, and lose nothing") {
    constexpr int kLines = 16 << 10;
    Program program({}, serialConf().set("rivulet.streaming.receiver.bufferBytes", "256k"));
    std::string text;
    for (int i = 0; i < kLines; ++i) text += std::to_string(i) + std::string(500, 'x') + "\n";
    std::vector<std::jthread> senders;
    for (int c = 0; c < 4; ++c)
        senders.emplace_back([&] {
            auto client = program.connect();
            client.send(text);
        });
    CHECK(program.lines(4 * kLines).size() == 4 * kLines);
    CHECK(receivedMemory(program.ssc.context()).peakBytes < 4 << 20);
    CHECK(program.ssc.droppedRecords() == 0);
}

TEST_CASE("a stop closes the clients and processes what they sent") {
    Program program;
    auto client = program.connect();
    client.send("whole\nhalf");
    CHECK(program.lines(1) == Lines{"whole"});
    client.send(" a line\nrest");
    program.ssc.stop(true, true);
    CHECK(client.closedByClient());
    const Lines lines = flattened(program.batches);
    if (lines.size() == 2) {
        CHECK(lines[1] == "half a line");
    }
    CHECK(program.ssc.droppedRecords() == 1);
}

TEST_CASE("a server asks for a port and options that can be") {
    TestStreamingContext ssc(1s);
    const auto text = [&](int port, const SocketServerOptions& options) {
        return errorText<UsageError>([&] { socketServerStream(ssc, port, options); });
    };
    CHECK(text(-1, {}) ==
          "socketServerStream: port -1 does not exist; ports are 1 to 65535, and 0 means one that is free");
    CHECK(text(0, {.maxConnections = 0}) == "socketServerStream: maxConnections is 0; it must be at least 1");
    CHECK(text(0, {.idleTimeout = -5ms}) ==
          "socketServerStream: idleTimeout (-5ms) must not be negative; 0 means that idle connections stay");
    const TextServer taken;
    CHECK_THAT(errorText<IoError>([&] { socketServerStream(ssc, taken.port()); }),
               Catch::Matchers::StartsWith("socketServerStream: cannot bind 127.0.0.1:" + std::to_string(taken.port()) +
                                           ": Address already in use"));
    CHECK_THAT(errorText<IoError>([&] { socketServerStream(ssc, 0, {.host = "nowhere"}); }),
               Catch::Matchers::EndsWith("; give the address of an interface, such as 127.0.0.1"));
}

} // namespace rivulet::test::socket_server_test
