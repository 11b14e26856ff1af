#include "support/rdd_harness.h"

#include <set>

namespace rivulet::test::accumulator_test {

namespace {

struct Distinct {
    std::set<long> seen;
    void add(long x) { seen.insert(x); }
    void merge(const Distinct& other) { seen.insert(other.seen.begin(), other.seen.end()); }
};

struct Throwing {
    void add(long) {}
    void merge(const Throwing&) { throw std::runtime_error("no"); }
};

} // namespace

TEST_CASE("accumulators sum what the tasks of all partitions add", "[R61]") {
    eachSetup([](const Context& sc, int partitions) {
        const auto sum = sc.longAccumulator("sum");
        const auto halves = sc.doubleAccumulator();
        const auto all = sc.collectionAccumulator<long>("all");
        sc.range(0, 100, 1, partitions).foreach ([=](long x) {
            sum.add(x);
            if (x % 2 == 0) halves.add(0.5);
            if (x < 3) all.add(x);
        });
        CHECK(sum.value() == 4950);
        CHECK(sum.all().count == 100);
        CHECK(sum.all().avg() == 49.5);
        CHECK(sum.name() == "sum");
        CHECK(halves.value() == 25);
        CHECK(text(sorted(all.value())) == "[0, 1, 2]");
        sum.add(50); // outside of tasks
        CHECK(sum.value() == 5000);
        sum.reset();
        CHECK(sum.value() == 0);
    });
}

TEST_CASE("a chain that is computed twice counts twice, and once where it is cached", "[R61]") {
    const Context sc("local[2]", "test");
    const auto count = sc.longAccumulator("count");
    const auto counting = [=](long x) {
        count.add(1);
        return x;
    };
    const auto rdd = sc.range(0, 10, 1, 2).map(counting);
    rdd.count();
    CHECK(count.value() == 10);
    rdd.count();
    CHECK(count.value() == 20);
    count.reset();
    const auto cached = sc.range(0, 10, 1, 2).map(counting).cache();
    CHECK(count.value() == 0);
    cached.count();
    cached.count();
    CHECK(count.value() == 10);
}

TEST_CASE("an attempt that fails does not count", "[R61]") {
    eachMaster("local[2,2]", [](const Context& sc) {
        const auto count = sc.longAccumulator("count");
        const auto rdd = sc.range(0, 10, 1, 2).map([=](long x) {
            count.add(1);
            if (x == 9 && TaskContext::get()->attemptNumber() == 0) throw std::runtime_error("once");
            return std::pair(x % 2, x);
        });
        CHECK(rdd.count() == 10);
        CHECK(count.value() == 10);
        count.reset();
        CHECK(rdd.reduceByKey(std::plus<>()).count() == 2); // in map tasks
        CHECK(count.value() == 10);
    });
}

TEST_CASE("an accumulator of the program's own is registered once, before tasks use it", "[R62]") {
    const Context sc(Conf("local[2]", "test").set("rivulet.log.level", "OFF"));
    const Accumulator<Distinct> seen;
    const auto use = [&] { sc.range(0, 10, 1, 2).foreach ([=](long x) { seen.add(x % 3); }); };
    CHECK_THAT(errorOf<JobError>(use),
               Catch::Matchers::ContainsSubstring("an accumulator was used in a task before it was registered: call "
                                                  "Context::registerAccumulator first"));
    sc.registerAccumulator(seen, "seen");
    use();
    CHECK(seen.value().seen == std::set<long>{0, 1, 2});
    CHECK(errorOf<UsageError>([&] { sc.registerAccumulator(seen, "again"); }) ==
          "registerAccumulator: the accumulator 'seen' is registered already: register it once, or make another one");
}

TEST_CASE("a merge that throws does not fail the job") {
    const Context sc(Conf("local[2]", "test").set("rivulet.log.level", "OFF"));
    const Accumulator<Throwing> bad;
    sc.registerAccumulator(bad, "bad");
    const auto fine = sc.longAccumulator("fine");
    sc.range(0, 10, 1, 2).foreach ([=](long x) {
        bad.add(x);
        fine.add(1);
    });
    CHECK(fine.value() == 10);
}

TEST_CASE("a broadcast is one value for all tasks, until it is destroyed") {
    eachExecutor([](const Context& sc) {
        sc.setLogLevel("OFF");
        const auto names = sc.broadcast(std::vector<std::string>{"zero", "one"});
        const auto rdd = sc.parallelize({0, 1, 0}, 2).map([=](int x) { return names->at(std::size_t(x)); });
        CHECK(text(rdd) == "[zero, one, zero]");
        names.unpersist();
        CHECK(text(rdd) == "[zero, one, zero]");
        const auto here = std::source_location::current();
        names.destroy();
        names.destroy();
        const std::string gone = "attempted to use broadcast " + std::to_string(names.id()) +
                                 " after it was destroyed (" + site("destroy", here) +
                                 "): destroy it when no job needs it any more";
        CHECK(errorOf<UsageError>([&] { names.value(); }) == gone);
        CHECK(errorOf<JobError>([&] { rdd.collect(); }).find(gone) != std::string::npos);
        CHECK(sc.broadcast(std::string_view("text")).value() == "text");
        CHECK(sc.broadcast(1).id() != sc.broadcast(2).id());
    });
}

} // namespace rivulet::test::accumulator_test
