#include "pg_connection.h"

#include <algorithm>
#include <array>

namespace rivulet::detail {
namespace {

constexpr std::size_t kCopyBytes = 1 << 20;
// The first ones give way to what the program says in the last.
constexpr std::array<const char*, 4> kNames = {"connect_timeout", "application_name", "dbname", nullptr};

std::string trimmed(const char* message) {
    std::string text = message ? message : "";
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
}

} // namespace

PgConnection::PgConnection(const std::string& parameters, Duration timeout) {
    const std::array<const char*, 4> values = {"10", "rivulet", parameters.c_str(), nullptr};
    connection_ = ::PQconnectdbParams(kNames.data(), values.data(), 1);
    try {
        const auto known = [](const char* text) { return std::string(text ? text : ""); };
        peer_ = "database '" + known(::PQdb(connection_)) + "' at " + known(::PQhost(connection_)) + ":" +
                known(::PQport(connection_));
        if (::PQstatus(connection_) != CONNECTION_OK) fail("cannot connect", Result(nullptr, &::PQclear));
        ::PQsetNoticeProcessor(connection_, [](void*, const char*) {}, nullptr);
        const std::string milliseconds = std::to_string(timeout.count());
        for (const char* setting : {"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"})
            run("select set_config($1, $2, false)", {setting, milliseconds});
        // A commit that is acknowledged and not on the disk would be one that the checkpoint forgets too early.
        if (run("show synchronous_commit")[0][0] == "off") run("set synchronous_commit = on");
    } catch (...) {
        ::PQfinish(connection_);
        throw;
    }
}

PgConnection::~PgConnection() { ::PQfinish(connection_); }

void PgConnection::fail(const std::string& what, const Result& result) {
    const std::string text = "postgres: " + what + ", " + peer_ + ": " + trimmed(::PQerrorMessage(connection_));
    // Of a server that says why it goes libpq does not know yet that it is gone.
    const char* const field = ::PQresultErrorField(result.get(), PG_DIAG_SEVERITY_NONLOCALIZED);
    const std::string_view severity = field ? field : "";
    if (::PQstatus(connection_) != CONNECTION_OK || severity == "FATAL" || severity == "PANIC")
        throw PgConnectionLost(text);
    throw IoError(text);
}

void PgConnection::require(const Result& result, ExecStatusType expected, const std::string& statement) {
    if (::PQresultStatus(result.get()) != expected) fail("'" + statement + "' failed", result);
}

std::vector<PgConnection::Row> PgConnection::run(const std::string& statement,
                                                 const std::vector<std::string>& parameters) {
    std::vector<const char*> values;
    for (const std::string& parameter : parameters) values.push_back(parameter.c_str());
    const Result result(
        ::PQexecParams(connection_, statement.c_str(), int(values.size()), nullptr, values.data(), nullptr, nullptr, 0),
        &::PQclear);
    const auto status = ::PQresultStatus(result.get());
    require(result, status == PGRES_TUPLES_OK ? PGRES_TUPLES_OK : PGRES_COMMAND_OK, statement);
    std::vector<Row> rows(std::size_t(::PQntuples(result.get())));
    for (int row = 0; row < int(rows.size()); ++row)
        for (int column = 0; column < ::PQnfields(result.get()); ++column)
            rows[std::size_t(row)].emplace_back(::PQgetvalue(result.get(), row, column));
    return rows;
}

void PgConnection::copy(const std::string& statement, std::string_view rows) {
    require(Result(::PQexec(connection_, statement.c_str()), &::PQclear), PGRES_COPY_IN, statement);
    bool sent = true;
    for (std::string_view left = rows; sent && !left.empty(); left.remove_prefix(std::min(left.size(), kCopyBytes)))
        sent = ::PQputCopyData(connection_, left.data(), int(std::min(left.size(), kCopyBytes))) == 1;
    sent = sent && ::PQputCopyEnd(connection_, nullptr) == 1;
    const Result result(::PQgetResult(connection_), &::PQclear);
    if (!sent) fail("'" + statement + "' was interrupted", result);
    require(result, PGRES_COMMAND_OK, statement);
    while (const Result more{::PQgetResult(connection_), &::PQclear}) {}
}

bool PgConnection::isAway(const std::string& parameters) {
    const std::array<const char*, 4> values = {"10", "rivulet", parameters.c_str(), nullptr};
    const auto answer = ::PQpingParams(kNames.data(), values.data(), 1);
    return answer == PQPING_NO_RESPONSE || answer == PQPING_REJECT;
}

std::string PgConnection::quoted(std::string_view identifier) {
    std::string text = "\"";
    for (const char c : identifier) text.append(c == '"' ? 2 : 1, c);
    return text + '"';
}

} // namespace rivulet::detail
