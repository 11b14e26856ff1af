#include "support/rdd_harness.h"

#include <functional>

namespace rivulet::test::top_test {

using Pairs = std::vector<std::pair<std::string, long>>;
using Strings = std::vector<std::string>;

TEST_CASE("top and takeOrdered give the largest and smallest in order", "[R14]") {
    const std::vector<int> numbers{3, 9, 1, 7, 5, 9, 2};
    expectTable(numbers, [](auto r) { return r.top(3); }, "[9, 9, 7]");
    expectTable(numbers, [](auto r) { return r.takeOrdered(3); }, "[1, 2, 3]");
    expectTable(numbers, [](auto r) { return r.top(2, std::greater<>()); }, "[1, 2]");
    expectTable(numbers, [](auto r) { return r.takeOrdered(2, std::greater<>()); }, "[9, 9]");
    expectTable(numbers, [](auto r) { return r.top(0); }, "[]");
    expectTable(numbers, [](auto r) { return r.takeOrdered(-1); }, "[]");
    expectTable(numbers, [](auto r) { return r.takeOrdered(100); }, "[1, 2, 3, 5, 7, 9, 9]");
    expectTable(Strings{"pear", "fig", "apple"}, [](auto r) { return r.top(2); }, "[pear, fig]");
}

TEST_CASE("of equals top and takeOrdered give the earlier first") {
    const Pairs ties{{"a", 1}, {"b", 2}, {"c", 1}, {"d", 2}, {"e", 1}, {"f", 2}, {"g", 2}, {"h", 1}};
    expectTable(ties, [](auto r) { return r.top(3, byValue); }, "[(b,2), (d,2), (f,2)]");
    expectTable(ties, [](auto r) { return r.top(6, byValue); }, "[(b,2), (d,2), (f,2), (g,2), (a,1), (c,1)]");
    expectTable(ties, [](auto r) { return r.takeOrdered(3, byValue); }, "[(a,1), (c,1), (e,1)]");
}

} // namespace rivulet::test::top_test
