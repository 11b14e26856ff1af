#include "support/rdd_harness.h"

#include <optional>

namespace rivulet::test::usage_test {

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

TEST_CASE("an RDD cannot be used inside of another's function", "[R25]") {
    eachMaster("local[2]", [](const Context& sc) {
        const auto outer = sc.parallelize({1, 2}, 2);
        const auto inner = sc.parallelize({3, 4}, 2);
        const std::string message = "an RDD was used inside of another RDD's function: transformations and actions are "
                                    "called by the driver only; collect() the inner one before and use its values, or "
                                    "join the two";
        const auto check = [&](const auto& use) {
            CHECK_THAT(errorOf<JobError>([&] {
                           outer
                               .map([&](int x) {
                                   use();
                                   return x;
                               })
                               .collect();
                       }),
                       StartsWith("map at usage_test.cpp:") && ContainsSubstring(message));
        };
        check([&] { inner.count(); });
        check([&] { inner.map([](int x) { return x; }); });
        check([&] { inner.erased().take(1); });
        check([&] { inner.map(withOne).reduceByKey(std::plus<>()); });
        check([&] { inner.reduce(std::plus<>()); });
        check([&] { sc.parallelize({1}, 1); });
        check([&] { inner.distinct(); });
        check([&] { inner.unionWith(inner); });
    });
}

TEST_CASE("a stopped context refuses jobs, operations and sources", "[R26]") {
    const Context sc("local[2]", "test");
    const auto numbers = sc.range(10);
    const RDD<long> erased = numbers;
    const std::string message = "this Context was stopped: make a new one for further jobs";
    CHECK_FALSE(sc.isStopped());
    sc.stop();
    sc.stop();
    CHECK(sc.isStopped());
    CHECK(errorOf<UsageError>([&] { numbers.collect(); }) == message);
    CHECK(errorOf<UsageError>([&] { erased.count(); }) == message);
    CHECK(errorOf<UsageError>([&] { erased.take(1); }) == message);
    CHECK(errorOf<UsageError>([&] { erased.isEmpty(); }) == message);
    CHECK(errorOf<UsageError>([&] { erased.saveAsTextFile("/nowhere"); }) == message);
    CHECK(errorOf<UsageError>([&] { numbers.map([](long x) { return x; }); }) == message);
    CHECK(errorOf<UsageError>([&] { numbers.unionWith(erased); }) == message);
    CHECK(errorOf<UsageError>([&] { sc.parallelize({1}, 1); }) == message);
    CHECK(errorOf<UsageError>([&] { sc.range(1); }) == message);
    CHECK(errorOf<UsageError>([&] { sc.textFile("x"); }) == message);
    CHECK(errorOf<UsageError>([&] { sc.emptyRDD<int>(); }) == message);
}

TEST_CASE("an RDD that outlives its Context says so, and can still be described and dropped") {
    RDD<long> left;
    std::string origin;
    {
        const Context sc("local[2]", "test");
        const auto numbers = sc.range(0, 10, 1, 2);
        const auto here = std::source_location::current();
        left = numbers.map([](long x) { return x; });
        CHECK(left.cache().count() == 10);
        origin = site("map", here);
    }
    const std::string message =
        "this RDD (" + origin + ") has outlived its Context: keep the Context alive as long as its RDDs are used";
    CHECK(errorOf<UsageError>([&] { left.count(); }) == message);
    CHECK(errorOf<UsageError>([&] { left.take(1); }) == message);
    CHECK(errorOf<UsageError>([&] { left.map([](long x) { return x; }); }) == message);
    CHECK(left.getNumPartitions() == 2);
    CHECK(left.toDebugString().starts_with("(2) MapPartitionsRDD[1] at " + origin));
    left.unpersist();
}

TEST_CASE("copies of a Context are the same context") {
    RDD<long> rdd;
    std::optional<Context> first(std::in_place, "local[2]", "test");
    {
        const Context second = *first;
        rdd = second.range(5);
    }
    CHECK(rdd.count() == 5);
    const Context third = std::move(*first);
    first.reset();
    CHECK(rdd.count() == 5);
    CHECK(third.appName() == "test");
}

} // namespace rivulet::test::usage_test
