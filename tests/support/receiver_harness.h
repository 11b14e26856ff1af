#pragma once

#include "rivulet/rivulet.h"
#include "support/stream_harness.h"
#include "support/text_server.h"

#include <string>
#include <vector>

namespace rivulet::test {

inline constexpr const char* kLoopback = "127.0.0.1";

/// Runs batches until the condition holds.
template <class Condition> bool runUntil(TestStreamingContext& ssc, const Condition& condition) {
    return eventually([&] {
        if (condition()) return true;
        ssc.advanceBatch();
        return false;
    });
}

/// The elements of all batches in one.
template <class T> std::vector<T> flattened(const CollectedBatches<T>& batches) {
    std::vector<T> all;
    for (const auto& batch : batches.all()) all.insert(all.end(), batch.begin(), batch.end());
    return all;
}

/// How many elements all batches have.
template <class T> std::size_t totalSize(const CollectedBatches<T>& batches) {
    std::size_t total = 0;
    for (const auto& batch : batches.all()) total += batch.size();
    return total;
}

/// What the receivers of a context hold, and the most that they ever held.
inline MemoryAccount::Usage receivedMemory(const Context& context) {
    for (const auto& usage : context.memory().snapshot())
        if (usage.consumer == "received") return usage;
    return {};
}

/// A test of one socket stream: the server, the context, and the lines that arrived so far.
struct SocketProgram {
    static Conf quick() { return serialConf().set("rivulet.streaming.receiverRestartDelay", "2ms"); }

    explicit SocketProgram(const Conf& conf = quick(), TextServer::Begin begin = TextServer::Begin::Listening)
        : server(begin),
          ssc(conf, std::chrono::seconds(1)),
          batches(collectBatches(socketTextStream(ssc, kLoopback, server.port()))) {}

    TextServer::Connection connect() {
        if (ssc.getState() == StreamingContextState::INITIALIZED) ssc.advanceBatch();
        return server.accept();
    }
    /// The lines of all batches, once there are so many of them (and of one more batch).
    std::vector<std::string> lines(std::size_t count) {
        if (!runUntil(ssc, [&] { return totalSize(batches) >= count; })) return {"the lines have not arrived"};
        ssc.advanceBatch();
        return flattened(batches);
    }

    TextServer server;
    TestStreamingContext ssc;
    CollectedBatches<std::string> batches;
};

} // namespace rivulet::test
