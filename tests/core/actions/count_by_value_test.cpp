#include "support/rdd_harness.h"

namespace rivulet::test::count_by_value_test {

using Strings = std::vector<std::string>;

TEST_CASE("countByValue tells how often each value occurs") {
    expectTable(Strings{"x", "y", "x", "", "x", ""}, [](auto r) { return r.countByValue(); }, "[(,2), (x,3), (y,1)]");
    expectTable(std::vector{2, 2, -1}, [](auto r) { return r.countByValue(); }, "[(-1,1), (2,2)]");
    expectTable(std::vector<bool>{true, false, true}, [](auto r) { return r.countByValue(); }, "[(false,1), (true,2)]");
}

} // namespace rivulet::test::count_by_value_test
