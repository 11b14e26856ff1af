#include "support/rdd_harness.h"

#include <array>

namespace rivulet::test::large_values_test {

TEST_CASE("values may be as large as a page or two") {
    using Large = std::array<double, 2048>;
    expectTable(
        std::vector{1, 2, 3, 4, 5, 6, 7, 8, 9},
        [](auto r) {
            return r.map([](int x) { return std::pair(x % 2, Large{double(x)}); })
                .reduceByKey([](const Large& a, const Large& b) { return Large{a[0] + b[0]}; })
                .map([](const auto& row) { return row.second[0]; })
                .reduce(std::plus<>());
        },
        "45");
}

} // namespace rivulet::test::large_values_test
