#include "support/captured_output.h"
#include "support/receiver_harness.h"

#include <cstring>

namespace rivulet::test::socket_sources_test {

// Socket streams that are not of lines: frames, and what a function of the program's decodes.

using namespace std::chrono_literals;

using Longs = std::vector<long>;

namespace {

std::string frame(std::string_view payload) {
    const auto size = payload.size();
    return std::string{char(size >> 24), char(size >> 16), char(size >> 8), char(size)} + std::string(payload);
}
std::string bytesOf(long x) { return std::string(reinterpret_cast<const char*>(&x), sizeof x); }

/// Takes longs of eight bytes; a negative one is an error.
std::size_t decodeLongs(std::string_view bytes, std::vector<long>& out) {
    std::size_t used = 0;
    for (; bytes.size() - used >= sizeof(long); used += sizeof(long)) {
        long x;
        std::memcpy(&x, bytes.data() + used, sizeof x);
        if (x < 0) throw std::runtime_error("a negative number");
        out.push_back(x);
    }
    return used;
}

} // namespace

TEST_CASE("frames arrive as they were sent, however they are cut on their way") {
    TextServer server;
    TestStreamingContext ssc(SocketProgram::quick(), 1s);
    const auto seen = collectBatches(rawSocketStream(ssc, kLoopback, server.port()));
    ssc.advanceBatch();
    auto peer = server.accept();
    const std::string large(300'000, 'z'), binary("\0\n\xff", 3);
    for (const char c : frame("slow")) peer.send(std::string(1, c));
    peer.send(frame("") + frame(binary) + frame(large) + frame("last"));
    CHECK(runUntil(ssc, [&] { return totalSize(seen) >= 5; }));
    CHECK((flattened(seen) == Lines{"slow", "", binary, large, "last"}));
    CHECK(ssc.droppedRecords() == 0);
}

TEST_CASE("half a frame is dropped with its connection, and counted") {
    TextServer server;
    TestStreamingContext ssc(SocketProgram::quick(), 1s);
    const auto seen = collectBatches(rawSocketStream(ssc, kLoopback, server.port()));
    ssc.advanceBatch();
    auto first = server.accept();
    first.send(frame("whole") + frame("half").substr(0, 6));
    first.close();
    auto second = acceptFrom(ssc, server);
    second.send(frame("next"));
    CHECK(runUntil(ssc, [&] { return totalSize(seen) >= 2; }));
    CHECK(flattened(seen) == Lines{"whole", "next"});
    CHECK(ssc.droppedRecords() == 1);
}

TEST_CASE("a frame that is too long ends its connection, and a new one is made") {
    const CapturedOutput log(stderr);
    TextServer server;
    TestStreamingContext ssc(SocketProgram::quick().set("rivulet.streaming.receiver.maxLineBytes", "1k"), 1s);
    const auto seen = collectBatches(rawSocketStream(ssc, kLoopback, server.port()));
    ssc.advanceBatch();
    auto first = server.accept();
    first.send("GET / HTTP/1.1\r\n");
    CHECK(first.closedByClient());
    auto second = acceptFrom(ssc, server);
    second.send(frame(std::string(1024, 'x')));
    CHECK(runUntil(ssc, [&] { return totalSize(seen) >= 1; }));
    CHECK_THAT(log.text(),
               Catch::Matchers::ContainsSubstring(" has 1195725856 bytes, more than the 1024 of "
                                                  "rivulet.streaming.receiver.maxLineBytes: raise it, or send frames"));
}

TEST_CASE("a function of the program's decodes what a server sends") {
    TextServer server;
    TestStreamingContext ssc(SocketProgram::quick(), 1s);
    const auto seen = collectBatches(socketStream<long>(ssc, kLoopback, server.port(), decodeLongs));
    ssc.advanceBatch();
    auto peer = server.accept();
    std::string bytes;
    Longs expected;
    for (long n = 0; n < 10'000; ++n) {
        bytes += bytesOf(n);
        expected.push_back(n);
    }
    peer.send(bytes.substr(0, 3));
    ssc.advanceBatch();
    peer.send(bytes.substr(3));
    CHECK(runUntil(ssc, [&] { return totalSize(seen) >= 10'000; }));
    CHECK((flattened(seen) == expected));
}

TEST_CASE("a decoder that fails loses its connection, and a new copy takes the next") {
    const CapturedOutput log(stderr);
    TextServer server;
    TestStreamingContext ssc(SocketProgram::quick(), 1s);
    int calls = 0;
    const auto seen = collectBatches(
        socketStream<long>(ssc, kLoopback, server.port(), [calls](std::string_view bytes, Longs& out) mutable {
            out.push_back(1000 + ++calls);
            return decodeLongs(bytes, out);
        }));
    ssc.advanceBatch();
    auto first = server.accept();
    first.send(bytesOf(-1));
    CHECK(first.closedByClient());
    auto second = acceptFrom(ssc, server);
    second.send(bytesOf(2));
    CHECK(runUntil(ssc, [&] { return totalSize(seen) >= 2; }));
    CHECK(flattened(seen) == Longs{1001, 2});
    CHECK_THAT(log.text(), Catch::Matchers::ContainsSubstring(": a negative number; trying again in "));
}

TEST_CASE("a limited socket is read as fast as it may, and no line is lost") {
    struct Allocated : StreamingListener {
        void onBatchSubmitted(const BatchInfo& info) override { records += info.numRecords(); }
        std::atomic<long> records = 0;
    };
    TextServer server;
    const auto clock = std::make_shared<ManualClock>();
    const Context sc(SocketProgram::quick().set("rivulet.streaming.receiver.maxRate", 100));
    const StreamingContext ssc(sc, 1s, clock);
    const auto stream = socketTextStream(ssc, kLoopback, server.port());
    const auto seen = collectBatches(stream);
    const auto allocated = std::make_shared<Allocated>();
    ssc.addStreamingListener(allocated);
    ssc.start();
    auto peer = server.accept();
    std::string text;
    for (int i = 0; i < 1000; ++i) text += std::to_string(i) + "\n";
    peer.send(text);
    auto& input = dynamic_cast<detail::ReceivedInput&>(*stream.recipe().root());
    long received = 0;
    for (int halfSecond = 0; halfSecond < 13; ++halfSecond) {
        clock->advance(500ms);
        received += 50;
        CHECK(eventually([&] { return allocated->records + input.unallocated() == received; }));
    }
    ssc.stop(true, true);
    const Lines lines = flattened(seen);
    CHECK(lines.size() == 1000); // the rest had been read, and is not thrown away
    bool inOrder = true;
    for (std::size_t i = 0; i < lines.size(); ++i) inOrder = inOrder && lines[i] == std::to_string(i);
    CHECK(inOrder);
    for (std::size_t i = 0; i + 1 < seen.size(); ++i) CHECK(seen[i].size() <= 100);
}

TEST_CASE("listeners hear of a socket that cannot be connected", "[A130]") {
    struct Log : StreamingListener {
        void onReceiverStarted(const ReceiverInfo& info) override { names.push_back("started " + info.name); }
        void onReceiverError(const ReceiverInfo& info) override { errors.push_back(info.lastErrorMessage); }
        void onReceiverStopped(const ReceiverInfo& info) override { names.push_back("stopped " + info.name); }
        Lines names, errors;
    };
    const CapturedOutput output(stderr);
    TextServer refusing(TextServer::Begin::Refusing);
    TestStreamingContext ssc(SocketProgram::quick(), 1s);
    const auto log = std::make_shared<Log>();
    ssc.addStreamingListener(log);
    collectBatches(socketTextStream(ssc, kLoopback, refusing.port()));
    CHECK(runUntil(ssc, [&] { return log->errors.size() >= 2; }));
    ssc.stop();
    CHECK(log->names == Lines{"started Socket stream [0]", "stopped Socket stream [0]"});
    CHECK(log->errors[0] == "cannot connect to 127.0.0.1:" + std::to_string(refusing.port()) + ": Connection refused");
}

} // namespace rivulet::test::socket_sources_test
