#pragma once

#include "rivulet/rivulet.h"
#include "support/receiver_programs.h"
#include "support/text_server.h"

#include <string>
#include <vector>

namespace rivulet::test {

inline constexpr const char* kLoopback = "127.0.0.1";

using Lines = std::vector<std::string>;

/// Runs batches until the server has a client; a client that has lost its server comes back as the clock goes.
inline TextServer::Connection acceptFrom(TestStreamingContext& ssc, TextServer& server) {
    if (!runUntil(ssc, [&] { return server.hasClient(); })) throw std::runtime_error("nobody has connected");
    return server.accept();
}

/// A test of one socket stream: the server, the context, and the lines that arrived so far.
struct SocketProgram {
    static Conf quick() { return serialConf().set("rivulet.streaming.receiverRestartDelay", "200ms"); }

    explicit SocketProgram(const Conf& conf = quick(), TextServer::Begin begin = TextServer::Begin::Listening)
        : server(begin),
          ssc(conf, std::chrono::seconds(1)),
          batches(collectBatches(socketTextStream(ssc, kLoopback, server.port()))) {}

    TextServer::Connection connect() { return acceptFrom(ssc, server); }
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
