#pragma once

#include "support/temporary_directory.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <libpq-fe.h>
#include <memory>
#include <pwd.h>
#include <signal.h>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace rivulet::test {

/// A PostgreSQL server of the test's own, in a temporary directory, which listens on a socket there. It runs as the
/// user postgres where the test is root's, because it refuses to be root's itself. It ends with the process.
class PostgresServer {
  public:
    /// Null where PostgreSQL is not installed, or no user for it.
    static std::unique_ptr<PostgresServer> start() {
        const std::string programs = programsDirectory();
        if (programs.empty() || (::geteuid() == 0 && !::getpwnam("postgres"))) return nullptr;
        return std::unique_ptr<PostgresServer>(new PostgresServer(programs));
    }
    static constexpr const char* kMissing = "skipped: PostgreSQL is not installed; apt-get install postgresql";
    ~PostgresServer() { stop(); }

    const std::string& connection() const { return connection_; }

    void begin() {
        server_ = spawn({programs_ + "/postgres", "-D", data_, "-k", directory_.path(), "-c", "listen_addresses=", "-c",
                         "fsync=off", "-c", "max_connections=20", "-c", "shared_buffers=16MB", "-c",
                         "log_min_messages=panic", "-c", "logging_collector=off"});
        while (::PQping(connection_.c_str()) != PQPING_OK) {
            if (::waitpid(server_, nullptr, WNOHANG) != 0) throw std::runtime_error("the PostgreSQL server has ended");
            std::this_thread::yield();
        }
    }
    /// As a crash: connections are cut, and transactions with them.
    void stop() {
        if (server_ == 0) return;
        ::kill(server_, SIGQUIT);
        ::waitpid(server_, nullptr, 0);
        server_ = 0;
    }

    /// What a query gives, rows with newlines and fields with bars between.
    std::string ask(const std::string& query) const {
        const std::unique_ptr<PGconn, void (*)(PGconn*)> connection(::PQconnectdb(connection_.c_str()), &::PQfinish);
        const std::unique_ptr<PGresult, void (*)(PGresult*)> result(::PQexec(connection.get(), query.c_str()),
                                                                    &::PQclear);
        const auto status = ::PQresultStatus(result.get());
        if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
            throw std::runtime_error(::PQerrorMessage(connection.get()));
        std::string text;
        for (int row = 0; row < ::PQntuples(result.get()); ++row) {
            for (int column = 0; column < ::PQnfields(result.get()); ++column)
                text += (column > 0 ? "|" : "") + std::string(::PQgetisnull(result.get(), row, column)
                                                                  ? "null"
                                                                  : ::PQgetvalue(result.get(), row, column));
            text += '\n';
        }
        return text;
    }

  private:
    explicit PostgresServer(std::string programs)
        : programs_(std::move(programs)),
          data_(directory_ / "data"),
          connection_("host=" + directory_.path() + " user=postgres dbname=postgres connect_timeout=10") {
        if (const passwd* user = ::geteuid() == 0 ? ::getpwnam("postgres") : nullptr)
            if (::chown(directory_.path().c_str(), user->pw_uid, user->pw_gid) != 0)
                throw std::runtime_error("cannot give a directory to the user postgres");
        const pid_t process = spawn({programs_ + "/initdb", "-D", data_, "-U", "postgres", "-A", "trust", "--no-sync",
                                     "-E", "UTF8", "--locale=C"});
        int status = 0;
        ::waitpid(process, &status, 0);
        if (status != 0) throw std::runtime_error("initdb has failed");
        begin();
    }

    static std::string programsDirectory() {
        namespace fs = std::filesystem;
        std::error_code none;
        for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", none))
            if (fs::exists(version.path() / "bin/initdb")) return (version.path() / "bin").string();
        return {};
    }
    static pid_t spawn(std::vector<std::string> arguments) {
        std::vector<std::string> all;
        if (::geteuid() == 0)
            all = {"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=KILL"};
        all.insert(all.end(), arguments.begin(), arguments.end());
        std::vector<char*> raw;
        for (std::string& argument : all) raw.push_back(argument.data());
        raw.push_back(nullptr);
        const pid_t process = ::fork();
        if (process == 0) {
            if (!std::freopen("/dev/null", "w", stdout) || !std::freopen("/dev/null", "w", stderr)) ::_exit(126);
            ::execvp(raw[0], raw.data());
            ::_exit(127);
        }
        return process;
    }

    const TemporaryDirectory directory_;
    const std::string programs_, data_, connection_;
    pid_t server_ = 0;
};

} // namespace rivulet::test
