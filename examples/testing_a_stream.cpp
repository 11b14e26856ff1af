// testing_a_stream: a test of a streaming program. No sleeping, no threads, the clock in the test's hand.
#include <rivulet/rivulet.h>
#include <rivulet/testing.h>

#include <iostream>

using namespace rivulet;
using namespace std::chrono_literals;

// Stands for the CHECK of Catch2, doctest or GoogleTest's EXPECT_TRUE.
#define CHECK(condition)                                                                                               \
    if (!(condition)) throw std::runtime_error("not true: " #condition)

int main() try {
    TestStreamingContext ssc(1s); // manual clock, deterministic executor
    auto input = ssc.queueStream<std::string>();
    auto seen = collectBatches(input.flatMap(words).countByValue());

    input.push({"a b", "a"}); // one RDD; pushOne for a single element
    ssc.advanceBatch();
    CHECK((sorted(seen[0]) == Pairs{{"a", 2}, {"b", 1}}));

    ssc.advanceBatch(); // nothing was pushed
    CHECK(seen[1].empty());

    std::cout << "passed\n";
} catch (const std::exception& error) {
    std::cerr << "testing_a_stream: " << error.what() << '\n';
    return 1;
}
