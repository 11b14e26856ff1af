#include "durable/batch_plan.h"
#include "durable/copies/saved_copy.h"
#include "durable/envelope.h"
#include "durable/operator_table.h"
#include "rivulet/stream/durable/migration.h"
#include "rivulet/stream/durable/stored_panes.h"
#include "support/catch.h"

#include <random>

namespace rivulet::test::mutated_bytes_test {

// What reads stored bytes is given bytes that nobody has written: it says so, or takes them for what they may be, and
// does nothing else.

using namespace rivulet::detail;

namespace {

std::string mutated(std::string bytes, std::mt19937_64& random) {
    for (auto changes = 1 + random() % 4; changes > 0; --changes) {
        const std::size_t at = bytes.empty() ? 0 : random() % bytes.size();
        switch (random() % 5) {
        case 0: bytes.resize(at); break;
        case 1: bytes.insert(at, std::string(1 + random() % 9, char(random()))); break;
        case 2: bytes.erase(at, 1 + random() % 9); break;
        case 3: bytes += bytes.substr(at); break;
        default:
            if (!bytes.empty()) bytes[at] = char(random() % 2 ? random() : 0xff);
        }
    }
    return bytes;
}

struct Counts {
    long taken = 0, refused = 0;
};

template <class Read> Counts readMutated(const std::string& whole, const Read& read, int times) {
    std::mt19937_64 random(20261121);
    Counts counts;
    read(whole); // as it was written
    for (int i = 0; i < times; ++i) {
        try {
            read(mutated(whole, random));
            ++counts.taken;
        } catch (const CorruptionError&) { // anything else ends the test
            ++counts.refused;
        }
    }
    return counts;
}

template <class T> void readAs(std::string_view bytes) {
    T x{};
    ByteReader in(bytes);
    in(x);
    in.finish();
}

void readAllMutated(int times) {
    const OperatorTable operators{3, {{1, "totals", "updateStateByKey of tuple<string,i64>"}, {2, "in", "source x"}}};
    const BatchPlan plan{7, Time(std::chrono::seconds(7)), Time(), std::chrono::seconds(1), {{"in", "12"}, {"b", "x"}}};
    const SavedContents contents{
        {7, 2, 99}, Time(std::chrono::seconds(7)), {{"000012.sst", 4711, 42}, {"CURRENT", 16, 1}}};
    ByteWriter rows; // timed, with five rows and a key that was removed
    rows(true, std::uint32_t(5), std::uint32_t(1));
    for (int i = 0; i < 5; ++i) rows(Time(std::chrono::seconds(i)), std::string(std::size_t(i), 'k'), long(i));
    rows(std::string("gone"));
    PaneWriter pane(Time(std::chrono::seconds(3)), false);
    for (int i = 0; i < 5; ++i) pane.row(std::pair(std::string(std::size_t(i), 'k'), long(i)));
    using Row = std::pair<std::string, long>;
    const auto migration = migrateState<std::string, long>("uid", [](long old) { return std::vector<long>(1, old); });

    Counts all;
    const auto add = [&](const Counts& counts) {
        all.taken += counts.taken;
        all.refused += counts.refused;
        CHECK(counts.refused > 0);
    };
    add(readMutated(written(operators), [](std::string_view bytes) { readAs<OperatorTable>(bytes); }, times));
    add(readMutated(written(plan), [](std::string_view bytes) { readAs<BatchPlan>(bytes); }, times));
    add(readMutated(written(contents), [](std::string_view bytes) { readAs<SavedContents>(bytes); }, times));
    const std::string piece(rows.view()), panePiece = pane.finish().at(0);
    add(readMutated(piece, [&](std::string_view bytes) { migration.rewrite(bytes, true); }, times));
    add(readMutated(panePiece, [&](std::string_view bytes) { migration.rewrite(bytes, false); }, times));
    add(readMutated(
        panePiece,
        [](std::string_view bytes) {
            Rows<Row> read;
            readPaneRows(bytes, read);
        },
        times));
    WARN(all.taken + all.refused << " texts: " << all.refused << " refused, " << all.taken << " may be what they say");
}

} // namespace

TEST_CASE("Whatever bit of an envelope is flipped, and wherever it ends, it is refused", "[T24]") {
    const std::string whole = enveloped(Stored::state, "a payload of some bytes");
    CHECK(opened(Stored::state, whole, "it") == "a payload of some bytes");
    CHECK_THROWS_AS(opened(Stored::plan, whole, "it"), CorruptionError);
    for (std::size_t i = 0; i < 8 * whole.size(); ++i) {
        std::string damaged = whole;
        damaged[i / 8] = char(damaged[i / 8] ^ (1 << i % 8));
        CHECK_THROWS_AS(opened(Stored::state, damaged, "it"), CorruptionError);
    }
    for (std::size_t size = 0; size < whole.size(); ++size)
        CHECK_THROWS_AS(opened(Stored::state, std::string_view(whole).substr(0, size), "it"), CorruptionError);
    CHECK_THROWS_AS(opened(Stored::state, whole + "x", "it"), CorruptionError);
}

TEST_CASE("Stored bytes that were changed are refused, or are what they may be", "[T24]") { readAllMutated(3000); }

TEST_CASE("A million stored texts that were changed are refused, or are what they may be", "[.long][T24]") {
    readAllMutated(170'000);
}

} // namespace rivulet::test::mutated_bytes_test
