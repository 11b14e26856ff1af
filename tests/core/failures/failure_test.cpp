#include "support/rdd_harness.h"

namespace rivulet::test::failure_test {

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

namespace {

/// Throws where its iterator steps.
struct Throwing {
    using value_type = int;
    int throwAt;
    struct Iterator {
        int at, throwAt;
        int operator*() const { return at; }
        Iterator& operator++() { return ++at == throwAt ? throw std::runtime_error("boom") : *this; }
        bool operator==(const Iterator& other) const { return at == other.at; }
    };
    Iterator begin() const { return {0, throwAt}; }
    Iterator end() const { return {10, throwAt}; }
};
/// Throws while it pushes.
struct Pushes {
    using value_type = int;
    int throwAt;
    template <class Sink> void each(Sink& sink) const {
        for (int i = 0; i < 10; ++i) i == throwAt ? throw std::runtime_error("boom") : sink(int(i));
    }
    const int* begin() const { return nullptr; }
    const int* end() const { return nullptr; }
};

} // namespace

TEST_CASE("the error names the operator in which the function threw, whichever it was") {
    const Context sc(Conf("local", "test").set("rivulet.log.level", "OFF"));
    const auto one = sc.parallelize({7, 7}, 1);
    const auto pairs = one.map(withOne);
    const auto boom = [](const auto&...) -> int { throw std::runtime_error("boom"); };
    const auto boomRange = [](const auto&...) -> std::vector<int> { throw std::runtime_error("boom"); };
    const auto boomLess = [](const auto&, const auto&) -> bool { throw std::runtime_error("boom"); };
    const auto check = [](const char* operation, const auto& action) {
        const std::string what = errorOf<JobError>(action);
        CHECK_THAT(what, StartsWith(std::string(operation) + " at failure_test.cpp:") && ContainsSubstring("boom"));
    };
    check("map", [&] { one.map(boom).count(); });
    check("filter", [&] { one.filter(boom).count(); });
    check("flatMap", [&] { one.flatMap(boomRange).count(); });
    check("keyBy", [&] { one.keyBy(boom).count(); });
    check("mapValues", [&] { pairs.mapValues(boom).count(); });
    check("mapPartitions", [&] { one.mapPartitions(boomRange).count(); });
    check("mapPartitionsWithIndex", [&] { one.mapPartitionsWithIndex(boomRange).count(); });
    check("reduceByKey", [&] { pairs.reduceByKey(boom).count(); });
    check("reduce", [&] { one.reduce(boom); });
    check("fold", [&] { one.fold(0, boom); });
    check("aggregate", [&] { one.aggregate(0, boom, std::plus<>()); });
    check("aggregate", [&] { one.aggregate(0, std::plus<>(), boom); });
    check("top", [&] { one.top(1, boomLess); });
    check("takeOrdered", [&] { one.takeOrdered(2, boomLess); });
    check("foreach", [&] { one.foreach (boom); });
    check("foreachPartition", [&] { one.foreachPartition(boom); });
    check("map", [&] { one.map(boom).erased().filter([](int) { return true; }).cache().take(1); });
    check("map", [&] { one.map(boom).map(withOne).reduceByKey(std::plus<>()).keys().top(1); });
}

TEST_CASE("a comparison that throws in sortByKey is named") {
    const Context sc(Conf("local", "test").set("rivulet.log.level", "OFF"));
    const auto boomLess = [](int, int) -> bool { throw std::runtime_error("boom"); };
    const auto pairs = sc.parallelize({std::pair(2, 'b'), std::pair(1, 'a'), std::pair(3, 'c')}, 2);
    for (int ranges : {1, 2})
        CHECK_THAT(errorOf<JobError>([&] { pairs.sortByKey(true, ranges, boomLess).collect(); }),
                   StartsWith("sortByKey at failure_test.cpp:") && ContainsSubstring("boom"));
    // throws from the n-th comparison on: while bounds are chosen, while rows are routed, while a range is sorted
    for (int n = 0; n < 20; ++n) {
        std::atomic<int> left = n;
        const auto later = [&left](int a, int b) { return left-- > 0 ? a < b : throw std::runtime_error("boom"); };
        const std::string what = errorOf<JobError>([&] { pairs.sortByKey(true, 2, later).collect(); });
        INFO("from comparison " << n << " on");
        if (what != "no error") CHECK_THAT(what, StartsWith("sortByKey at ") && ContainsSubstring("boom"));
    }
}

TEST_CASE("a comparison that throws while results are merged is named") {
    const Context sc(Conf("local", "test").set("rivulet.log.level", "OFF"));
    const auto numbers = sc.parallelize({5, 3, 9, 1, 7, 2}, 3);
    for (int n = 0; n < 20; ++n) {
        std::atomic<int> left = n;
        const auto later = [&left](int a, int b) {
            return TaskContext::get() || left-- > 0 ? a < b : throw std::runtime_error("boom");
        };
        const std::string what = errorOf<JobError>([&] { numbers.takeOrdered(4, later); });
        INFO("from comparison " << n << " of the merge on");
        if (what != "no error") CHECK_THAT(what, StartsWith("takeOrdered at ") && ContainsSubstring("boom"));
    }
}

TEST_CASE("a range of the user's that throws is named") {
    const Context sc(Conf("local", "test").set("rivulet.log.level", "OFF"));
    const auto one = sc.parallelize({3}, 1);
    const auto check = [](const char* operation, const auto& action) {
        const std::string what = errorOf<JobError>(action);
        CHECK_THAT(what, StartsWith(std::string(operation) + " at failure_test.cpp:") && ContainsSubstring("boom"));
    };
    check("flatMap", [&] { one.flatMap([](int x) { return Throwing{x}; }).count(); });
    check("flatMap", [&] { one.flatMap([](int x) { return Pushes{x}; }).count(); });
    check("mapPartitions", [&] { one.mapPartitions([](auto) { return Throwing{3}; }).count(); });
    // what an operator further down throws is that operator's
    check("map", [&] {
        one.flatMap([](int) { return Pushes{-1}; }).map([](int) -> int { throw std::runtime_error("boom"); }).count();
    });
}

} // namespace rivulet::test::failure_test
