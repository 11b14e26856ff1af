#include "support/rdd_harness.h"

namespace rivulet::test::attempts_test {

using Catch::Matchers::ContainsSubstring;

namespace {

struct Thrown {
    int value;
};

} // namespace

TEST_CASE("a task that fails once is repeated where the master allows two attempts", "[R52]") {
    eachMaster("local[1,2]", [](const Context& sc) {
        std::atomic<int> runs = 0;
        const auto squares = sc.parallelize({1, 2, 3}, 3).map([&](int x) {
            ++runs;
            if (x == 1 && TaskContext::get()->attemptNumber() == 0) throw std::runtime_error("intentional");
            return x * x;
        });
        CHECK(text(squares) == "[1, 4, 9]");
        CHECK(runs == 4);
    });
}

TEST_CASE("a map task that always fails fails the job, and the next attempt at the job too", "[R52]") {
    eachMaster("local[1,2]", [](const Context& sc) {
        std::atomic<int> runs = 0;
        const auto grouped = sc.parallelize({1, 2, 3}, 3)
                                 .map([&](int x) {
                                     ++runs;
                                     if (x == 1) throw std::runtime_error("intentional");
                                     return std::pair(x, x);
                                 })
                                 .groupByKey(3);
        for (int job = 0; job < 2; ++job)
            CHECK_THAT(errorOf<JobError>([&] { grouped.collect(); }), ContainsSubstring("intentional"));
        CHECK(runs >= 4);
    });
}

TEST_CASE("a map task that fails once is repeated, and only it") {
    eachMaster("local[1,4]", [](const Context& sc) {
        std::atomic<int> runs = 0;
        const auto sums = sc.parallelize({1, 2, 3}, 3)
                              .map([&](int x) {
                                  ++runs;
                                  if (x == 2 && TaskContext::get()->attemptNumber() < 3) throw Thrown{x};
                                  return std::pair(0, x);
                              })
                              .reduceByKey(std::plus<>());
        CHECK(text(sums) == "[(0,6)]");
        CHECK(runs == 6);
    });
}

TEST_CASE("a usage error is not repeated: the program is wrong, and would be wrong again") {
    eachMaster("local[1,4]", [](const Context& sc) {
        std::atomic<int> runs = 0;
        const auto used = sc.parallelize({1}, 1).map([&](int x) {
            ++runs;
            return x + sc.range(2).count();
        });
        CHECK_THROWS_AS(used.collect(), JobError);
        CHECK(runs == 1);
    });
}

TEST_CASE("the error of a job is that of the last attempt", "[R53]") {
    eachMaster("local[1,2]", [](const Context& sc) {
        std::atomic<int> runs = 0, failed = 0;
        const auto mapped = sc.parallelize({1, 2, 3}, 3).map([&](int x) {
            ++runs;
            if (x == 3) throw std::runtime_error("failed=" + std::to_string(++failed));
            return x;
        });
        const std::string what = errorOf<JobError>([&] { mapped.collect(); });
        CHECK_THAT(what, ContainsSubstring("failed=2"));
        CHECK(runs == 4);
    });
}

TEST_CASE("each attempt computes its partition from the start") {
    eachMaster("local[1,4]", [](const Context& sc) {
        std::atomic<int> attempts = 0;
        std::vector<std::uint64_t> ids;
        const auto numbers = sc.range(0, 3000, 1, 1).map([&](long x) {
            if (x == 0) ids.push_back(TaskContext::get()->taskAttemptId());
            if (x == 2500 && ++attempts < 4) throw std::runtime_error("again");
            return x;
        });
        CHECK(numbers.count() == 3000);
        CHECK(attempts == 4);
        REQUIRE(ids.size() == 4);
        for (std::size_t i = 1; i < ids.size(); ++i) CHECK(ids[i] > ids[i - 1]);
        attempts = 0;
        CHECK(numbers.collect().size() == 3000);
        attempts = 0;
        CHECK(numbers.fold(0, std::plus<>()) == 2999 * 3000 / 2);
    });
}

TEST_CASE("the attempts of the configuration win over those of the master") {
    const Context sc(Conf("local[2,5]", "test").set("rivulet.task.maxFailures", 3).set("rivulet.log.level", "OFF"));
    std::atomic<int> runs = 0;
    CHECK_THAT(errorOf<JobError>([&] {
                   sc.range(0, 1, 1, 1)
                       .map([&](long) -> long {
                           ++runs;
                           throw Thrown{1};
                       })
                       .count();
               }),
               ContainsSubstring("(attempt 3 of 3, job 0: "));
    CHECK(runs == 3);
}

} // namespace rivulet::test::attempts_test
