#pragma once

#include "postgres/postgres_server.h"
#include "rivulet/postgres.h"
#include "support/stream_harness.h"

namespace rivulet::test {

/// The server of this executable, or null.
inline PostgresServer* server() {
    static const auto shared = PostgresServer::start();
    return shared.get();
}

/// Of a test that cannot run without a server: `if (isMissing()) return;`.
inline bool isMissing() {
    if (server()) return false;
    WARN(PostgresServer::kMissing);
    return true;
}

} // namespace rivulet::test
