#include "support/rdd_harness.h"

#include <functional>

namespace rivulet::test::colliding_keys_test {

namespace {

/// A key whose hash is the same for all.
struct Colliding {
    std::string name;
    bool operator==(const Colliding&) const = default;
    auto operator<=>(const Colliding&) const = default;
};

} // namespace

} // namespace rivulet::test::colliding_keys_test

template <> struct std::hash<rivulet::test::colliding_keys_test::Colliding> {
    std::size_t operator()(const rivulet::test::colliding_keys_test::Colliding&) const { return 42; }
};

namespace rivulet::test::colliding_keys_test {

TEST_CASE("keys with equal hashes and empty keys stay apart", "[R70]") {
    eachSetup([](const Context& sc, int partitions) {
        std::vector<std::pair<Colliding, long>> rows;
        for (int i = 0; i < 600; ++i) rows.push_back({{i % 300 ? std::to_string(i % 300) : ""}, i});
        const auto input = sc.parallelize(rows, partitions);
        const auto sums = input.reduceByKey(std::plus<>()).collectAsMap();
        REQUIRE(sums.size() == 300);
        for (int i = 0; i < 300; ++i) CHECK(sums.at({i ? std::to_string(i) : ""}) == 2 * i + 300);
        CHECK(input.groupByKey().count() == 300);
        CHECK(input.keys().distinct().count() == 300);
        CHECK(input.join(input).count() == 1200);
        CHECK(glom(input.groupByKey(5)).size() == 5);
    });
}

TEST_CASE("texts whose Java hashes collide, and keys with the largest hash, stay apart", "[R70]") {
    expectTable(
        std::vector<std::string>{"Aa", "BB", "AaBB", "BBAa", "Aa"},
        [](auto r) { return sorted(r.map(withOne).reduceByKey(std::plus<>())); },
        "[(Aa,2), (AaBB,1), (BB,1), (BBAa,1)]");
    expectTable(
        std::vector{2147483647, -2147483647 - 1, -1, 0, 2147483647},
        [](auto r) { return sorted(r.map(withOne).reduceByKey(std::plus<>())); },
        "[(-2147483648,1), (-1,1), (0,1), (2147483647,2)]");
}

} // namespace rivulet::test::colliding_keys_test
