#include "support/rdd_harness.h"

namespace rivulet::test::cache_test {

using Catch::Matchers::ContainsSubstring;

TEST_CASE("cached partitions are computed once") {
    eachExecutor([](const Context& sc) {
        std::atomic<int> computed = 0;
        const auto cached = counted(sc, computed).cache();
        CHECK(computed == 0);
        CHECK(cached.getStorageLevel() == StorageLevel::MEMORY_ONLY);
        CHECK(cached.count() == 10);
        CHECK(text(cached) == "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]");
        CHECK(text(cached.filter([](long x) { return x > 7; })) == "[8, 9]");
        CHECK(cached.map(withOne).reduceByKey(std::plus<>()).count() == 10);
        CHECK(computed == 10);
    });
}

TEST_CASE("what is not cached is computed by every job") {
    const Context sc("local[2]", "test");
    std::atomic<int> computed = 0;
    const auto plain = counted(sc, computed);
    plain.count();
    plain.erased().count();
    CHECK(computed == 20);
}

TEST_CASE("the cache is shared by copies and repeated erasures of a chain") {
    const Context sc("local[2]", "test");
    std::atomic<int> computed = 0;
    const auto chain = counted(sc, computed);
    const auto cached = chain.cache();
    const RDD<long> erased = chain, copy = cached;
    CHECK(erased.count() + copy.count() + chain.erased().count() + cached.cache().count() == 40);
    CHECK(computed == 10);
    CHECK(chain.getStorageLevel() == StorageLevel::MEMORY_ONLY);
    CHECK(chain.count() == 10); // a fused chain does not look into the cache
    CHECK(computed == 20);
}

TEST_CASE("only the partitions that a job computes are cached, and each as a whole") {
    const Context sc("local", "test");
    std::atomic<int> computed = 0;
    const auto cached = counted(sc, computed).cache();
    CHECK(text(cached.take(2)) == "[0, 1]");
    CHECK(computed == 5);
    CHECK(cached.count() == 10);
    CHECK(computed == 10);
}

TEST_CASE("unpersist gives the memory back, and the RDD can be kept again") {
    const Context sc("local[2]", "test");
    std::atomic<int> computed = 0;
    const auto before = heldBytes(sc);
    const auto cached = counted(sc, computed).persist(StorageLevel::MEMORY_ONLY);
    cached.count();
    CHECK(heldBytes(sc) == before + 10 * std::int64_t(sizeof(long)));
    cached.unpersist();
    CHECK(heldBytes(sc) == before);
    CHECK(cached.getStorageLevel() == StorageLevel::NONE);
    CHECK(cached.count() == 10);
    CHECK(computed == 20);
    cached.persist().count();
    CHECK(cached.count() == 10);
    CHECK(computed == 30);
}

TEST_CASE("the blocks go with the last handle") {
    const Context sc("local[2]", "test");
    const auto before = heldBytes(sc);
    {
        const RDD<long> cached = sc.range(1000).cache();
        cached.count();
        CHECK(heldBytes(sc) > before);
        const auto user = cached.map([](long x) { return x; });
        CHECK(user.count() == 1000);
    }
    CHECK(heldBytes(sc) == before);
}

TEST_CASE("a chain keeps what it was made of in the cache") {
    const Context sc("local[2]", "test");
    std::atomic<int> computed = 0;
    const auto doubled = [&] { return counted(sc, computed).cache().map([](long x) { return x * 2; }); }();
    doubled.count();
    doubled.count();
    CHECK(computed == 10);
}

TEST_CASE("a storage level cannot be changed by persisting with NONE, and the same level twice is fine") {
    // there is one level with a memory today, so the refusal of another one cannot be provoked
    const Context sc("local", "test");
    const auto cached = sc.range(3).cache();
    CHECK(cached.persist(StorageLevel::MEMORY_ONLY).id() == cached.id());
    CHECK(sc.range(3).persist(StorageLevel::NONE).getStorageLevel() == StorageLevel::NONE);
}

TEST_CASE("a computation that throws leaves no part in the cache", "[R29]") {
    eachExecutor([](const Context& sc) {
        std::atomic<bool> fails = true;
        std::atomic<int> computed = 0;
        const auto before = heldBytes(sc);
        const auto cached = sc.range(0, 10, 1, 1)
                                .map([&](long x) {
                                    ++computed;
                                    if (x == 7 && fails) throw std::runtime_error("not today");
                                    return x;
                                })
                                .cache();
        CHECK_THAT(errorOf<JobError>([&] { cached.collect(); }), ContainsSubstring("not today"));
        CHECK(heldBytes(sc) == before);
        fails = false;
        computed = 0;
        CHECK(cached.count() == 10);
        CHECK(computed == 10);
        CHECK(cached.count() == 10);
        CHECK(computed == 10);
    });
}

} // namespace rivulet::test::cache_test
