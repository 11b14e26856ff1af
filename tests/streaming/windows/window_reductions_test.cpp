#include "support/stream_harness.h"

namespace rivulet::test::window_reductions_test {

using namespace std::chrono_literals;

namespace {

using Text = std::string;
using Texts = Batches<std::pair<Text, Text>>;
using Sums = Batches<std::pair<Text, long>>;

const Batches<Text> kLetters{{"a", "b"}, {"c"}, {}, {"d"}, {}, {}};

} // namespace

TEST_CASE("reduceByWindow combines the elements of the window in their order", "[A29]") {
    const auto check = [](const auto& operation) {
        checkOrdered(kLetters, operation, Batches<Text>{{"ab"}, {"abc"}, {"c"}, {"d"}, {"d"}, {}});
    };
    check([](const auto& in) { return in.reduceByWindow(std::plus<>(), 2s, 1s); });
    check([](const auto& in) { return in.reduceByWindow(std::plus<>(), std::equal_to<>(), 2s, 1s); });
}

TEST_CASE("reduceByWindow without an element in the window gives none", "[A29]") {
    // Spark's form with an inverse gives what is left of the value.
    checkOrdered(
        Batches<int>{{}, {3, 4}, {}, {}},
        [](const auto& in) { return in.reduceByWindow(std::plus<>(), std::minus<>(), 2s); },
        Batches<int>{{}, {7}, {7}, {}});
}

TEST_CASE("reduceByWindow of views into lines", "[A29]") {
    const auto longer = [](const Text& a, const Text& b) { return a.size() < b.size() ? b : a; };
    checkOrdered(
        Batches<Text>{{"to be", "or not to be"}, {"that is"}, {}},
        [=](const auto& in) { return in.flatMap(words).reduceByWindow(longer, 2s); },
        Batches<Text>{{"not"}, {"that"}, {"that"}});
}

TEST_CASE("values are combined from the oldest batch to the newest", "[A29]") {
    checkSets(
        Texts{{{"k", "1"}}, {{"k", "2"}, {"k", "3"}}, {}, {{"k", "4"}}, {{"k", "5"}}, {{"k", "6"}}},
        [](const auto& in) { return in.reduceByKeyAndWindow(std::plus<>(), 4s, 1s); },
        Texts{{{"k", "1"}}, {{"k", "123"}}, {{"k", "123"}}, {{"k", "1234"}}, {{"k", "2345"}}, {{"k", "456"}}});
    checkSets(
        Texts{{{"k", "1"}}, {{"k", "2"}}, {{"k", "3"}}, {{"k", "4"}}, {{"k", "5"}}, {{"k", "6"}}},
        [](const auto& in) { return in.reduceByKeyAndWindow(std::plus<>(), 3s, 2s); },
        Texts{{{"k", "12"}}, {{"k", "234"}}, {{"k", "456"}}});
}

TEST_CASE("a filter leaves pairs out of what a window gives, and not out of the window", "[A35]") {
    const auto positive = [](const std::pair<Text, long>& sum) { return sum.second > 0; };
    const Sums values{{{"k", 5}, {"l", 1}}, {{"k", -5}}, {{"l", -2}}, {}, {}};
    const Sums expected{{{"k", 5}, {"l", 1}}, {{"l", 1}}, {}, {}, {}};
    const auto check = [&](const auto& operation) { checkSets(values, operation, expected); };
    check([=](const auto& in) { return in.reduceByKeyAndWindow(std::plus<>(), std::minus<>(), 3s, 1s, 2, positive); });
    check([=](const auto& in) { return in.reduceByKeyAndWindow(std::plus<>(), std::minus<>(), 3s, 1s, positive); });
}

TEST_CASE("groupByKeyAndWindow gives the values of a key in the order of the batches", "[A31]") {
    using Groups = Batches<std::pair<Text, std::vector<long>>>;
    checkSets(
        Sums{{{"a", 1}, {"b", 2}}, {{"a", 3}}, {{"b", 4}}, {}, {}},
        [](const auto& in) { return in.groupByKeyAndWindow(2s); },
        Groups{{{"a", {1}}, {"b", {2}}}, {{"a", {1, 3}}, {"b", {2}}}, {{"a", {3}}, {"b", {4}}}, {{"b", {4}}}, {}});
    checkSets(
        Sums{{{"a", 1}}, {{"a", 2}}, {{"a", 3}}, none, {{"a", 5}}, {}},
        [](const auto& in) { return in.groupByKeyAndWindow(3s, 2s, 3); },
        Groups{{{"a", {1, 2}}}, {{"a", {2, 3}}}, {{"a", {5}}}});
}

} // namespace rivulet::test::window_reductions_test
