#include "support/rdd_harness.h"

namespace rivulet::test::outer_joins_test {

using Left = std::pair<int, int>;
using Right = std::pair<int, char>;

namespace {

const std::vector<Left> kLeft{{1, 1}, {1, 2}, {2, 1}, {3, 1}};
const std::vector<Right> kRight{{1, 'x'}, {2, 'y'}, {2, 'z'}, {4, 'w'}};

/// `join(left, right)` must give these rows, however the two are partitioned, fused or not.
template <class Join> void expectJoined(const Join& join, const std::string& expected) {
    eachSetup([&](const Context& sc, int partitions) {
        const auto left = sc.parallelize(kLeft, partitions);
        const auto right = sc.parallelize(kRight, 2);
        CHECK(text(sorted(join(left, right))) == expected);
        CHECK(text(sorted(join(left.erased(), right.erased()))) == expected);
        CHECK(text(sorted(join(left.partitionBy(3), right.partitionBy(3)))) == expected);
        CHECK(text(sorted(join(left.partitionBy(3), right).erased())) == expected);
    });
}

} // namespace

TEST_CASE("leftOuterJoin keeps the values that have no partner", "[R31]") {
    expectJoined([](const auto& left, const auto& right) { return left.leftOuterJoin(right); },
                 "[(1,(1,Some(x))), (1,(2,Some(x))), (2,(1,Some(y))), (2,(1,Some(z))), (3,(1,None))]");
}

TEST_CASE("rightOuterJoin keeps the other's values that have no partner", "[R31]") {
    expectJoined([](const auto& left, const auto& right) { return left.rightOuterJoin(right, 5); },
                 "[(1,(Some(1),x)), (1,(Some(2),x)), (2,(Some(1),y)), (2,(Some(1),z)), (4,(None,w))]");
}

TEST_CASE("fullOuterJoin keeps the values of both that have no partner", "[R31]") {
    expectJoined([](const auto& left, const auto& right) { return left.fullOuterJoin(right); },
                 "[(1,(Some(1),Some(x))), (1,(Some(2),Some(x))), (2,(Some(1),Some(y))), (2,(Some(1),Some(z))), "
                 "(3,(Some(1),None)), (4,(None,Some(w)))]");
}

TEST_CASE("outer joins with nothing give what is there, and with nothing on both sides nothing") {
    const Context sc("local[2]", "test");
    const auto left = sc.parallelize<Left>({{1, 1}}, 1);
    const auto nothing = sc.emptyRDD<Right>();
    CHECK(text(left.leftOuterJoin(nothing)) == "[(1,(1,None))]");
    CHECK(left.rightOuterJoin(nothing).isEmpty());
    CHECK(text(nothing.fullOuterJoin(left)) == "[(1,(None,Some(1)))]");
    CHECK(nothing.fullOuterJoin(nothing).isEmpty());
}

TEST_CASE("joins are partitioned by the larger of their partitioners", "[R47]") {
    const Context sc("local[2]", "test");
    const auto two = sc.parallelize(kLeft, 2).groupByKey(2);
    const auto four = sc.parallelize(kRight, 2).groupByKey(4);
    CHECK(two.leftOuterJoin(four).partitioner()->equals(*four.partitioner()));
    CHECK(four.fullOuterJoin(two).partitioner()->equals(*four.partitioner()));
    CHECK(two.rightOuterJoin(four).mapValues([](const auto&) { return 1; }).getNumPartitions() == 4);
}

TEST_CASE("the product of a key that both sides have often is read in chunks") {
    const Context sc("local[1]", "test");
    const auto ones = sc.range(0, 3'000, 1, 1).map([](long n) { return std::pair(7, n); });
    const auto product = ones.join(ones);
    long elements = 0;
    std::size_t largest = 0;
    const auto node = product.erased().pipe().node();
    product.lineagePtr()->engine()->run({product.lineagePtr(), true, {}, {0}, [&](std::size_t, TaskContext& task) {
                                             auto reader = node->open(0, task);
                                             for (bool more = true; more;) {
                                                 std::span<const std::pair<int, std::pair<long, long>>> chunk;
                                                 more = reader->next(chunk);
                                                 elements += long(chunk.size());
                                                 largest = std::max(largest, chunk.size());
                                             }
                                         }});
    CHECK(elements == 9'000'000);
    CHECK(largest <= 1024);
    CHECK(text(product.take(2)) == "[(7,(0,0)), (7,(0,1))]");
}

TEST_CASE("subtractByKey keeps the pairs whose key the other does not have", "[R38]") {
    eachSetup([](const Context& sc, int partitions) {
        const auto left = sc.parallelize<Right>({{1, 'a'}, {1, 'a'}, {2, 'b'}, {3, 'c'}}, partitions);
        const auto right = sc.parallelize<Left>({{2, 20}, {3, 30}, {3, 31}, {4, 40}}, 3);
        const auto rest = left.subtractByKey(right);
        CHECK(text(rest) == "[(1,a), (1,a)]");
        CHECK(rest.getNumPartitions() == partitions);
        CHECK(text(left.erased().subtractByKey(right.erased(), 5)) == "[(1,a), (1,a)]");
        CHECK(left.subtractByKey(right, 5).getNumPartitions() == 5);
        CHECK(left.partitionBy(4).subtractByKey(right).partitioner()->numPartitions() == 4);
        CHECK(text(sorted(left.subtractByKey(sc.emptyRDD<Left>()))) == "[(1,a), (1,a), (2,b), (3,c)]");
        CHECK(left.subtractByKey(left).isEmpty());
    });
}

TEST_CASE("joins of views own the bytes that they keep") {
    const Context sc("local[2]", "test");
    const auto lines = sc.parallelize<std::string>({"key and a value that is longer", "other x"}, 2);
    const auto pairs = lines.map([](const std::string& line) {
        const std::string_view view = line;
        return std::pair(view.substr(0, view.find(' ')), view.substr(view.find(' ') + 1));
    });
    CHECK(text(sorted(pairs.leftOuterJoin(pairs.filter([](const auto& pair) { return pair.first == "key"; })))) ==
          "[(key,(and a value that is longer,Some(and a value that is longer))), (other,(x,None))]");
    CHECK(text(pairs.subtractByKey(pairs.filter([](const auto& pair) { return pair.first == "key"; }))) ==
          "[(other,x)]");
}

TEST_CASE("joins of RDDs of different contexts are refused") {
    const Context one("local", "one"), two("local", "two");
    const auto left = one.parallelize(kLeft, 1);
    const auto right = two.parallelize(kRight, 1);
    const auto refusal = [](const std::string& operation) {
        return operation + ": the two RDDs belong to different contexts; make both with the same Context";
    };
    CHECK(errorOf<UsageError>([&] { left.leftOuterJoin(right); }) == refusal("leftOuterJoin"));
    CHECK(errorOf<UsageError>([&] { left.rightOuterJoin(right); }) == refusal("rightOuterJoin"));
    CHECK(errorOf<UsageError>([&] { left.fullOuterJoin(right); }) == refusal("fullOuterJoin"));
    CHECK(errorOf<UsageError>([&] { left.subtractByKey(right); }) == refusal("subtractByKey"));
}

} // namespace rivulet::test::outer_joins_test
