#pragma once

#include "rivulet/postgres/copy_text.h"
#include "rivulet/sinks/sink.h"

#include <memory>
#include <string>
#include <vector>

namespace rivulet {

/// Streams and PostgreSQL.
namespace postgres {

struct TableOptions {
    /// As libpq takes it: "host=localhost dbname=shop", or "postgresql://user@localhost/shop". What it does not say
    /// comes from the environment (PGHOST, PGUSER, ...).
    std::string connection = {};
    /// As the database has it, capitals included, possibly with its schema: "totals", "public.totals".
    std::string table = {};
    /// Names the sink in the checkpoint, and in the table rivulet_commits.
    std::string uid = {};
    /// The columns that get the members of an element, in their order; empty: all, in the order of the table.
    std::vector<std::string> columns = {};
    /// Where given, a row takes the place of one that has the same values in these columns, which must be unique in the
    /// table: the totals of a state. Of several in a batch the last one counts.
    std::vector<std::string> key = {};
    /// How long a statement, or the wait for a lock, may take.
    Duration timeout = std::chrono::minutes(1);
    /// How long the start waits for a server that does not answer; it may be starting too.
    Duration startTimeout = std::chrono::minutes(1);
};

} // namespace postgres

namespace detail {

/// A table, and the row of rivulet_commits that says which batches it has.
///
///     rivulet_commits(app text, sink text, epoch bigint, batch bigint, primary key (app, sink))
///
/// A process adds one to the epoch when it begins. A batch is one transaction: it locks the row of its epoch, or finds
/// none and is fenced; returns if the batch is there already; writes the rows, and the batch's number.
class PostgresTable {
  public:
    PostgresTable(postgres::TableOptions options, std::source_location where);
    ~PostgresTable();
    void open(const SinkStart& start);
    void finalize(std::uint64_t batch, std::string_view rows);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

template <class T> class PostgresSink final : public TransactionalSink<T> {
  public:
    PostgresSink(const postgres::TableOptions& options, std::source_location where)
        : table_(options, where),
          where_(where) {}
    std::string form() const override { return "rows in PostgreSQL"; }
    void open(const SinkStart& start) override { table_.open(start); }
    std::string prepare(const RDD<T>& rdd, const BatchContext&) override {
        std::string rows;
        for (const std::string& some : rdd.mapPartitions(CopyRows<T>{}, false, where_).collect(where_)) rows += some;
        return rows;
    }
    void finalize(std::uint64_t batch, std::string_view rows) override { table_.finalize(batch, rows); }

  private:
    PostgresTable table_;
    const std::source_location where_;
};

} // namespace detail

namespace postgres {

/// Writes every batch as rows into a table, exactly once, through crashes of either side, lost connections and repeated
/// batches: one transaction per batch, which writes its number too. Elements are pairs or tuples (also of pairs and
/// tuples) of numbers, truth values, strings and optionals, a column each; a single one of these is a row of one
/// column.
///
/// While the database is away, batches are committed and wait in the checkpoint, up to
/// `rivulet.streaming.outbox.maxBatches`.
///
/// Cost:   the rows are written to the checkpoint, and by COPY to the table; one transaction per batch that has rows
/// Errors: UsageError where a name is missing; at the start, where there is no checkpoint directory. From the start:
///         IoError where the database cannot be reached; RecoveryError where the table has later batches than the
///         checkpoint, or has lost some
/// Source: Gray and Reuter, Transaction Processing, 1993
template <class T, class Recipe>
void saveToTable(const DStream<T, Recipe>& stream, const TableOptions& options,
                 std::source_location where = std::source_location::current()) {
    static_assert(detail::CopyRow<owned_t<T>>,
                  "an element that is written to a table is a pair or tuple of numbers, truth values, strings and "
                  "optionals: map it to a std::tuple of its members");
    using Sink = detail::PostgresSink<owned_t<T>>;
    detail::addSink("postgres::saveToTable", stream,
                    std::shared_ptr<TransactionalSink<owned_t<T>>>(detail::share(new Sink(options, where))),
                    options.uid, where);
}

} // namespace postgres
} // namespace rivulet
