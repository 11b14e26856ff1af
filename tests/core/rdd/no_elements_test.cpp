#include "support/rdd_harness.h"

#include <mutex>
#include <set>
#include <thread>

namespace rivulet::test::no_elements_test {

// Stages of which it is known that they find no element run on the caller's thread: to wake another takes longer.

namespace {

/// Notes which threads run the tasks of a stage.
struct Threads {
    std::shared_ptr<std::set<std::thread::id>> seen = std::make_shared<std::set<std::thread::id>>();
    std::shared_ptr<std::mutex> mutex = std::make_shared<std::mutex>();
    template <class T> std::vector<T> operator()(const std::vector<T>& elements) const {
        std::lock_guard lock(*mutex);
        seen->insert(std::this_thread::get_id());
        return elements;
    }
    bool onlyMine() const { return *seen == std::set{std::this_thread::get_id()}; }
};

using Pair = std::pair<std::string, long>;

} // namespace

TEST_CASE("tasks of an RDD without elements run on the caller's thread") {
    const Context sc("local[4]", "test");
    for (int repetition = 0; repetition < 20; ++repetition) {
        const Threads mapped, reduced;
        const auto counts =
            sc.parallelize(std::vector<Pair>(), 8)
                .mapPartitions([mapped](PartitionElements<Pair>) { return mapped(std::vector<Pair>()); })
                .reduceByKey(std::plus<>())
                .mapPartitions([reduced](PartitionElements<Pair>) { return reduced(std::vector<Pair>()); })
                .collect();
        CHECK(counts.empty());
        CHECK(mapped.onlyMine());
        CHECK(reduced.onlyMine());
    }
}

TEST_CASE("what an RDD without elements is united with is found") {
    const Context sc("local[2]", "test");
    const RDD<Pair> none = sc.parallelize(std::vector<Pair>(), 3);
    const RDD<Pair> some = sc.parallelize(std::vector<Pair>{{"a", 1}, {"a", 2}}, 2);
    CHECK(none.unionWith(some).reduceByKey(std::plus<>()).collect() == std::vector<Pair>{{"a", 3}});
    CHECK(none.unionWith(none).reduceByKey(std::plus<>()).collect().empty());
    CHECK(none.reduceByKey(std::plus<>()).fullOuterJoin(some).count() == 2);
    CHECK(none.repartition(4).count() == 0);
    CHECK(sc.emptyRDD<Pair>().count() == 0);
}

} // namespace rivulet::test::no_elements_test
