#include "rivulet/client.h"

#include "support/receiver_harness.h"
#include "support/temporary_directory.h"
#include "support/text_client.h"

namespace rivulet::test::client_test {

// The client library: against a server that the test plays, and against ours through a line that breaks.

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using client::Client;
using client::ClientError;

using Lines = std::vector<std::string>;

namespace {

client::Options quick(int port, std::string name = "a") {
    client::Options options;
    options.port = port;
    options.name = std::move(name);
    options.firstPause = 1ms;
    options.longestPause = 4ms;
    return options;
}

/// A server that the test plays: greeted, and answered.
TextServer::Connection accepted(TextServer& server, const std::string& resume, const std::string& name = "a") {
    auto connection = server.accept();
    CHECK(connection.readLine() == name + " 0");
    connection.send("RESUME " + resume + "\n");
    return connection;
}

Lines readLines(TextServer::Connection& connection, int count) {
    Lines lines;
    for (int i = 0; i < count; ++i) lines.push_back(connection.readLine());
    return lines;
}

} // namespace

TEST_CASE("A client numbers its records after those that the server has") {
    TextServer server;
    Client client(quick(server.port()));
    CHECK(client.send("early")); // before anything is known
    auto connection = accepted(server, "41");
    CHECK(connection.readLine() == "a 42 early");
    CHECK(client.stored() == 41);
    client.send("late");
    CHECK(connection.readLine() == "a 43 late");
    CHECK(client.pending() == 2);
    CHECK_FALSE(client.flush(1ms));
    connection.send("ACK 42\nACK 43\n");
    CHECK(client.flush(30s));
    CHECK(client.pending() == 0);
    CHECK(client.stored() == 43);
    CHECK(client.trouble().empty());
    CHECK(client.close(30s));
    CHECK(connection.closedByClient());
    CHECK_THROWS_WITH(client.send("x"), "client: it is closed; make a new one to send more");
}

TEST_CASE("A client sends again what was not acknowledged, and nothing else") {
    TextServer server;
    Client client(quick(server.port()));
    for (const char* record : {"x", "y", "z"}) client.send(record);
    {
        auto connection = accepted(server, "0");
        CHECK(readLines(connection, 3) == Lines{"a 1 x", "a 2 y", "a 3 z"});
        connection.send("ACK 1\n");
        REQUIRE(eventually([&] { return client.pending() == 2; }));
    }
    auto connection = accepted(server, "2"); // two was stored as well, and its acknowledgement lost
    client.send("w");
    CHECK(readLines(connection, 2) == Lines{"a 3 z", "a 4 w"});
    connection.send("ACK 4\n");
    CHECK(client.close(30s));
}

TEST_CASE("A server that has lost what it had acknowledged gets the rest") {
    TextServer server;
    Client client(quick(server.port()));
    client.send("x");
    client.send("y");
    {
        auto connection = accepted(server, "0");
        connection.send("ACK 1\n");
        REQUIRE(eventually([&] { return client.pending() == 1; }));
    }
    auto connection = accepted(server, "0");
    CHECK(connection.readLine() == "a 2 y");
    connection.send("ACK 2\n");
    CHECK(client.close(30s));
}

TEST_CASE("A client whose buffer is full waits") {
    TextServer server;
    auto options = quick(server.port());
    options.bufferBytes = 1000;
    Client client(options);
    auto connection = accepted(server, "0");
    int taken = 0;
    while (client.send(std::string(100, 'x'), 0ms)) ++taken;
    CHECK(taken > 3);
    CHECK(taken < 10);
    CHECK(client.pending() == std::size_t(taken));
    std::jthread later([&] {
        readLines(connection, taken);
        connection.send("ACK 2\n");
    });
    CHECK(client.send("at last"));
    CHECK(client.pending() == std::size_t(taken - 1));
    later.join();
    connection.send("ACK " + std::to_string(taken + 1) + "\n");
    CHECK(client.flush(30s));
    CHECK(client.send(std::string(5000, 'x'), 0ms)); // larger than the buffer: alone
    CHECK_FALSE(client.send("x", 0ms));
}

TEST_CASE("A client says why it has no connection, and makes one when it can") {
    TextServer server(TextServer::Begin::Refusing);
    Client client(quick(server.port()));
    client.send("x");
    const std::string at = "127.0.0.1:" + std::to_string(server.port());
    REQUIRE(eventually([&] { return client.trouble() == "cannot connect to " + at + ": Connection refused"; }));
    CHECK_THROWS_WITH(client.stored(1ms), "client: what " + at +
                                              " has stored is not known after 1 ms: cannot connect to " + at +
                                              ": Connection refused");
    CHECK_FALSE(client.flush(1ms));
    server.listen();
    auto connection = accepted(server, "0");
    CHECK(connection.readLine() == "a 1 x");
    connection.close();
    REQUIRE(eventually([&] { return client.trouble().starts_with("lost the connection to " + at + ": "); }));
    CHECK_FALSE(client.close(1ms)); // ends, though nobody answers
}

TEST_CASE("A client ends where the server has refused") {
    TextServer server;
    Client client(quick(server.port()));
    client.send("x");
    auto connection = accepted(server, "0");
    connection.send("ERR a record has more than 0 bytes\n");
    const std::string text =
        "client: 127.0.0.1:" + std::to_string(server.port()) + " has refused: a record has more than 0 bytes";
    CHECK_THROWS_WITH(client.flush(30s), text);
    CHECK_THROWS_WITH(client.send("y"), text);
    CHECK_THROWS_WITH(client.close(30s), text);
}

TEST_CASE("A name that another client uses is seen") {
    TextServer server;
    Client client(quick(server.port()));
    client.send("x");
    { auto connection = accepted(server, "0"); }
    auto connection = accepted(server, "5");
    CHECK_THROWS_WITH(client.flush(30s),
                      ContainsSubstring("has refused: it has record 5 of 'a', and this client has sent "
                                        "up to 1: another client uses the name"));
}

TEST_CASE("What is no answer ends the connection, which is made anew") {
    TextServer server;
    Client client(quick(server.port()));
    client.send("x");
    for (const std::string& answer :
         {std::string("HTTP/1.1 400 Bad Request\n"), std::string("ACK 1\n"), std::string("RESUME x\n"),
          std::string("RESUME 0\nRESUME 0\n"), std::string("RESUME 0\nACK 1 2\n"), std::string(200'000, 'x')}) {
        auto connection = server.accept();
        CHECK(connection.readLine() == "a 0");
        connection.send(answer);
        INFO(answer.substr(0, 40));
        while (!connection.readLine().empty()) {}
    }
    auto connection = accepted(server, "0");
    CHECK(connection.readLine() == "a 1 x");
}

TEST_CASE("A client asks for what can be") {
    const auto text = [](const client::Options& options) { return errorText<ClientError>([&] { Client{options}; }); };
    CHECK(text({}) == "client: port 0 does not exist; ports are 1 to 65535");
    CHECK(text({.host = ""}) == "client: the host has no name; give the server's name or address");
    CHECK(text({.port = 1, .name = "a b"}) ==
          "client: the name 'a b' has a blank or a control character; use letters, digits and signs");
    CHECK_THAT(text({.port = 1, .name = std::string(65, 'x')}), ContainsSubstring("has 65 bytes; names have up to 64"));
    CHECK(text({.port = 1, .firstPause = 0ms}) ==
          "client: the pauses must be positive, and longestPause not shorter than firstPause");
    TextServer server;
    Client client({.port = server.port()});
    CHECK(client.name().starts_with("client-"));
    CHECK_THROWS_WITH(client.send("a\nb"),
                      "client: a record has a newline, which ends records; send several, or escape it");
    CHECK_THROWS_WITH(client.send("a\r"), "client: a record ends with a carriage return, which the server takes for a "
                                          "part of the line's end; leave it out, or escape it");
}

namespace {

/// A line to a server that breaks: the i-th connection after i bytes to the server, and i mod 7 back.
class BreakingLine {
  public:
    explicit BreakingLine(int port) : port_(port), thread_([this](const std::stop_token& stop) { run(stop); }) {}
    int port() const { return server_.port(); }
    int breaks() const { return breaks_; }

  private:
    void run(const std::stop_token& stop) {
        for (int connection = 0; !stop.stop_requested();) {
            if (!server_.hasClient()) {
                std::this_thread::yield();
                continue;
            }
            pass(server_.acceptSocket(), connectSocket(port_), connection,
                 connection % 7 == 6 ? 1 << 20 : connection % 7 * 4, stop);
            breaks_ = ++connection;
        }
    }
    static void pass(const Descriptor& client, const Descriptor& server, int forth, int back,
                     const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            if (client.ready(POLLIN, 0) && !move(client, server, forth)) return;
            if (server.ready(POLLIN, 0) && !move(server, client, back)) return;
            std::this_thread::yield();
        }
    }
    /// False at the end of either side, and of what may pass.
    static bool move(const Descriptor& from, const Descriptor& to, int& left) {
        char bytes[1024];
        const ssize_t size = ::recv(from.get(), bytes, std::size_t(std::min(left, int(sizeof bytes))), 0);
        if (size <= 0) return false;
        left -= int(size);
        return ::send(to.get(), bytes, std::size_t(size), MSG_NOSIGNAL) == size;
    }

    const int port_;
    TextServer server_;
    std::atomic<int> breaks_ = 0;
    std::jthread thread_;
};

} // namespace

TEST_CASE("Each record arrives once and in order over a line that breaks after every byte") {
    constexpr int kRecords = 200;
    const TemporaryDirectory directory;
    Lines received, expected;
    int breaks = 0;
    std::uint64_t next = 1;
    for (int process = 0; process < 3; ++process) { // of the server and of the client
        TestStreamingContext ssc(1s);
        ssc.checkpoint(directory / "c");
        const auto stream = ackedServerStream(ssc, 0);
        const auto batches = collectBatches(stream.uid("lines"));
        ssc.advanceBatch();
        BreakingLine line(stream.port());
        Client client(quick(line.port()));
        CHECK(client.stored() == next - 1);
        for (int i = 0; i < kRecords; ++i, ++next) {
            expected.push_back("record " + std::to_string(next));
            client.send(expected.back());
        }
        CHECK(client.flush(30s));
        CHECK(client.close(0ms));
        CHECK(runUntil(ssc, [&] { return totalSize(batches) >= kRecords; }));
        ssc.stop(true, true);
        for (const auto& record : flattened(batches)) received.push_back(record);
        breaks += line.breaks();
    }
    CHECK(received == expected);
    CHECK(breaks > 60);
    WARN(breaks << " breaks");
}

} // namespace rivulet::test::client_test
