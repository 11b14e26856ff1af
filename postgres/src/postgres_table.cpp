#include "pg_connection.h"
#include "rivulet/log.h"
#include "rivulet/postgres.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace rivulet::detail {
namespace {

constexpr int kReconnections = 3; // in a row, before the batch waits for its next turn
constexpr Duration kPause = std::chrono::milliseconds(100);

std::string quotedTable(std::string_view table) {
    const auto dot = table.find('.');
    if (dot == table.npos) return PgConnection::quoted(table);
    return PgConnection::quoted(table.substr(0, dot)) + "." + PgConnection::quoted(table.substr(dot + 1));
}
std::string quotedList(const std::vector<std::string>& names) {
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ", ") + PgConnection::quoted(name);
    return list;
}

} // namespace

struct PostgresTable::Impl {
    using Steady = std::chrono::steady_clock;

    postgres::TableOptions options;
    std::unique_ptr<PgConnection> connection;
    std::string application, epoch; // since `open`
    Steady::time_point patientUntil;
    std::size_t left = 0; // batches that an earlier process has left, which the start finalizes

    PgConnection& connected() {
        if (!connection) {
            auto session = std::make_unique<PgConnection>(options.connection, options.timeout);
            session->run("select pg_advisory_lock_shared(hashtextextended($1, 0))", {lockName()}); // to be found by it
            connection = std::move(session);
        }
        return *connection;
    }
    std::string lockName() const { return "rivulet " + application + " " + options.uid; }

    /// A process that was paused within a transaction would keep its row and its table locked.
    void endOtherSessions() {
        try {
            connected().run(
                "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objsubid = 1 "
                "and database = (select oid from pg_database where datname = current_database()) "
                "and classid::bigint << 32 | objid::bigint = hashtextextended($1, 0) "
                "and pid <> pg_backend_pid()",
                {lockName()});
        } catch (const PgConnectionLost&) {
            throw;
        } catch (const IoError& error) { // the session of another user
            logWarn("sink '" + options.uid + "': waits for a session of another process: " + error.what());
        }
    }

    /// Of a start: what it does is done again where the connection is lost meanwhile, and a server that is away is
    /// waited for. Once batches run they do not wait for it.
    template <class Work> void patiently(const Work& work) {
        bool told = false;
        for (int lost = 0;;) {
            try {
                return work();
            } catch (const PgConnectionLost& error) {
                const bool wasThere = bool(std::exchange(connection, nullptr));
                const bool isAway = PgConnection::isAway(options.connection);
                const bool hasTime = Steady::now() < patientUntil;
                // One that is there and refuses who connects is not asked for long.
                if (isAway ? !hasTime : ++lost > kReconnections && !(wasThere && hasTime)) throw;
                if (!isAway)
                    logWarn(std::string("the connection is made anew: ") + error.what());
                else if (!std::exchange(told, true))
                    logWarn("sink '" + options.uid + "': the start waits for the database, up to " +
                            durationText(options.startTimeout) + ": " + error.what());
                if (isAway) std::this_thread::sleep_for(kPause);
            } catch (...) {
                connection.reset(); // with its transaction
                throw;
            }
        }
    }

    /// The new epoch, and the batch that is there. Ends the transaction of a process that goes on, and keeps all others
    /// out from here on.
    PgConnection::Row takeOver() {
        createCommits();
        findColumns();
        endOtherSessions();
        return connected().run("insert into rivulet_commits as c values ($1, $2, 1, 0) on conflict (app, sink) do "
                               "update set epoch = c.epoch + 1 returning epoch, batch",
                               {application, options.uid})[0];
    }

    void createCommits() {
        auto& session = connected();
        const auto isThere = [&] {
            return session.run("select to_regclass('rivulet_commits') is not null")[0][0] == "t";
        };
        if (isThere()) return; // who may not create tables may use one that is there
        try {
            session.run("create table rivulet_commits (app text, sink text, epoch bigint not null, "
                        "batch bigint not null, primary key (app, sink))");
        } catch (const IoError&) {
            if (!isThere()) throw; // another process may have been first
        }
    }

    void findColumns() {
        if (!options.columns.empty()) return;
        for (auto& row :
             connected().run("select attname from pg_attribute where attrelid = $1::regclass and attnum > 0 "
                             "and not attisdropped and attgenerated = '' order by attnum",
                             {quotedTable(options.table)}))
            options.columns.push_back(std::move(row[0]));
    }

    void write(std::string_view rows) {
        auto& session = connected();
        const std::string table = quotedTable(options.table), columns = quotedList(options.columns);
        if (options.key.empty()) return session.copy("copy " + table + " (" + columns + ") from stdin", rows);
        session.run("create temporary table rivulet_rows on commit drop as select " + columns + " from " + table +
                    " with no data");
        session.run("alter table rivulet_rows add column rivulet_row bigserial");
        session.copy("copy rivulet_rows (" + columns + ") from stdin", rows);
        std::string changes;
        for (const std::string& column : options.columns)
            if (std::find(options.key.begin(), options.key.end(), column) == options.key.end())
                changes += (changes.empty() ? " do update set " : ", ") + PgConnection::quoted(column) +
                           " = excluded." + PgConnection::quoted(column);
        const std::string key = quotedList(options.key);
        session.run("insert into " + table + " (" + columns + ") select distinct on (" + key + ") " + columns +
                    " from rivulet_rows order by " + key + ", rivulet_row desc on conflict (" + key + ")" +
                    (changes.empty() ? " do nothing" : changes));
    }

    void writeBatch(std::uint64_t batch, std::string_view rows) {
        auto& session = connected();
        session.run("begin");
        const auto found = session.run("select batch from rivulet_commits where app = $1 and sink = $2 and epoch = $3 "
                                       "for update",
                                       {application, options.uid, epoch});
        if (found.empty())
            throw FencedError("sink '" + options.uid + "': another process has taken over the table '" + options.table +
                              "', so batch " + std::to_string(batch) + " is left to it, and this process ends");
        if (std::stoull(found[0][0]) < batch) {
            write(rows);
            session.run("update rivulet_commits set batch = $3 where app = $1 and sink = $2",
                        {application, options.uid, std::to_string(batch)});
        }
        session.run("commit");
    }
};

PostgresTable::PostgresTable(postgres::TableOptions options, std::source_location where)
    : impl_(std::make_unique<Impl>()) {
    if (options.table.empty())
        throw UsageError("postgres::saveToTable: the table has no name; say which one gets the rows", where);
    if (options.timeout <= Duration::zero())
        throw UsageError("postgres::saveToTable: the timeout (" + durationText(options.timeout) + ") must be positive",
                         where);
    impl_->options = std::move(options);
}

PostgresTable::~PostgresTable() = default;

void PostgresTable::open(const SinkStart& start) {
    auto& impl = *impl_;
    impl.application = start.application;
    impl.left = start.prepared.size();
    impl.patientUntil = Impl::Steady::now() + impl.options.startTimeout;
    PgConnection::Row row;
    impl.patiently([&] { row = impl.takeOver(); });
    impl.epoch = row[0];
    const std::uint64_t batch = std::stoull(row[1]);
    const std::string table = "sink '" + start.uid + "': the table '" + impl.options.table + "' has batch " + row[1];
    if (batch > start.lastBatch)
        throw RecoveryError(table + ", and the checkpoint is at batch " + std::to_string(start.lastBatch) +
                            ": it is an older copy. Go on from a later one; or restore the table, with the table "
                            "rivulet_commits, to that batch");
    if (batch < start.finalizedBatch)
        throw RecoveryError(table + ", and batch " + std::to_string(start.finalizedBatch) +
                            " was there before: it has lost rows, or its row in rivulet_commits. Restore both from the "
                            "same copy; to go on without the rows, write the batch into rivulet_commits");
}

void PostgresTable::finalize(std::uint64_t batch, std::string_view rows) {
    if (impl_->left > 0) {
        impl_->patiently([&] { impl_->writeBatch(batch, rows); });
        --impl_->left;
        return;
    }
    for (int lost = 0;;) {
        try {
            return impl_->writeBatch(batch, rows);
        } catch (const PgConnectionLost& error) {
            // Whether the transaction has happened the row tells, once there is a connection again.
            const bool wasThere = bool(std::exchange(impl_->connection, nullptr));
            if (!wasThere || ++lost > kReconnections) throw;
            logWarn(std::string("the connection is made anew: ") + error.what());
        } catch (...) {
            impl_->connection.reset(); // with its transaction
            throw;
        }
    }
}

} // namespace rivulet::detail
