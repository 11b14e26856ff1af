#include "support/receiver_harness.h"
#include "support/temporary_directory.h"
#include "support/text_client.h"

namespace rivulet::test::acked_server_test {

// The acknowledged line protocol, byte by byte.

using namespace std::chrono_literals;
using Catch::Matchers::StartsWith;

using Lines = std::vector<std::string>;

namespace {

struct Program {
    explicit Program(const std::string& checkpoint = {}, const SocketServerOptions& options = {},
                     const Conf& conf = serialConf())
        : ssc(conf, 1s),
          stream(ackedServerStream(ssc, 0, options)) {
        if (!checkpoint.empty()) ssc.checkpoint(checkpoint);
        batches = collectBatches(stream.uid("lines").map([](std::string_view line) { return std::string(line); }));
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

/// Reads acknowledgements until this one.
std::string acknowledged(TextServer::Connection& client, const std::string& number) {
    std::string line = client.readLine();
    while (line != "ACK " + number && (line.starts_with("ACK ") || line.starts_with("RESUME ")))
        line = client.readLine();
    return line;
}

} // namespace

TEST_CASE("Records are acknowledged, without their names and numbers", "[T19]") {
    const TemporaryDirectory directory;
    Program program(GENERATE(false, true) ? directory / "c" : "");
    auto client = program.connect();
    client.send("till-7 0\n");
    CHECK(client.readLine() == "RESUME 0");
    client.send("till-7 1 to be\ntill-7 2 or not\r\ntill-7 3 \n");
    CHECK(acknowledged(client, "3") == "ACK 3");
    client.send("till-7 4  two blanks\n");
    CHECK(acknowledged(client, "4") == "ACK 4");
    CHECK(program.lines(4) == Lines{"to be", "or not", "", " two blanks"});
    CHECK(program.ssc.droppedRecords() == 0);
}

TEST_CASE("A record that comes again is acknowledged again and received once") {
    Program program;
    auto client = program.connect();
    client.send("a 1 x\na 2 y\n");
    CHECK(acknowledged(client, "2") == "ACK 2");
    client.send("a 1 x\na 2 y\n");
    CHECK(client.readLine() == "ACK 2");
    client.send("a 2 y\na 3 z\n");
    CHECK(acknowledged(client, "3") == "ACK 3");
    client.close();
    auto again = program.connect();
    again.send("a 3 z\na 4 w\n");
    CHECK(again.readLine() == "RESUME 3");
    CHECK(acknowledged(again, "4") == "ACK 4");
    CHECK(program.lines(4) == Lines{"x", "y", "z", "w"});
}

TEST_CASE("What was acknowledged is known to the next process, and no more is") {
    const TemporaryDirectory directory;
    {
        Program program(directory / "c");
        auto client = program.connect(), other = program.connect();
        client.send("a 1 x\na 2 y\n");
        other.send("b 1 of b\n");
        CHECK(acknowledged(client, "2") == "ACK 2");
        CHECK(acknowledged(other, "1") == "ACK 1");
        program.ssc.stop(true, false);
        CHECK(client.closedByClient());
    }
    {
        Program program(directory / "c"); // whose first batch has what waited
        CHECK(sorted(flattened(program.batches)) == Lines{"of b", "x", "y"});
        auto client = program.connect();
        client.send("a 0\n");
        CHECK(client.readLine() == "RESUME 2");
        client.send("a 2 y\na 3 z\n");
        CHECK(acknowledged(client, "3") == "ACK 3");
        CHECK(program.lines(4).back() == "z");
    }
    Program program(directory / "c");
    CHECK(program.lines(0).empty());
    for (const auto& [name, last] : std::map<std::string, std::string>{{"a", "3"}, {"b", "1"}, {"c", "0"}}) {
        auto client = program.connect();
        client.send(name + " 0\n");
        CHECK(client.readLine() == "RESUME " + last);
    }
}

TEST_CASE("A client may end at every byte, and go on from what was stored", "[T19]") {
    const std::string text = "1 x\n2 yy\n3 zzz\n";
    Program program;
    Lines expected;
    for (std::size_t cut = 0; cut <= text.size() + 6; ++cut) {
        const std::string name = "c" + std::to_string(100 + cut);
        std::string sent;
        for (const char* line : {"1 x\n", "2 yy\n", "3 zzz\n"}) sent += name + " " + line;
        program.connect().send(sent.substr(0, cut));
        // The older connection may be read after the newer one, and take over from it: then the client comes again.
        CHECK(eventually([&] {
            auto client = program.connect();
            client.send(name + " 0\n");
            if (!client.readLine().starts_with("RESUME ")) return false;
            client.send(sent); // all of it again: what is there is not taken
            return acknowledged(client, "3") == "ACK 3";
        }));
        for (const char* record : {"x", "yy", "zzz"}) expected.emplace_back(record);
    }
    CHECK(sorted(program.lines(expected.size())) == sorted(expected));
}

TEST_CASE("A name that connects again takes over from its older connection") {
    Program program;
    auto older = program.connect();
    older.send("a 1 x\na 2 half of");
    CHECK(acknowledged(older, "1") == "ACK 1");
    auto newer = program.connect();
    newer.send("a 0\n");
    CHECK(newer.readLine() == "RESUME 1");
    CHECK(older.closedByClient());
    newer.send("a 2 whole\n");
    CHECK(acknowledged(newer, "2") == "ACK 2");
    CHECK(program.lines(2) == Lines{"x", "whole"});
}

TEST_CASE("A client that has sent its last is told of it") {
    const TemporaryDirectory directory;
    Program program(directory / "c");
    auto client = program.connect();
    client.send("a 1 x\na 2 y\n");
    client.closeSending();
    CHECK(acknowledged(client, "2") == "ACK 2");
    CHECK(client.readLine().empty());
}

TEST_CASE("What a full buffer refused is not acknowledged, and comes again") {
    // Four records a batch, so that a block is taken in parts.
    Program program({}, {}, serialConf().set("rivulet.streaming.receiver.maxRate", 4));
    std::string text;
    Lines expected;
    for (int i = 1; i <= 20; ++i) {
        text += "a " + std::to_string(i) + " record " + std::to_string(i) + "\n";
        expected.push_back("record " + std::to_string(i));
    }
    auto client = program.connect();
    client.send(text);
    CHECK(program.lines(8).size() < 20);
    auto again = program.connect(); // in the midst of it
    again.send("a 0\n");
    const std::string resume = again.readLine();
    REQUIRE_THAT(resume, StartsWith("RESUME "));
    CHECK(resume != "RESUME 20");
    again.send(text);
    CHECK(program.lines(20) == expected);
    CHECK(acknowledged(again, "20") == "ACK 20");
}

TEST_CASE("What is not of the protocol ends the connection with a reason", "[T19]") {
    Program program({}, {.maxLineBytes = 100});
    const auto answer = [&](const std::string& text) {
        auto client = program.connect();
        client.send(text);
        std::string line = client.readLine();
        while (line.starts_with("RESUME") || line.starts_with("ACK")) line = client.readLine();
        CHECK(client.readLine().empty());
        return line;
    };
    for (const std::string bad :
         {"hello\n", "a\n", "a b\n", "a 1\n", " 1 x\n", "a -1 x\n", "a 1x y\n", "\n", "a 99999999999999999999 x\n"}) {
        const std::string line = answer(bad);
        CHECK_THAT(line, StartsWith("ERR '" + bad.substr(0, bad.size() - 1) + "' from 127.0.0.1:"));
        CHECK_THAT(line, Catch::Matchers::EndsWith(
                             " is no line of the protocol, which is: name, blank, number, blank, record"));
    }
    CHECK(answer("g 1 x\ng 3 y\n") == "ERR record 3 follows record 1; the numbers of a connection follow each other");
    CHECK(answer("h 1 x\ni 1 y\n") ==
          "ERR 'i' writes in the connection of 'h'; each client has a connection of its own");
    CHECK_THAT(answer("j 1 " + std::string(5000, 'x')),
               Catch::Matchers::EndsWith(
                   " has more than 100 bytes; raise rivulet.streaming.receiver.maxLineBytes to take it"));
    // Of what came with it nothing was taken, so it comes again.
    for (const std::string name : {"g", "h"}) {
        auto client = program.connect();
        client.send(name + " 0\n");
        CHECK(client.readLine() == "RESUME 0");
    }
    CHECK(program.lines(0).empty());
}

TEST_CASE("A client that goes on after a gap is believed") { // the directory may have been restored from a copy
    Program program;
    {
        auto client = program.connect();
        client.send("a 5 x\na 6 y\n");
        CHECK(acknowledged(client, "6") == "ACK 6");
    }
    auto client = program.connect();
    client.send("a 9 z\n");
    CHECK(acknowledged(client, "9") == "ACK 9");
    CHECK(program.lines(3) == Lines{"x", "y", "z"});
}

TEST_CASE("An acknowledging server asks for a port and options that can be") {
    TestStreamingContext ssc(1s);
    const auto text = [&](int port, const SocketServerOptions& options) {
        return errorText<UsageError>([&] { ackedServerStream(ssc, port, options); });
    };
    CHECK(text(65536, {}) ==
          "ackedServerStream: port 65536 does not exist; ports are 1 to 65535, and 0 means one that is free");
    CHECK(text(0, {.maxConnections = 0}) == "ackedServerStream: maxConnections is 0; it must be at least 1");
}

} // namespace rivulet::test::acked_server_test
