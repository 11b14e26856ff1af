#include "support/overwritten_views.h"
#include "support/rdd_harness.h"

#include <array>

namespace rivulet::test::overwritten_views_test {

namespace {

const std::string kCounts = "[(,2), (a,2), (" + kLong + ",1), (seventeen bytes17,1), (sixteen bytes 16,1)]";
const std::string kDistinct = "[, a, " + kLong + ", seventeen bytes17, sixteen bytes 16]";

} // namespace

TEST_CASE("a range that overwrites its buffer at each step is read right") {
    eachExecutor([](const Context& sc) {
        const auto keys = sc.parallelize({0}, 1).flatMap([](int) { return OverwrittenViews(); });
        CHECK(text(keys.countByValue()) == kCounts);
        CHECK(text(sorted(keys.distinct())) == kDistinct);
        CHECK(text(keys.erased().countByValue()) == kCounts);
        CHECK(text(keys) == "[a, sixteen bytes 16, " + kLong + ", , , seventeen bytes17, a]");
        CHECK(text(keys.take(3)) == "[a, sixteen bytes 16, " + kLong + "]");
        CHECK(text(keys.top(2)) == "[sixteen bytes 16, seventeen bytes17]");
        CHECK(text(keys.takeOrdered(3)) == "[, , a]");
        CHECK(keys.first() == "a");
        CHECK(keys.reduce([](const std::string& a, const std::string& b) { return a.size() < b.size() ? b : a; }) ==
              kLong);
        CHECK(keys.fold("", std::plus<>()).size() == 1 + 16 + 40 + 17 + 1);
        CHECK(text(keys.map(withOne).sortByKey().keys().take(3)) == "[, , a]");
        CHECK(text(sorted(keys.repartition(3))) == "[, , a, a, " + kLong + ", seventeen bytes17, sixteen bytes 16]");
        CHECK(text(sorted(keys.map(withOne).partitionBy(3).keys().distinct())) == kDistinct);
        CHECK(text(keys.unionWith(keys).countByValue()) ==
              "[(,4), (a,4), (" + kLong + ",2), (seventeen bytes17,2), (sixteen bytes 16,2)]");
        CHECK(text(keys.mapPartitions([](PartitionElements<std::string> all) {
                  std::vector<std::string> kept;
                  for (const auto& key : all) kept.push_back(key);
                  return kept;
              })) == "[a, sixteen bytes 16, " + kLong + ", , , seventeen bytes17, a]");
    });
}

} // namespace rivulet::test::overwritten_views_test
