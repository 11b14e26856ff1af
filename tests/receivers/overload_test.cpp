#include "support/receiver_harness.h"
#include "support/resident_memory.h"

namespace rivulet::test::overload_test {

// A sender that offers ten times what can be computed, in real time: it waits, and memory stays flat.

using namespace std::chrono_literals;

namespace {

/// Sends the numbers from 0 on, a line each, as fast as they are taken: several millions a second where nobody waits.
void flood(TextServer& server) {
    try {
        auto peer = server.accept();
        std::string text;
        for (long n = 0;; text.clear()) {
            for (const long end = n + 10'000; n < end; ++n) (text += std::to_string(n)) += '\n';
            peer.send(text);
        }
    } catch (const std::runtime_error&) { // the stream has gone
    }
}

/// Takes some microseconds.
long numberOf(std::string_view line) {
    std::uint64_t x = 1;
    for (int i = 0; i < 2000; ++i) x = x * 6364136223846793005 + line.size();
    const long number = std::atol(std::string(line).c_str());
    return x == 0 ? -1 : number;
}

/// The least and the largest number of a batch, and how many there are.
struct Range {
    long first, last, count;
};
Range rangeOf(long n) { return {n, n, 1}; }
Range joined(const Range& a, const Range& b) {
    return {std::min(a.first, b.first), std::max(a.last, b.last), a.count + b.count};
}

void checkOverload(Duration duration) {
    TextServer server;
    const Context sc(Conf("local[2]", "overload").set("rivulet.streaming.receiver.bufferBytes", "4m"));
    const StreamingContext ssc(sc, 50ms);
    long next = 0, gaps = 0;
    std::vector<long> resident;
    socketTextStream(ssc, kLoopback, server.port())
        .map(numberOf)
        .map(rangeOf)
        .reduce(joined)
        .foreachRDD([&](const RDD<Range>& ranges) {
            for (const Range& range : ranges.collect()) {
                if (range.first != next || range.last - range.first + 1 != range.count) ++gaps;
                next = range.last + 1;
            }
            resident.push_back(residentKiB());
        });
    std::jthread sender([&] { flood(server); });
    ssc.start();
    CHECK_FALSE(ssc.awaitTerminationOrTimeout(duration));
    ssc.stop();
    CHECK(next > 1000);
    CHECK(gaps == 0);
    CHECK(receivedMemory(sc).peakBytes <= 32 << 20); // the buffer, and the batches that are remembered
    const auto half = resident.begin() + std::ptrdiff_t(resident.size() / 2);
    REQUIRE(half != resident.begin());
    if (kMemoryIsOurs)
        CHECK(*std::max_element(half, resident.end()) <= *std::max_element(resident.begin(), half) + 8 * 1024);
}

} // namespace

TEST_CASE("a sender of ten times what is computed waits, and memory stays flat") { checkOverload(3s); }

TEST_CASE("long: a sender of ten times what is computed waits for half a minute, and memory stays flat", "[.long]") {
    checkOverload(30s);
}

} // namespace rivulet::test::overload_test
