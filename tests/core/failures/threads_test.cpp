#include "support/rdd_harness.h"

#include <future>
#include <latch>

namespace rivulet::test::threads_test {

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

TEST_CASE("jobs from several threads share the map tasks of one shuffle", "[R77]") {
    eachExecutor([](const Context& sc) {
        std::atomic<int> mapped = 0;
        const auto counts = sc.range(0, 1000, 1, 4)
                                .map([&](long x) {
                                    ++mapped;
                                    return std::pair(x % 7, 1L);
                                })
                                .reduceByKey(std::plus<>());
        constexpr int kThreads = 4;
        std::latch together(kThreads);
        std::vector<std::future<long>> sums;
        for (int i = 0; i < kThreads; ++i)
            sums.push_back(std::async(std::launch::async, [&] {
                together.arrive_and_wait();
                return counts.values().reduce(std::plus<>());
            }));
        for (auto& sum : sums) CHECK(sum.get() == 1000);
        CHECK(mapped == 1000);
    });
}

TEST_CASE("jobs from several threads compute each cached partition once") {
    eachExecutor([](const Context& sc) {
        std::atomic<int> computed = 0;
        const auto cached = sc.range(0, 1000, 1, 8)
                                .map([&](long x) {
                                    ++computed;
                                    return x;
                                })
                                .cache();
        constexpr int kThreads = 4;
        std::latch together(kThreads);
        std::vector<std::future<long>> counts;
        for (int i = 0; i < kThreads; ++i)
            counts.push_back(std::async(std::launch::async, [&] {
                together.arrive_and_wait();
                return cached.count();
            }));
        for (auto& count : counts) CHECK(count.get() == 1000);
        CHECK(computed == 1000);
    });
}

TEST_CASE("a failing job does not disturb another one at the same time") {
    eachExecutor([](const Context& sc) {
        sc.setLogLevel("OFF");
        Gate failed;
        auto good = std::async(std::launch::async, [&] {
            return sc.range(0, 4, 1, 1)
                .map([&](long x) {
                    if (x == 0) failed.wait();
                    return x;
                })
                .reduce(std::plus<>());
        });
        CHECK_THAT(errorOf<JobError>([&] {
                       sc.range(0, 4, 1, 1).map([](long) -> long { throw std::runtime_error("bad"); }).count();
                   }),
                   ContainsSubstring("bad"));
        failed.open();
        CHECK(good.get() == 6);
    });
}

TEST_CASE("when the map tasks that a second job waits for fail, it tries them itself") {
    eachExecutor([](const Context& sc) {
        sc.setLogLevel("OFF");
        std::atomic<bool> fails = true;
        Gate started, release;
        const auto counts = sc.range(0, 2, 1, 1)
                                .map([&](long x) {
                                    if (fails) {
                                        started.open();
                                        release.wait();
                                        fails = false;
                                        throw std::runtime_error("the first time");
                                    }
                                    return std::pair(x, 1L);
                                })
                                .reduceByKey(std::plus<>());
        auto first = std::async(std::launch::async, [&] { return errorOf<JobError>([&] { counts.count(); }); });
        started.wait();
        auto second = std::async(std::launch::async, [&] { return counts.count(); });
        release.open();
        CHECK_THAT(first.get(), ContainsSubstring("the first time"));
        CHECK(second.get() == 2);
    });
}

TEST_CASE("stop from another thread cancels a running job") {
    for (const char* executor : kExecutors) {
        INFO("executor " << executor);
        const Context sc(Conf("local[2]", "test").set("rivulet.executor", executor).set("rivulet.log.level", "OFF"));
        Gate running;
        std::string where;
        auto job = std::async(std::launch::async, [&] {
            // without end, if it is not cancelled
            const auto endless = sc.range(0, 1'000'000'000'000'000, 1, 2).filter([&](long x) {
                if (x == 0) running.open();
                return x < 0;
            });
            const auto here = std::source_location::current();
            const auto count = [&] { endless.count(); };
            where = site("count", here);
            return errorOf<CancelledError>(count);
        });
        running.wait();
        sc.stop(); // returns when no job is left
        CHECK(job.wait_for(std::chrono::seconds(50)) == std::future_status::ready);
        CHECK(job.get() == "job 0 (" + where + ") was cancelled because its Context was stopped");
    }
}

TEST_CASE("stop cancels the map tasks of a shuffle, and jobs that wait for them") {
    for (const char* executor : kExecutors) {
        INFO("executor " << executor);
        const Context sc(Conf("local[2]", "test").set("rivulet.executor", executor).set("rivulet.log.level", "OFF"));
        Gate running;
        const auto counts = sc.range(0, 1'000'000'000'000'000, 1, 1)
                                .filter([&](long x) {
                                    if (x == 0) running.open();
                                    return x < 0;
                                })
                                .map(withOne)
                                .reduceByKey(std::plus<>());
        const auto count = [&] { return errorOf<CancelledError>([&] { counts.count(); }); };
        auto first = std::async(std::launch::async, count), second = std::async(std::launch::async, count);
        running.wait();
        sc.stop();
        for (auto* job : {&first, &second}) {
            const std::string what = job->get();
            // the second one may have come too late even to begin
            CHECK((what.ends_with("was cancelled because its Context was stopped") ||
                   what.starts_with("another error: this Context was stopped")));
        }
    }
}

TEST_CASE("a task may stop its own context") {
    const Context sc(Conf("local[2]", "test").set("rivulet.log.level", "OFF"));
    CHECK_THAT(errorOf<CancelledError>([&] {
                   sc.range(0, 10, 1, 4)
                       .map([&](long x) {
                           sc.stop();
                           return x;
                       })
                       .count();
               }),
               StartsWith("job 0 ("));
}

TEST_CASE("handles are copied, erased and dropped by many threads at once") {
    const Context sc("local[2]", "test");
    const auto chain = sc.range(0, 10, 1, 2).map([](long x) { return x; });
    std::vector<std::future<bool>> all;
    for (int i = 0; i < 4; ++i)
        all.push_back(std::async(std::launch::async, [&] {
            bool right = true;
            for (int n = 0; n < 50; ++n) {
                const RDD<long> erased = chain;
                right = right && erased.count() == 10 && erased.id() == chain.id();
            }
            return right;
        }));
    for (auto& one : all) CHECK(one.get());
}

TEST_CASE("one thread keeps and gives up what others read") {
    eachExecutor([](const Context& sc) {
        const RDD<long> shared = sc.range(0, 1000, 1, 4).map([](long x) { return x; });
        std::jthread toggles([&](const std::stop_token& stop) {
            while (!stop.stop_requested()) {
                shared.cache();
                shared.unpersist();
            }
        });
        bool right = true;
        for (int i = 0; i < 200; ++i) right = right && shared.count() == 1000;
        CHECK(right);
    });
}

TEST_CASE("nothing stays in memory of an RDD that was given up while it was computed") {
    const Context sc("local[2]", "test");
    const auto before = sc.memory().totalBytes();
    Gate computing, given;
    const auto cached = sc.range(0, 1000, 1, 1)
                            .map([&](long x) {
                                if (x == 0) {
                                    computing.open();
                                    given.wait();
                                }
                                return x;
                            })
                            .cache();
    auto count = std::async(std::launch::async, [&] { return cached.count(); });
    computing.wait();
    cached.unpersist();
    given.open();
    CHECK(count.get() == 1000);
    CHECK(cached.getStorageLevel() == StorageLevel::NONE);
    CHECK(sc.memory().totalBytes() == before);
}

} // namespace rivulet::test::threads_test
