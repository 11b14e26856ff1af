#include "postgres/postgres_harness.h"
#include "support/temporary_directory.h"

#include <thread>

namespace rivulet::test::table_sink_test {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

using Row = std::tuple<long, std::string, std::optional<double>>;
const Batches<Row> kInput{
    {Row{1, "a", 0.5}, Row{2, "tab\t\\", std::nullopt}}, {}, {Row{3, "c", 1.0}}, {Row{4, "d", 2.0}}};

/// A process that writes some batches into the table; returns what made it end.
std::string run(const std::string& checkpoint, const std::string& table, int batches,
                postgres::TableOptions options = {}) {
    try {
        TestStreamingContext ssc(1s);
        ssc.checkpoint(checkpoint);
        if (options.connection.empty()) options.connection = server()->connection();
        options.table = table;
        options.uid = "rows";
        postgres::saveToTable(tableStream(ssc, kInput).uid("in"), options);
        ssc.advanceBatch(batches);
        return {};
    } catch (const Error& error) {
        return error.what();
    }
}

} // namespace

TEST_CASE("Batches are rows, each in a transaction with its number", "[server]") {
    if (isMissing()) return;
    const TemporaryDirectory directory;
    server()->ask("create table plain (id bigint, name text, size double precision)");
    CHECK(run(directory / "c", "plain", 1) == "");
    CHECK(server()->ask("select * from plain order by id") == "1|a|0.5\n2|tab\t\\|null\n");
    CHECK(server()->ask("select sink, epoch, batch from rivulet_commits where sink = 'rows'") == "rows|1|1\n");
    CHECK(run(directory / "c", "plain", 3) == "");
    CHECK(server()->ask("select id from plain order by id") == "1\n2\n3\n4\n");
    CHECK(server()->ask("select epoch, batch from rivulet_commits") == "2|4\n");
    server()->ask("delete from rivulet_commits");
}

TEST_CASE("Rows of a key take the place of those that are there", "[server]") {
    if (isMissing()) return;
    const TemporaryDirectory directory;
    server()->ask("create table \"Totals\" (note text not null default 'n', word text primary key, total bigint)");
    server()->ask("insert into \"Totals\" values ('kept', 'a', 100)");
    TestStreamingContext ssc(1s);
    ssc.checkpoint(directory / "c");
    using P = std::pair<std::string, long>;
    postgres::saveToTable(tableStream(ssc, Batches<P>{{P("a", 1), P("b", 1), P("a", 2)}, {P("b", 7)}}, 1).uid("in"),
                          {.connection = server()->connection(),
                           .table = "public.Totals",
                           .uid = "totals",
                           .columns = {"word", "total"},
                           .key = {"word"}});
    ssc.advanceBatch(2);
    CHECK(server()->ask("select * from \"Totals\" order by word") == "kept|a|2\nn|b|7\n");
    server()->ask("delete from rivulet_commits");
}

TEST_CASE("A batch whose commit was not acknowledged is seen, and not written again", "[server]") {
    if (isMissing()) return;
    const TemporaryDirectory directory;
    server()->ask("create table again (id bigint, name text, size double precision)");
    run(directory / "c", "again", 1); // batch 1 is in the checkpoint still: it is confirmed with the next one
    CHECK(run(directory / "c", "again", 1) == "");
    CHECK(server()->ask("select count(*) from again") == "2\n");
    // Had the transaction not happened, the same:
    server()->ask("delete from again");
    server()->ask("update rivulet_commits set batch = 0");
    CHECK_THAT(run(directory / "c", "again", 1),
               ContainsSubstring("the table 'again' has batch 0, and batch 1 was there before: it has lost rows"));
    server()->ask("delete from rivulet_commits");
}

TEST_CASE("A table that is ahead of the checkpoint is refused", "[server]") {
    if (isMissing()) return;
    const TemporaryDirectory directory;
    server()->ask("create table ahead (id bigint, name text, size double precision)");
    run(directory / "c", "ahead", 1);
    std::filesystem::copy(directory / "c", directory / "older", std::filesystem::copy_options::recursive);
    run(directory / "c", "ahead", 3);
    CHECK_THAT(
        run(directory / "older", "ahead", 1),
        ContainsSubstring("sink 'rows': the table 'ahead' has batch 4, and the checkpoint is at batch 1: it is an "
                          "older copy"));
    server()->ask("delete from rivulet_commits");
}

TEST_CASE("A process whose table was taken over writes nothing more", "[server]") {
    if (isMissing()) return;
    const TemporaryDirectory directory;
    server()->ask("create table taken (id bigint, name text, size double precision)");
    TestStreamingContext ssc(1s);
    ssc.checkpoint(directory / "c");
    postgres::saveToTable(tableStream(ssc, kInput).uid("in"),
                          {.connection = server()->connection(), .table = "taken", .uid = "rows"});
    ssc.advanceBatch(2);
    server()->ask("update rivulet_commits set epoch = epoch + 1"); // another process begins
    CHECK_THROWS_WITH(ssc.advanceBatch(),
                      "sink 'rows': another process has taken over the table 'taken', so batch 3 is "
                      "left to it, and this process ends");
    CHECK(server()->ask("select count(*) from taken") == "2\n");
    server()->ask("delete from rivulet_commits");
}

TEST_CASE("Batches wait while the database is away, and follow in their order", "[server]") {
    if (isMissing()) return;
    const TemporaryDirectory directory;
    server()->ask("create table away (id bigint, name text, size double precision, at serial)");
    TestStreamingContext ssc(1s);
    ssc.checkpoint(directory / "c");
    postgres::saveToTable(
        tableStream(ssc, kInput).uid("in"),
        {.connection = server()->connection(), .table = "away", .uid = "rows", .columns = {"id", "name", "size"}});
    ssc.advanceBatch();
    server()->stop();
    ssc.advanceBatch(2);
    server()->begin();
    ssc.advanceBatch(2);
    CHECK(server()->ask("select id from away order by at") == "1\n2\n3\n4\n");
    server()->ask("delete from rivulet_commits");
}

TEST_CASE("A start waits for a database that is about to come", "[server]") {
    if (isMissing()) return;
    const TemporaryDirectory directory;
    server()->ask("create table late (id bigint, name text, size double precision)");
    CHECK(run(directory / "c", "late", 1) == ""); // batch 1 is in the checkpoint still
    server()->stop();
    std::string ended;
    std::thread program([&] { ended = run(directory / "c", "late", 2); });
    server()->begin(); // by this thread, with which it ends
    program.join();
    CHECK(ended == "");
    CHECK(server()->ask("select id from late order by id") == "1\n2\n3\n");
    server()->ask("delete from rivulet_commits");
}

TEST_CASE("A connection that is lost is made anew", "[server]") {
    if (isMissing()) return;
    const TemporaryDirectory directory;
    server()->ask("create table lost (id bigint, name text, size double precision)");
    TestStreamingContext ssc(1s);
    ssc.checkpoint(directory / "c");
    postgres::saveToTable(tableStream(ssc, kInput).uid("in"),
                          {.connection = server()->connection(), .table = "lost", .uid = "rows"});
    for (int batch = 0; batch < 4; ++batch) {
        ssc.advanceBatch();
        server()->ask("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'rivulet'");
        CHECK(server()->ask("select count(*) from lost") ==
              std::to_string(std::vector{2, 2, 3, 4}[std::size_t(batch)]) + "\n");
    }
    server()->ask("delete from rivulet_commits");
}

TEST_CASE("A database that cannot be used is named at the start", "[server]") {
    if (isMissing()) return;
    const TemporaryDirectory directory;
    CHECK_THAT(run(directory / "c", "none", 1,
                   {.connection = "host=/nowhere dbname=shop", .table = "", .uid = "", .startTimeout = 0s}),
               ContainsSubstring("postgres: cannot connect, database 'shop' at /nowhere:5432: "));
    CHECK_THAT(run(directory / "c", "none", 1), ContainsSubstring("relation \"none\" does not exist"));
}

TEST_CASE("saveToTable wants a table, a uid and a time") {
    TestStreamingContext ssc(1s);
    const auto input = tableStream(ssc, kInput);
    CHECK(errorText<UsageError>([&] { postgres::saveToTable(input, {.connection = "", .table = "", .uid = "a"}); }) ==
          "postgres::saveToTable: the table has no name; say which one gets the rows");
    CHECK_THAT(
        errorText<UsageError>([&] { postgres::saveToTable(input, {.connection = "", .table = "t", .uid = ""}); }),
        ContainsSubstring("postgres::saveToTable: the sink has no uid"));
    CHECK(errorText<UsageError>([&] {
              postgres::saveToTable(input, {.connection = "", .table = "t", .uid = "a", .timeout = 0s});
          }) == "postgres::saveToTable: the timeout (0ms) must be positive");
}

} // namespace rivulet::test::table_sink_test
