#include "support/rdd_harness.h"

namespace rivulet::test::determinism_test {

TEST_CASE("results do not depend on the number of threads") {
    std::vector<double> values;
    for (int i = 0; i < 5000; ++i) values.push_back(1.0 / (1 + (i * 7919) % 5000));
    std::vector<std::string> results;
    for (const char* master : {"local[1]", "local[2]", "local[7]"})
        for (const char* executor : kExecutors) {
            const Context sc(Conf(master, "test").set("rivulet.executor", executor));
            const auto rdd = sc.parallelize(values, 7);
            const auto keyed = rdd.keyBy([](double x) { return long(x * 1e6) % 13; });
            std::string result = text(rdd.reduce(std::plus<>())) + text(rdd.fold(0.1, std::plus<>()));
            result += text(keyed.reduceByKey(std::plus<>())) + text(keyed.groupByKey()) + text(keyed.sortByKey());
            result += text(rdd.repartition(3)) + text(rdd.distinct()) + text(keyed.top(20, byValue));
            result += text(keyed.join(keyed.reduceByKey(std::plus<>())));
            results.push_back(std::move(result));
        }
    for (const auto& result : results) CHECK((result == results.front()));
}

} // namespace rivulet::test::determinism_test
