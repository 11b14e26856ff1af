#include "support/receiver_harness.h"

namespace rivulet::test::socket_limits_test {

// What bounds the memory of a socket stream: long lines, fast senders, streams that nobody reads.

using namespace std::chrono_literals;

namespace {

Conf withLineLimit() { return SocketProgram::quick().set("rivulet.streaming.receiver.maxLineBytes", "1k"); }

/// Numbered lines of 1 KiB each, with their newlines.
std::string numberedLines(int count) {
    std::string text;
    text.reserve(std::size_t(count) << 10);
    for (int i = 0; i < count; ++i) {
        std::string line = std::to_string(i) + ' ';
        line.resize(1023, 'x');
        text += line + '\n';
    }
    return text;
}

/// Whether the lines are those of `numberedLines`, each once and in order.
bool areNumbered(const Lines& lines, int count) {
    if (lines.size() != std::size_t(count)) return false;
    for (int i = 0; i < count; ++i)
        if (lines[std::size_t(i)].size() != 1023 || std::atoi(lines[std::size_t(i)].c_str()) != i) return false;
    return true;
}

} // namespace

TEST_CASE("a line that is too long is dropped and counted, and the next one arrives") {
    SocketProgram program(withLineLimit());
    auto peer = program.connect();
    SECTION("in one piece") { peer.send("first\n" + std::string(5000, 'x') + "\nnext\n"); }
    SECTION("in many pieces") {
        peer.send("first\n");
        for (int i = 0; i < 50; ++i) {
            peer.send(std::string(100, 'x'));
            program.ssc.advanceBatch();
        }
        peer.send("\nnext\n");
    }
    SECTION("longer than a read") { peer.send("first\n" + std::string(2'000'000, 'x') + "\nnext\n"); }
    CHECK((program.lines(2) == Lines{"first", "next"}));
    CHECK(program.ssc.droppedRecords() == 1);
}

TEST_CASE("a line of just the length that is allowed arrives") {
    SocketProgram program(withLineLimit());
    auto peer = program.connect();
    const std::string fits(1024, 'x');
    peer.send(fits + "\nnext\n");
    CHECK((program.lines(2) == Lines{fits, "next"}));
    CHECK(program.ssc.droppedRecords() == 0);
}

TEST_CASE("a line that is too long and that the peer does not end is dropped once") {
    SocketProgram program(withLineLimit());
    auto peer = program.connect();
    peer.send("first\n" + std::string(5000, 'x'));
    peer.close();
    auto again = program.connect();
    again.send("next\n");
    CHECK((program.lines(2) == Lines{"first", "next"}));
    CHECK(program.ssc.droppedRecords() == 1);
}

TEST_CASE("a sender that is faster than the computation waits, and loses nothing") {
    constexpr int kLines = 64 << 10; // 64 MiB
    SocketProgram program(SocketProgram::quick().set("rivulet.streaming.receiver.bufferBytes", "1m"));
    auto peer = program.connect();
    const std::string text = numberedLines(kLines);
    std::size_t taken = 0;
    REQUIRE(eventually([&] {
        taken += peer.sendUntilBlocked(std::string_view(text).substr(taken));
        return receivedMemory(program.ssc.context()).bytes >= 1 << 20;
    }));
    CHECK(taken < text.size());
    const auto full = receivedMemory(program.ssc.context());
    CHECK(full.bytes <= (1 << 20) + (512 << 10)); // the buffer, one read, and half a line
    std::jthread sender([&] { peer.send(std::string_view(text).substr(taken)); });
    CHECK(areNumbered(program.lines(kLines), kLines));
    CHECK(receivedMemory(program.ssc.context()).peakBytes <= 8 << 20); // the buffer and the batches that are remembered
    CHECK(program.ssc.droppedRecords() == 0);
}

TEST_CASE("a stream that reconnects with a full buffer loses nothing and doubles nothing") {
    constexpr int kLines = 8 << 10;
    SocketProgram program(SocketProgram::quick().set("rivulet.streaming.receiver.bufferBytes", "1k"));
    auto first = program.connect();
    first.send(std::string(2000, 'a')); // fills the buffer when the peer is gone
    first.close();
    auto second = program.connect();
    const std::string text = numberedLines(kLines);
    std::jthread sender([&] { second.send(text); });
    Lines lines = program.lines(kLines + 1);
    REQUIRE(lines.size() == kLines + 1);
    CHECK(lines.front() == std::string(2000, 'a'));
    lines.erase(lines.begin());
    CHECK(areNumbered(lines, kLines));
}

TEST_CASE("batches give their memory back") {
    SocketProgram program;
    auto peer = program.connect();
    for (int round = 0; round < 10; ++round) {
        peer.send(numberedLines(100));
        CHECK(runUntil(program.ssc, [&] { return totalSize(program.batches) >= std::size_t(round + 1) * 100; }));
    }
    program.ssc.advanceBatch(3);
    CHECK(receivedMemory(program.ssc.context()).bytes == 0);
    CHECK(receivedMemory(program.ssc.context()).peakBytes < 600 << 10);
}

TEST_CASE("a stream that no output reads is not connected, and holds no memory") {
    TextServer read, unread;
    TestStreamingContext ssc(SocketProgram::quick(), 1s);
    const auto ignored = socketTextStream(ssc, kLoopback, unread.port());
    const auto seen = collectBatches(socketTextStream(ssc, kLoopback, read.port()));
    ssc.advanceBatch();
    auto peer = read.accept();
    peer.send("line\n");
    CHECK(runUntil(ssc, [&] { return totalSize(seen) == 1; }));
    CHECK_FALSE(unread.hasClient());
    ssc.advanceBatch(3);
    CHECK(receivedMemory(ssc.context()).bytes == 0);
}

} // namespace rivulet::test::socket_limits_test
