#include "support/rdd_harness.h"

namespace rivulet::test::keys_test {

TEST_CASE("keys of every kind group right") {
    enum class Colour { red, blue };
    expectTable(
        std::vector{true, false, true}, [](auto r) { return sorted(r.map(withOne).reduceByKey(std::plus<>())); },
        "[(false,1), (true,2)]");
    expectTable(
        std::vector{0.0, -0.0, 1.5}, [](auto r) { return r.map(withOne).reduceByKey(std::plus<>()).count(); }, "2");
    expectTable(
        std::vector{1, 2, 3},
        [](auto r) {
            return sorted(r.map([](int x) { return std::pair(x % 2 ? Colour::red : Colour::blue, 1); })
                              .reduceByKey(std::plus<>())
                              .values());
        },
        "[1, 2]");
    expectTable(
        std::vector{1, 2, 3},
        [](auto r) {
            return sorted(r.keyBy([](int x) { return std::tuple(x % 2, std::string(20, 'k'), std::vector{x % 2}); })
                              .reduceByKey(std::plus<>())
                              .values());
        },
        "[2, 4]");
}

} // namespace rivulet::test::keys_test
