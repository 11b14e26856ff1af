// A chain of 30 operators of every kind: nested generic lambdas would make this take gigabytes. measure_compiler.cpp
// compiles it and checks time and memory.
#include <rivulet/core.h>

int main() {
    using namespace rivulet;
    const Context sc("local[2]", "thirty-operators");
    const auto increase = [](long x) { return x + 1; };
    const auto isSmall = [](long x) { return x < 1'000; };
    const auto twice = [](long x) { return std::vector{x, x}; };
    const auto all = [](PartitionElements<long> elements) {
        std::vector<long> kept;
        for (long x : elements) kept.push_back(x);
        return kept;
    };
    const auto allOf = [](int index, PartitionElements<long> elements) {
        std::vector<long> kept;
        for (long x : elements) kept.push_back(x + index);
        return kept;
    };
    const auto lastDigit = [](long x) { return x % 10; };
    const auto other = sc.range(100).map(withOne);
    const auto chain = sc.range(100)
                           .map(increase)                                                                  // 1
                           .filter(isSmall)                                                                // 2
                           .flatMap(twice)                                                                 // 3
                           .keyBy(lastDigit)                                                               // 4
                           .mapValues(increase)                                                            // 5
                           .values()                                                                       // 6
                           .mapPartitions(all)                                                             // 7
                           .mapPartitionsWithIndex(allOf)                                                  // 8
                           .map(withOne)                                                                   // 9
                           .keys()                                                                         // 10
                           .map(increase)                                                                  // 11
                           .filter(isSmall)                                                                // 12
                           .flatMap(twice)                                                                 // 13
                           .keyBy(lastDigit)                                                               // 14
                           .mapValues(increase)                                                            // 15
                           .reduceByKey(std::plus<>())                                                     // 16
                           .mapValues(increase)                                                            // 17
                           .groupByKey()                                                                   // 18
                           .mapValues([](const std::vector<long>& values) { return long(values.size()); }) // 19
                           .join(other)                                                                    // 20
                           .keys()                                                                         // 21
                           .distinct()                                                                     // 22
                           .repartition(3)                                                                 // 23
                           .map(withOne)                                                                   // 24
                           .partitionBy(4)                                                                 // 25
                           .sortByKey()                                                                    // 26
                           .cogroup(other)                                                                 // 27
                           .keys()                                                                         // 28
                           .unionWith(sc.range(3))                                                         // 29
                           .filter(isSmall);                                                               // 30
    return chain.cache().collect().size() + std::size_t(chain.count()) > 0 ? 0 : 1;
}
