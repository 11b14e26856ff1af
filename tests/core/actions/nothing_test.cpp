#include "support/rdd_harness.h"

namespace rivulet::test::nothing_test {

TEST_CASE("nothing is taken of nothing", "[R13]") {
    eachSetup([](const Context& sc, int partitions) {
        const RDD<int> none = sc.emptyRDD<int>(), hollow = sc.parallelize(std::vector<int>{}, partitions);
        for (const auto& rdd : {none, hollow}) {
            CHECK(rdd.takeOrdered(5).empty());
            CHECK(rdd.top(5).empty());
            CHECK(rdd.take(5).empty());
            CHECK(rdd.collect().empty());
            CHECK(rdd.isEmpty());
            CHECK(rdd.count() == 0);
            CHECK(rdd.countByValue().empty());
            CHECK(rdd.distinct().collect().empty());
            CHECK(rdd.map(withOne).reduceByKey(std::plus<>()).collect().empty());
            CHECK(rdd.map(withOne).groupByKey().collect().empty());
            CHECK(rdd.map(withOne).join(rdd.map(withOne)).collect().empty());
            CHECK(rdd.map(withOne).sortByKey().collect().empty());
            CHECK(rdd.repartition(3).collect().empty());
            int calls = 0;
            rdd.foreach ([&](int) { ++calls; });
            CHECK(calls == 0);
        }
    });
}

} // namespace rivulet::test::nothing_test
