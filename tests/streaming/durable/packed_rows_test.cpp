#include "rivulet/stream/durable/stored_rows.h"
#include "support/catch.h"

#include <random>

namespace rivulet::test::packed_rows_test {

using namespace rivulet::detail;
using Catch::Matchers::ContainsSubstring;

namespace {

using Row = std::pair<std::string, std::string>; // key and state

/// The piece that rows and removed keys make, as it is stored.
std::vector<RowsPiece> piecesOf(const std::vector<Row>& rows, const std::vector<std::string>& removed) {
    RowsMemory memory;
    RowsWriter out(false, memory);
    for (const auto& [key, state] : rows) out.row(key, state, Time());
    for (const auto& key : removed) out.removed(key);
    return out.finish();
}

/// What the rows are without packing.
std::string plainOf(const std::vector<Row>& rows, const std::vector<std::string>& removed) {
    ByteWriter out;
    out(false, std::uint32_t(rows.size()), std::uint32_t(removed.size()));
    for (const auto& [key, state] : rows) out(key, state);
    for (const auto& key : removed) out(key);
    return std::move(out).text();
}

std::string unpacked(const RowsPiece& piece) {
    if (!piece.packed) return piece.bytes;
    std::string plain;
    unpackRows(piece.bytes, plain);
    return plain;
}

} // namespace

TEST_CASE("Rows of one width are stored without the bytes that they have in common") {
    std::vector<Row> rows;
    for (int i = 0; i < 100; ++i) rows.emplace_back("user-" + std::to_string(1000 + i * 7), std::to_string(10 + i % 9));
    const auto pieces = piecesOf(rows, {"gone", "another"});
    REQUIRE(pieces.size() == 1);
    CHECK(pieces[0].packed);
    CHECK(pieces[0].bytes.size() < plainOf(rows, {"gone", "another"}).size() / 3);
    CHECK(unpacked(pieces[0]) == plainOf(rows, {"gone", "another"}));
}

TEST_CASE("Rows of any content come back as they were") {
    std::mt19937 random(20261121);
    int packed = 0;
    for (int round = 0; round < 400; ++round) {
        const std::size_t count = random() % 60, width = 1 + random() % 40, varies = 1 + random() % 40;
        const bool even = random() % 4 != 0;
        std::vector<Row> rows;
        for (std::size_t i = 0; i < count; ++i) {
            std::string key(width, 'k'), state(random() % 2 ? 3 : 3 + (even ? 0 : random() % 2), 's');
            for (std::size_t at = 0; at < std::min(width, varies); ++at) key[width - 1 - at] = char(random());
            rows.emplace_back(std::move(key), std::move(state));
        }
        std::vector<std::string> removed(random() % 3, "x");
        const auto pieces = piecesOf(rows, removed);
        if (count == 0 && removed.empty()) {
            CHECK(pieces.empty());
            continue;
        }
        REQUIRE(pieces.size() == 1);
        packed += pieces[0].packed;
        CHECK(unpacked(pieces[0]) == plainOf(rows, removed));
        CHECK(pieces[0].bytes.size() <= plainOf(rows, removed).size());
    }
    CHECK(packed > 50);
    CHECK(packed < 390);
}

TEST_CASE("Rows that are all the same take the space of one") {
    const std::vector<Row> rows(1000, Row("the same", "as well"));
    const auto pieces = piecesOf(rows, {});
    REQUIRE(pieces.size() == 1);
    CHECK(pieces[0].bytes.size() < 60);
    CHECK(unpacked(pieces[0]) == plainOf(rows, {}));
}

TEST_CASE("The memory of pieces is used again") {
    RowsMemory memory;
    for (int batch = 0; batch < 3; ++batch) {
        RowsWriter out(true, memory);
        for (std::uint64_t i = 0; i < 100'000; ++i) out.row(i * 7, i, Time());
        auto pieces = out.finish();
        CHECK(pieces.size() == 3); // of 24 bytes each
        for (RowsPiece& piece : pieces) memory.give(std::move(piece.bytes));
        CHECK(memory.sizeBytes() < 8 << 20);
    }
}

TEST_CASE("Packed rows that are cut or changed are refused") {
    std::vector<Row> rows;
    for (int i = 0; i < 40; ++i) rows.emplace_back("user-" + std::to_string(1000 + i), "1");
    const auto pieces = piecesOf(rows, {});
    REQUIRE(pieces[0].packed);
    std::string plain;
    for (std::size_t size = 0; size < 60; ++size)
        CHECK_THROWS_AS(unpackRows(std::string_view(pieces[0].bytes).substr(0, size), plain), CorruptionError);
    std::string many = pieces[0].bytes;
    many[3] = many[4] = '\x7f'; // rows
    CHECK_THROWS_AS(unpackRows(many, plain), CorruptionError);
    std::string wide = pieces[0].bytes;
    wide[10] = '\x7f'; // width
    CHECK_THROWS_WITH(unpackRows(wide, plain), ContainsSubstring("the width of packed rows"));
}

} // namespace rivulet::test::packed_rows_test
