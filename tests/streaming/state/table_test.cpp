#include "rivulet/stream/state/keeper.h"
#include "support/catch.h"

#include <map>
#include <random>
#include <string>

namespace rivulet::test::table_test {

// The table behind the operators with a state, against a map.

using namespace rivulet::detail;

namespace {

using Text = std::string;
using TextTable = StateTable<Text, long>;
using Delta = StateDelta<Text, long>;
using States = std::map<Text, long>;

constexpr auto kNone = DenseIndex::kNone;
const Time kTime{Duration(1000)};

Cell<Text, Nothing> cellOf(const Text& key, Arena& texts) {
    Cell<Text, Nothing> cell;
    cell.set(key, Nothing{}, texts);
    return cell;
}

/// What one batch does: puts a state (or, without one, takes it away) for each key.
Delta deltaOf(TextTable& table, const std::map<Text, std::optional<long>>& changes) {
    Arena texts;
    Delta delta = table.beginPass();
    for (const auto& [key, state] : changes) {
        const auto cell = cellOf(key, texts);
        std::uint32_t number;
        const RowKeys<Text, Cell<Text, Nothing>, 1> keys(&cell, 1);
        table.resolve(keys, 1, &number, true);
        CHECK(number == table.find(cell.slot()));
        const auto kind = state ? StateChange::updated : StateChange::removed;
        if (number != kNone) {
            delta.known.push_back({number, kind, state});
        } else {
            auto& change = delta.newStates[newKeyOf(delta, cell.slot())];
            change.kind = kind;
            if (state) change.state = *state;
        }
    }
    return delta;
}

States statesOf(const StateVersion<Text, long>& version) {
    States states;
    for (const auto& [key, state] : version.rows()) CHECK(states.emplace(key, state).second);
    return states;
}
States statesOf(const TextTable& table) { return statesOf(*table.version()); }

std::optional<long> lookup(const TextTable& table, const Text& key) {
    Arena texts;
    return table.lookup(cellOf(key, texts).slot());
}

/// What the table says about its changes, and how that was before.
States withChanges(const TextTable& table, States states) {
    table.eachChange([&](StateChange kind, const std::pair<Text, long>& row) {
        if (kind == StateChange::removed)
            CHECK(states.erase(row.first) == 1);
        else
            states[row.first] = row.second;
    });
    return states;
}

Text keyOf(unsigned n) {
    return n % 3 == 0 ? "a key that is longer than sixteen bytes, no " + std::to_string(n) : std::to_string(n);
}

} // namespace

TEST_CASE("a state table is a map, batch after batch, of which some are taken back", "[A52]") {
    const auto seed = GENERATE(1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u);
    INFO("seed " << seed);
    std::mt19937 random(seed);
    TextTable table;
    States expected;
    for (int batch = 0; batch < 200; ++batch) {
        std::map<Text, std::optional<long>> changes;
        for (unsigned i = 0, n = random() % 20; i < n; ++i) {
            auto& state = changes[keyOf(random() % 60)];
            state = random() % 3 == 0 ? std::optional<long>() : std::optional<long>(random() % 4);
        }
        States next = expected;
        for (const auto& [key, state] : changes) {
            if (state)
                next[key] = *state;
            else
                next.erase(key);
        }
        table.apply(deltaOf(table, changes), kTime);
        CHECK(statesOf(table) == next);
        CHECK(withChanges(table, expected) == next);
        for (unsigned n = 0; n < 60; ++n) { // whoever asks from outside sees the last committed batch
            const auto before = expected.find(keyOf(n));
            CHECK(lookup(table, keyOf(n)) == (before == expected.end() ? std::nullopt : std::optional(before->second)));
        }
        CHECK(table.size() == expected.size());
        if (random() % 4 == 0) {
            table.abort();
        } else {
            table.commit();
            expected = std::move(next);
        }
        CHECK(statesOf(table) == expected);
        CHECK(table.size() == expected.size());
        CHECK(withChanges(table, {}).empty());
    }
}

TEST_CASE("all sequences of putting and taking three keys leave what a map has", "[A52]") {
    // Three batches, each of which puts, takes or leaves alone each of three keys: 3^9.
    for (int sequence = 0; sequence < 19683; ++sequence) {
        TextTable table;
        States expected;
        for (int batch = 0, rest = sequence; batch < 3; ++batch) {
            std::map<Text, std::optional<long>> changes;
            for (const char* key : {"a", "b", "c"}) {
                const int what = rest % 3;
                rest /= 3;
                if (what == 1) changes[key] = expected[key] = batch;
                if (what == 2) {
                    changes[key] = std::nullopt;
                    expected.erase(key);
                }
            }
            table.apply(deltaOf(table, changes), kTime);
            table.commit();
        }
        if (statesOf(table) != expected) {
            CAPTURE(sequence);
            CHECK(statesOf(table) == expected);
        }
    }
}

TEST_CASE("an aborted batch leaves the rows in their order") {
    TextTable table;
    table.apply(deltaOf(table, {{"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}}), kTime);
    table.commit();
    const auto rows = [&] {
        const auto version = table.version();
        return std::vector<std::pair<Text, long>>(version->rows().begin(), version->rows().end());
    };
    const auto before = rows();
    table.apply(deltaOf(table, {{"a", std::nullopt}, {"c", std::nullopt}, {"d", 5}, {"e", 6}}), kTime);
    CHECK(rows() != before);
    table.abort();
    CHECK(rows() == before);
}

TEST_CASE("what is held of an earlier batch stays as it was", "[A50]") {
    TextTable table;
    table.apply(deltaOf(table, {{"a", 1}, {"b", 2}}), kTime);
    const auto first = table.version();
    table.commit();
    table.apply(deltaOf(table, {{"a", 10}, {"b", std::nullopt}, {"c", 3}}), kTime);
    const auto second = table.version();
    table.commit();
    table.apply(deltaOf(table, {{"a", 100}}), kTime);
    table.abort();
    CHECK(statesOf(*first) == States{{"a", 1}, {"b", 2}});
    CHECK(statesOf(*second) == States{{"a", 10}, {"c", 3}});
    CHECK(statesOf(table) == States{{"a", 10}, {"c", 3}});
}

TEST_CASE("a batch knows what it changed: not what it touched and left equal", "[A50]") {
    TextTable table;
    table.apply(deltaOf(table, {{"a", 1}, {"b", 2}, {"c", 3}}), kTime);
    table.commit();
    table.apply(deltaOf(table, {{"a", 1}, {"b", 20}, {"c", std::nullopt}, {"d", 4}, {"e", std::nullopt}}), kTime);
    std::map<Text, std::pair<StateChange, long>> changes;
    table.eachChange([&](StateChange kind, const auto& row) { changes[row.first] = {kind, row.second}; });
    CHECK(changes == std::map<Text, std::pair<StateChange, long>>{{"b", {StateChange::updated, 20}},
                                                                  {"c", {StateChange::removed, 3}},
                                                                  {"d", {StateChange::updated, 4}}});
}

TEST_CASE("states without == are changed where they are touched") {
    struct Opaque {
        int n;
    };
    STATIC_REQUIRE((!kHasEquality<Opaque>));
    STATIC_REQUIRE((!kHasEquality<std::vector<Opaque>>));
    STATIC_REQUIRE((!kHasEquality<std::optional<std::pair<int, Opaque>>>));
    STATIC_REQUIRE((kHasEquality<std::vector<std::pair<int, Text>>>));
    STATIC_REQUIRE((kHasEquality<std::map<Text, long>>));
    CHECK(!isSameState(Opaque{1}, Opaque{1}));
    CHECK(isSameState(1, 1));
}

TEST_CASE("the memory of keys that come and go stays flat", "[A52]") {
    TextTable table(true);
    std::size_t most = 0;
    for (unsigned batch = 0; batch < 4000; ++batch) {
        std::map<Text, std::optional<long>> changes;
        for (unsigned i = 0; i < 10; ++i) {
            changes[std::to_string(batch * 10 + i)] = 1;
            if (batch >= 20) changes[std::to_string((batch - 20) * 10 + i)] = std::nullopt;
        }
        table.apply(deltaOf(table, changes), Time(Duration(batch)));
        table.commit();
        if (batch == 100) most = table.sizeBytes();
        if (batch > 100) CHECK(table.sizeBytes() <= most);
    }
    CHECK(table.size() == 200);
}

TEST_CASE("a table that was large gives its memory back") {
    TextTable table(true);
    std::map<Text, std::optional<long>> changes;
    for (unsigned n = 0; n < 100'000; ++n) changes[std::to_string(n)] = n;
    table.apply(deltaOf(table, changes), kTime);
    table.commit();
    const auto large = table.sizeBytes();
    for (auto& [key, state] : changes) state.reset();
    table.apply(deltaOf(table, changes), kTime);
    table.commit();
    table.apply(deltaOf(table, {{"a", 1}}), kTime);
    table.commit();
    CHECK(table.sizeBytes() < large / 100);
    CHECK(statesOf(table) == States{{"a", 1}});
}

} // namespace rivulet::test::table_test
