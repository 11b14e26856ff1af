#include "support/rdd_harness.h"

namespace rivulet::test::thrown_test {

using Catch::Matchers::ContainsSubstring;

namespace {

struct Thrown {
    int value;
};

} // namespace

TEST_CASE("a job's error names operator, call site, partition, RDD, attempt and job") {
    eachMaster("local[2]", [](const Context& sc) {
        const auto numbers = sc.range(0, 4, 1, 4);
        numbers.count();
        const auto noTwos = [](long x) { return x == 2 ? throw std::runtime_error("no twos") : x; };
        const auto filtered = numbers.filter([](long x) { return x >= 0; });
        const auto here = std::source_location::current();
        const auto failing = filtered.map(noTwos);
        const auto collect = [&] { failing.collect(); };
        const auto count = [&] { failing.erased().count(); };
        CHECK(errorOf<JobError>(collect) ==
              site("map", here) + " threw in partition 2 of RDD 2 (attempt 1 of 1, job 1: " + site("collect", here, 2) +
                  "): no twos");
        CHECK(errorOf<JobError>(count) ==
              site("map", here) + " threw in partition 2 of RDD 2 (attempt 1 of 1, job 2: " + site("count", here, 3) +
                  "): no twos");
    });
}

TEST_CASE("functions may throw anything, and the cause is kept") {
    eachMaster("local[2]", [](const Context& sc) {
        const auto thrownBy = [&](const auto& throwIt) {
            return errorOf<JobError>([&] {
                sc.parallelize({1}, 1)
                    .map([&](int x) {
                        throwIt();
                        return x;
                    })
                    .count();
            });
        };
        CHECK_THAT(thrownBy([] { throw 42; }), ContainsSubstring("): an exception of type int"));
        CHECK_THAT(thrownBy([] { throw "a text"; }), ContainsSubstring("): a text"));
        CHECK_THAT(thrownBy([] { throw std::string("a string"); }), ContainsSubstring("): a string"));
        CHECK_THAT(thrownBy([] { throw Thrown{1}; }),
                   ContainsSubstring("): an exception of type ") && ContainsSubstring("Thrown"));
        CHECK_THAT(thrownBy([] { throw std::out_of_range("too far"); }), ContainsSubstring("): too far"));
        try {
            sc.parallelize({1}, 1).map([](int) -> int { throw Thrown{17}; }).count();
            FAIL("nothing was thrown");
        } catch (const JobError& error) {
            try {
                std::rethrow_exception(error.cause());
            } catch (const Thrown& thrown) {
                CHECK(thrown.value == 17);
            }
        }
    });
}

TEST_CASE("a context goes on after a failed job") {
    eachMaster("local[4]", [](const Context& sc) {
        for (int i = 0; i < 3; ++i) {
            CHECK(errorOf<JobError>([&] {
                      sc.range(0, 100, 1, 10).map([](long x) { return x == 50 ? throw Thrown{0} : x; }).count();
                  }) != "no error");
            CHECK(sc.range(0, 100, 1, 10).count() == 100);
        }
    });
}

} // namespace rivulet::test::thrown_test
