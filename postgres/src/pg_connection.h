#pragma once

#include "rivulet/error.h"
#include "rivulet/time.h"

#include <libpq-fe.h>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rivulet::detail {

/// The connection is gone, and with it what is known of the statement that ran: it may have happened.
class PgConnectionLost : public IoError {
  public:
    using IoError::IoError;
};

/// A session with a database server.
///
/// Errors: PgConnectionLost; IoError with the server's words for a statement that failed
class PgConnection {
  public:
    PgConnection(const std::string& parameters, Duration timeout);
    ~PgConnection();
    PgConnection(const PgConnection&) = delete;
    PgConnection& operator=(const PgConnection&) = delete;

    using Row = std::vector<std::string>;
    std::vector<Row> run(const std::string& statement, const std::vector<std::string>& parameters = {});
    /// A COPY ... FROM STDIN, and what it reads.
    void copy(const std::string& statement, std::string_view rows);

    /// Whether no server answers there, or one that takes no connections yet.
    static bool isAway(const std::string& parameters);
    static std::string quoted(std::string_view identifier);

  private:
    using Result = std::unique_ptr<PGresult, void (*)(PGresult*)>;
    void require(const Result& result, ExecStatusType expected, const std::string& statement);
    [[noreturn]] void fail(const std::string& what, const Result& result);

    PGconn* connection_ = nullptr;
    std::string peer_;
};

} // namespace rivulet::detail
