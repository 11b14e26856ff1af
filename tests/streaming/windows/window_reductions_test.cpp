#include "support/stream_harness.h"

using namespace rivulet;
using namespace rivulet::test;
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
    checkSets(
        Sums{{{"k", 5}, {"l", 1}}, {{"k", -5}}, {{"l", -2}}, {}, {}},
        [=](const auto& in) { return in.reduceByKeyAndWindow(std::plus<>(), std::minus<>(), 3s, 1s, 2, positive); },
        Sums{{{"k", 5}, {"l", 1}}, {{"l", 1}}, {}, {}, {}});
}

TEST_CASE("values that are lists and values that are structs", "[A29]") {
    checkSets(
        Sums{{{"k", 1}}, {{"k", 2}, {"l", 3}}, {}, {}},
        [](const auto& in) {
            return in.mapValues([](long n) { return std::vector<long>{n}; })
                .reduceByKeyAndWindow(
                    [](std::vector<long> a, const std::vector<long>& b) {
                        a.insert(a.end(), b.begin(), b.end());
                        return a;
                    },
                    2s);
        },
        Batches<std::pair<Text, std::vector<long>>>{
            {{"k", {1}}}, {{"k", {1, 2}}, {"l", {3}}}, {{"k", {2}}, {"l", {3}}}, {}});
    struct Range { // without a default
        long least, most;
        explicit Range(long n) : least(n), most(n) {}
    };
    checkSets(
        Sums{{{"k", 1}}, {{"k", 5}, {"k", 3}}, {{"k", 4}}, {}},
        [](const auto& in) {
            return in.mapValues([](long n) { return Range(n); })
                .reduceByKeyAndWindow(
                    [](Range a, const Range& b) {
                        a.least = std::min(a.least, b.least);
                        a.most = std::max(a.most, b.most);
                        return a;
                    },
                    2s)
                .mapValues([](const Range& range) { return range.most - range.least; });
        },
        Sums{{{"k", 0}}, {{"k", 4}}, {{"k", 2}}, {{"k", 0}}});
}

TEST_CASE("windows over windows, over reductions and over state", "[A29]") {
    const Sums ones{{{"a", 1}}, {{"a", 1}}, {{"b", 1}}, {}, {}};
    checkSets(
        ones,
        [](const auto& in) {
            return in.reduceByKeyAndWindow(std::plus<>(), 2s).reduceByKeyAndWindow(std::plus<>(), 2s, 1s);
        },
        Sums{{{"a", 1}}, {{"a", 3}}, {{"a", 3}, {"b", 1}}, {{"a", 1}, {"b", 2}}, {{"b", 1}}});
    checkSets(
        ones, [](const auto& in) { return in.window(2s).reduceByKeyAndWindow(std::plus<>(), 2s, 2s); },
        Sums{{{"a", 3}}, {{"a", 1}, {"b", 2}}});
    checkSets(
        ones,
        [](const auto& in) { return in.reduceByKey(std::plus<>(), 3).reduceByKeyAndWindow(std::plus<>(), 2s, 1s, 3); },
        Sums{{{"a", 1}}, {{"a", 2}}, {{"a", 1}, {"b", 1}}, {{"b", 1}}, {}});
    checkSets(
        ones,
        [](const auto& in) {
            return in
                .updateStateByKey([](std::span<const long> arrived, std::optional<long> total) {
                    return std::optional(long(arrived.size()) + total.value_or(0));
                })
                .reduceByKeyAndWindow(maximum, 2s, 2s);
        },
        Sums{{{"a", 2}}, {{"a", 2}, {"b", 1}}});
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
