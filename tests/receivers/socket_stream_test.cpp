#include "support/captured_output.h"
#include "support/receiver_harness.h"

namespace rivulet::test::socket_stream_test {

using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

/// Adds up the records of all batches.
struct RecordCounter : StreamingListener {
    void onBatchStarted(const BatchInfo& info) override { begun += info.numRecords(); }
    void onBatchCompleted(const BatchInfo& info) override { completed += info.numRecords(); }
    long begun = 0, completed = 0;
};

} // namespace

TEST_CASE("the lines that a server sends arrive in order, and are counted", "[A79]") {
    SocketProgram program;
    const auto counter = std::make_shared<RecordCounter>();
    program.ssc.addStreamingListener(counter);
    auto peer = program.connect();
    for (int i = 1; i <= 5; ++i) {
        peer.send(std::to_string(i) + "\n");
        program.ssc.advanceBatch();
    }
    CHECK(program.lines(5) == Lines{"1", "2", "3", "4", "5"});
    CHECK(counter->begun == 5);
    CHECK(counter->completed == 5);
    CHECK(program.ssc.droppedRecords() == 0);
}

TEST_CASE("a batch in which nothing was received is empty", "[A80]") {
    SocketProgram program;
    program.ssc.advanceBatch(2);
    CHECK(program.batches.all() == std::vector<Lines>{{}, {}});
}

TEST_CASE("words are counted as they arrive", "[A79]") {
    TextServer server;
    TestStreamingContext ssc(1s, "local[2]");
    auto lines = socketTextStream(ssc, "localhost", server.port());
    auto counts = collectBatches(lines.flatMap(words).map(withOne).reduceByKey(std::plus<>()));
    ssc.advanceBatch();
    auto peer = server.accept();
    peer.send("to be\nor not to be\n");
    long seen = 0;
    CHECK(runUntil(ssc, [&] {
        seen = 0;
        for (const auto& [word, n] : flattened(counts)) seen += n;
        return seen >= 6;
    }));
    std::map<std::string, long> total;
    for (const auto& [word, n] : flattened(counts)) total[word] += n;
    CHECK(total == std::map<std::string, long>{{"to", 2}, {"be", 2}, {"or", 1}, {"not", 1}});
}

TEST_CASE("lines end with LF or CRLF, a lone CR belongs to its line", "[A79]") {
    SocketProgram program;
    auto peer = program.connect();
    peer.send("a\r\nb\n\r\n\nc\rd\r");
    peer.send("\ne\r\r\n");
    CHECK(program.lines(6) == Lines{"a", "b", "", "", "c\rd", "e\r"});
}

TEST_CASE("bytes are passed on as they are: NUL, invalid UTF-8, long lines", "[A79]") {
    SocketProgram program;
    auto peer = program.connect();
    const std::string nul = "a\0b"s, invalid = "\xff\xfe\x80 \xc3("s, longLine(3 << 20, 'z');
    peer.send(nul + "\n" + invalid + "\n" + "\0"s + "\n");
    std::jthread sender([&] { peer.send(longLine + "\nend\n"); });
    const Lines lines = program.lines(5);
    REQUIRE(lines.size() == 5);
    CHECK(lines[0] == nul);
    CHECK(lines[1] == invalid);
    CHECK(lines[2] == "\0"s);
    CHECK((lines[3] == longLine));
    CHECK(lines[4] == "end");
}

TEST_CASE("a line may arrive byte by byte", "[A79]") {
    SocketProgram program;
    auto peer = program.connect();
    for (const char c : "slow\r\nly\n"s) {
        peer.send(std::string(1, c));
        program.ssc.advanceBatch();
    }
    CHECK(program.lines(2) == Lines{"slow", "ly"});
}

TEST_CASE("what follows the last newline when the peer disconnects is a line, then the stream reconnects", "[A79]") {
    SocketProgram program;
    auto first = program.connect();
    first.send("one\ntw");
    first.close();
    auto second = program.connect();
    second.send("o\nthree\n");
    CHECK(program.lines(4) == Lines{"one", "tw", "o", "three"});
    second.close();
    auto third = program.connect();
    third.send("four\n");
    CHECK(program.lines(5) == Lines{"one", "tw", "o", "three", "four"});
    CHECK(program.ssc.droppedRecords() == 0);
}

TEST_CASE("a server that closes after every line loses none", "[A79]") {
    SocketProgram program;
    Lines expected;
    for (int i = 0; i < 20; ++i) {
        auto peer = program.connect();
        peer.send("line " + std::to_string(i) + (i % 2 ? "\n" : ""));
        expected.push_back("line " + std::to_string(i));
    }
    CHECK(program.lines(20) == expected);
}

TEST_CASE("a server that is not there yet is tried again", "[A79]") {
    SocketProgram program(SocketProgram::quick(), TextServer::Begin::Refusing);
    {
        const CapturedOutput log(stderr);
        program.ssc.advanceBatch();
        const auto tries = [&] {
            const std::string text = log.text(), complaint = "trying again in ";
            int n = 0;
            for (auto at = text.find(complaint); at != text.npos; at = text.find(complaint, at + 1)) ++n;
            return n;
        };
        CHECK(runUntil(program.ssc, [&] { return tries() >= 3; }));
        CHECK_THAT(log.text(), Catch::Matchers::ContainsSubstring("socketTextStream: cannot connect to 127.0.0.1:" +
                                                                  std::to_string(program.server.port()) +
                                                                  ": Connection refused; trying again"));
    }
    program.server.listen();
    auto peer = program.connect();
    peer.send("at last\n");
    CHECK(program.lines(1) == Lines{"at last"});
}

TEST_CASE("the pauses between two tries go by the clock, and with a seed they are always the same", "[A79]") {
    constexpr long kSeed = 7;
    const CapturedOutput log(stderr);
    TextServer refusing(TextServer::Begin::Refusing);
    const auto clock = std::make_shared<ManualClock>();
    const Context sc(serialConf()
                         .set("rivulet.streaming.receiverRestartDelay", "10s")
                         .set("rivulet.streaming.receiverRestartSeed", kSeed));
    const StreamingContext ssc(sc, 1h, clock);
    ssc.queueStream<int>();
    collectBatches(socketTextStream(ssc, kLoopback, refusing.port()));
    ssc.start();
    detail::Backoff pauses(10s, 30s, kSeed + 1);
    std::string expected;
    for (int tries = 1; tries <= 4; ++tries) {
        const Duration pause = pauses.next();
        expected += "again in " + detail::durationText(pause) + "\n";
        const auto told = [&] {
            std::string seen;
            const std::string text = log.text();
            for (auto at = text.find("again in "); at != text.npos; at = text.find("again in ", at + 1))
                seen += text.substr(at, text.find('\n', at) + 1 - at);
            return seen;
        };
        CHECK(eventually([&] { return told() == expected; }));
        clock->advance(pause - 1ms);
        CHECK(told() == expected);
        clock->advance(1ms);
    }
    ssc.stop();
}

TEST_CASE("several sockets in one context are read side by side", "[A88]") {
    struct Records : StreamingListener {
        void onBatchCompleted(const BatchInfo& info) override {
            for (const auto& [id, n] : info.inputRecords) total[id] += n;
        }
        std::map<int, long> total;
    };
    TextServer left, right;
    TestStreamingContext ssc(1s);
    const auto records = std::make_shared<Records>();
    ssc.addStreamingListener(records);
    const auto queue = ssc.queueStream<std::string>();
    const auto fromLeft = socketTextStream(ssc, kLoopback, left.port());
    ssc.queueStream<int>(); // nobody reads it
    const auto fromRight = socketTextStream(ssc, kLoopback, right.port());
    const auto seen = collectBatches(queue.unionWith(fromLeft).unionWith(fromRight));
    ssc.advanceBatch();
    auto toLeft = left.accept(), toRight = right.accept();
    toLeft.send("l1\nl2\n");
    toRight.send("r1\nr2\nr3\n");
    CHECK(runUntil(ssc, [&] { return totalSize(seen) >= 5; }));
    CHECK(sorted(flattened(seen)) == Lines{"l1", "l2", "r1", "r2", "r3"});
    CHECK(records->total == std::map<int, long>{{0, 0}, {1, 2}, {3, 3}});
}

TEST_CASE("ports are 1 to 65535") {
    TestStreamingContext ssc(1s);
    for (const int port : {0, -1, 65536}) {
        CHECK(errorText<UsageError>([&] { socketTextStream(ssc, kLoopback, port); }) ==
              "socketTextStream: port " + std::to_string(port) + " does not exist; ports are 1 to 65535");
    }
    CHECK(errorText<UsageError>([&] { socketTextStream(ssc, kLoopback, 65535); }) == "no error");
}

TEST_CASE("sources are not declared after the start", "[A65]") {
    TestStreamingContext ssc(1s);
    collectBatches(ssc.queueStream<int>());
    ssc.advanceBatch();
    const std::string rule = ": streams and outputs cannot be added after the StreamingContext was started; declare "
                             "them before start()";
    CHECK(errorText<UsageError>([&] { socketTextStream(ssc, kLoopback, 9); }) == "socketTextStream" + rule);
    CHECK(errorText<UsageError>([&] { textFileStream(ssc, "in"); }) == "textFileStream" + rule);
}

} // namespace rivulet::test::socket_stream_test
