#include "support/rdd_harness.h"

#include <future>

namespace rivulet::test::cancellation_test {

using Catch::Matchers::EndsWith;

namespace {

/// Numbers without end, which open a gate when they begin.
auto endless(const Context& sc, Gate& running) {
    return sc.range(0, 1'000'000'000'000'000, 1, 2).filter([&running](long x) {
        if (x == 0) running.open();
        return x < 0;
    });
}

template <class Cancel> std::string errorOfCancelled(const Context& sc, const Cancel& cancel) {
    Gate running;
    auto job = std::async(std::launch::async, [&] {
        sc.setJobGroup("slow", "a job without end");
        sc.addJobTag("A");
        sc.addJobTag("B");
        return errorOf<CancelledError>([&] { endless(sc, running).count(); });
    });
    running.wait();
    cancel();
    return job.get();
}

} // namespace

TEST_CASE("a group's jobs are cancelled, and others go on", "[R56]") {
    eachMaster("local[3]", [](const Context& sc) {
        Gate other, finish;
        auto good = std::async(std::launch::async, [&] {
            sc.setJobGroup("good");
            return sc.range(0, 3, 1, 1)
                .map([&](long x) {
                    other.open();
                    finish.wait();
                    return x;
                })
                .count();
        });
        other.wait();
        CHECK_THAT(errorOfCancelled(sc, [&] { sc.cancelJobGroup("slow"); }),
                   EndsWith("was cancelled because its group 'slow' was cancelled"));
        CHECK_THAT(errorOfCancelled(sc, [&] { sc.cancelJobGroup("slow", "no need"); }),
                   EndsWith("was cancelled because its group 'slow' was cancelled: no need"));
        finish.open();
        CHECK(good.get() == 3);
    });
}

TEST_CASE("jobs are cancelled by tag, by id and all together", "[R58]") {
    eachMaster("local[2]", [](const Context& sc) {
        CHECK_THAT(errorOfCancelled(sc,
                                    [&] {
                                        sc.cancelJobsWithTag("C");
                                        sc.cancelJobsWithTag("B", "enough");
                                    }),
                   EndsWith("was cancelled because jobs with its tag 'B' were cancelled: enough"));
        CHECK_THAT(errorOfCancelled(sc, [&] { sc.cancelJob(1); }),
                   EndsWith(") was cancelled because the program said so"));
        CHECK_THAT(errorOfCancelled(sc, [&] { sc.cancelAllJobs(); }),
                   EndsWith("was cancelled because all jobs were cancelled"));
        CHECK(sc.range(5).count() == 5);
    });
}

TEST_CASE("a group may be cancelled with its jobs to come") {
    const Context sc("local[2]", "test");
    sc.cancelJobGroupAndFutureJobs("never");
    sc.setJobGroup("never");
    CHECK_THAT(errorOf<CancelledError>([&] { sc.range(5).count(); }),
               EndsWith("was cancelled because its group 'never' was cancelled with its future jobs"));
    sc.clearJobGroup();
    CHECK(sc.range(5).count() == 5);
}

TEST_CASE("of two jobs that share a map stage one is cancelled and the other finishes", "[R59]") {
    eachMaster("local[2]", [](const Context& sc) {
        Gate mapping, cancelled;
        const auto counts = sc.range(0, 100, 1, 2)
                                .map([&](long x) {
                                    if (x == 0) {
                                        mapping.open();
                                        cancelled.wait();
                                    }
                                    return std::pair(x % 5, 1L);
                                })
                                .reduceByKey(std::plus<>());
        auto first = std::async(std::launch::async, [&] {
            sc.setJobGroup("first");
            return errorOf<CancelledError>([&] { counts.count(); });
        });
        mapping.wait();
        auto second = std::async(std::launch::async, [&] { return counts.count(); });
        sc.cancelJobGroup("first");
        cancelled.open();
        CHECK_THAT(first.get(), EndsWith("was cancelled because its group 'first' was cancelled"));
        CHECK(second.get() == 5);
    });
}

TEST_CASE("tags are checked and remembered by thread") {
    const Context sc("local", "test");
    sc.addJobTag("A");
    sc.addJobTag("B");
    sc.addJobTag("A");
    CHECK(text(sc.getJobTags()) == "[A, B]");
    sc.removeJobTag("A");
    CHECK(text(sc.getJobTags()) == "[B]");
    CHECK(std::async(std::launch::async, [&] { return sc.getJobTags(); }).get().empty());
    CHECK(Context("local", "other").getJobTags().empty());
    sc.clearJobTags();
    CHECK(sc.getJobTags().empty());
    for (const char* bad : {"", "a,b"})
        CHECK(errorOf<UsageError>([&] { sc.addJobTag(bad); }) ==
              std::string("addJobTag: the tag '") + bad + "' must not be empty or have a comma");
}

TEST_CASE("local properties are seen by the thread's tasks", "[R77]") {
    eachExecutor([](const Context& sc) {
        sc.setLocalProperty("pool", "blue");
        CHECK(sc.getLocalProperty("pool") == "blue");
        const auto pools = sc.range(0, 2, 1, 2).map([](long) { return TaskContext::get()->getLocalProperty("pool"); });
        CHECK(text(pools) == "[blue, blue]");
        auto inherited = pools.collectAsync(); // a copy of what its caller had
        sc.setLocalProperty("pool", "");
        CHECK(text(inherited.get()) == "[blue, blue]");
        CHECK(text(pools) == "[, ]");
    });
}

TEST_CASE("asynchronous actions give what the others do") {
    eachSetup([](const Context& sc, int partitions) {
        const auto numbers = sc.range(0, 100, 1, partitions);
        auto count = numbers.countAsync();
        auto all = numbers.erased().collectAsync();
        auto some = numbers.takeAsync(3);
        std::atomic<long> sum = 0;
        auto each = numbers.foreachAsync([&](long x) { sum += x; });
        auto parts = numbers.foreachPartitionAsync([&](PartitionElements<long>) { sum += 10'000; });
        CHECK(count.get() == 100);
        CHECK(count.get() == 100);
        CHECK(count.isCompleted());
        CHECK(text(all.get()) == text(numbers));
        CHECK(text(some.get()) == "[0, 1, 2]");
        each.get();
        parts.get();
        CHECK(sum == 4950 + 10'000 * partitions);
    });
}

TEST_CASE("a future tells what its action threw, and cancels it") {
    eachMaster("local[2]", [](const Context& sc) {
        auto bad = sc.range(0, 4, 1, 2).foreachAsync([](long) { throw std::runtime_error("no"); });
        CHECK_THAT(errorOf<JobError>([&] { bad.get(); }), EndsWith("no"));
        Gate running;
        auto future = endless(sc, running).countAsync();
        running.wait();
        CHECK_FALSE(future.isCompleted());
        const auto before = std::chrono::steady_clock::now();
        future.cancel("enough");
        CHECK_THAT(errorOf<CancelledError>([&] { future.get(); }),
                   EndsWith("was cancelled because its future was cancelled: enough"));
        CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(10));
        CHECK(sc.range(5).count() == 5);
    });
}

TEST_CASE("a stop ends asynchronous actions, and the last handle of a context may go before them") {
    for (const bool stops : {true, false}) {
        std::optional<Context> sc(std::in_place, Conf("local[2]", "test").set("rivulet.log.level", "OFF"));
        Gate running, gone;
        // So many that the stop comes while they last.
        auto future = sc->range(0, stops ? 10'000'000'000 : 10, 1, 1).foreachAsync([&](long x) {
            if (x == 0) {
                running.open();
                gone.wait();
            }
        });
        running.wait();
        if (stops) {
            Gate stopped;
            const Context other = *sc;
            std::jthread stopping([&, other] { other.stop(); });
            while (!sc->isStopped()) std::this_thread::yield();
            gone.open();
            CHECK_THAT(errorOf<CancelledError>([&] { future.get(); }),
                       EndsWith("was cancelled because its Context was stopped"));
        } else {
            sc.reset();
            gone.open();
            future.get();
        }
    }
}

} // namespace rivulet::test::cancellation_test
