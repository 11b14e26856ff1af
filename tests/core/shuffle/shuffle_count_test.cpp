#include "support/rdd_harness.h"

namespace rivulet::test::shuffle_count_test {

TEST_CASE("what is partitioned already is not shuffled again") {
    const Context sc("local[2]", "test");
    const auto rows = sc.parallelize({std::pair(1, 1L), std::pair(2, 2L), std::pair(1, 3L)}, 2);
    const auto reduced = rows.reduceByKey(std::plus<>(), 4);
    CHECK(shufflesOf(*reduced.lineagePtr()) == 1);
    CHECK(shufflesOf(*reduced.reduceByKey(std::plus<>()).lineagePtr()) == 1);
    CHECK(shufflesOf(*reduced.mapValues([](long x) { return x; }).groupByKey(4).lineagePtr()) == 1);
    CHECK(shufflesOf(*reduced.groupByKey(3).lineagePtr()) == 2);
    CHECK(shufflesOf(*reduced.join(reduced).lineagePtr()) == 2); // two ways to the one shuffle
    CHECK(reduced.partitionBy(4).id() == reduced.id());
    CHECK(text(sorted(reduced.mapValues([](long x) { return x * 10; }).groupByKey(4))) == "[(1,[40]), (2,[20])]");
    CHECK(text(sorted(reduced.join(reduced))) == "[(1,(4,4)), (2,(2,2))]");
}

TEST_CASE("RDDs of different contexts cannot be brought together") {
    const Context one("local", "one"), other("local", "other");
    const auto a = one.parallelize({std::pair(1, 1)}, 1), b = other.parallelize({std::pair(1, 1)}, 1);
    CHECK(errorOf<UsageError>([&] { a.join(b); }) ==
          "join: the two RDDs belong to different contexts; make both with the same Context");
    CHECK(errorOf<UsageError>([&] { a.cogroup(b); }) ==
          "cogroup: the two RDDs belong to different contexts; make both with the same Context");
    CHECK(errorOf<UsageError>([&] { a.unionWith(b); }) ==
          "union: the RDDs belong to different contexts; make all of them with the same Context");
}

} // namespace rivulet::test::shuffle_count_test
