#include "support/overwritten_views.h"
#include "support/rdd_harness.h"

#include <array>
#include <charconv>
#include <optional>

namespace rivulet::test::view_values_test {

namespace {

/// A key of up to 44 bytes in a buffer that is overwritten afterwards.
struct PaddedNumber {
    using value_type = std::string_view;
    long number;
    template <class Sink> void each(Sink& sink) const {
        char buffer[64];
        std::fill(std::begin(buffer), std::end(buffer), 'x');
        const auto digits = std::to_chars(buffer, buffer + 20, number % 5000).ptr;
        sink(std::string_view(buffer, std::size_t(digits - buffer) + std::size_t(number % 5000) % 40));
        std::fill(std::begin(buffer), std::end(buffer), '#');
    }
    const std::string_view* begin() const { return nullptr; }
    const std::string_view* end() const { return nullptr; }
};

} // namespace

TEST_CASE("views among the values are kept with their bytes") {
    eachExecutor([](const Context& sc) {
        const auto keys = sc.parallelize({0}, 1).flatMap([](int) { return OverwrittenViews(); });
        const auto bySize = keys.keyBy([](std::string_view key) { return key.size(); });
        const std::string expected =
            "[(0,[, ]), (1,[a, a]), (16,[sixteen bytes 16]), (17,[seventeen bytes17]), (40,[" + kLong + "])]";
        CHECK(text(sorted(bySize.groupByKey())) == expected);
        CHECK(text(sorted(bySize.erased().groupByKey(3))) == expected);
        CHECK(text(sorted(bySize.reduceByKey([](const std::string& a, const std::string& b) {
                  return a + "|" + b;
              }))) == "[(0,|), (1,a|a), (16,sixteen bytes 16), (17,seventeen bytes17), (40," + kLong + ")]");
        CHECK(text(sorted(
                  keys.map([](std::string_view key) { return std::tuple(key, std::optional(key)); }).distinct())) ==
              "[(,Some()), (a,Some(a)), (" + kLong + ",Some(" + kLong +
                  ")), (seventeen bytes17,Some(seventeen bytes17)), " + "(sixteen bytes 16,Some(sixteen bytes 16))]");
        CHECK(bySize.join(bySize).count() == 4 + 4 + 1 + 1 + 1);
        CHECK(bySize.collectAsMap().at(40) == kLong);
    });
}

TEST_CASE("a hundred thousand view keys of all lengths survive a shuffle") {
    eachExecutor([](const Context& sc) {
        const auto counts = sc.range(0, 100'000, 1, 5).flatMap([](long n) { return PaddedNumber{n}; }).countByValue();
        CHECK(counts.size() == 5000);
        bool right = true;
        for (const auto& [key, count] : counts) {
            const std::string number = key.substr(0, key.find('x'));
            const auto n = std::stoul(number);
            right = right && count == 20 && n < 5000 && key == number + std::string(n % 40, 'x');
        }
        CHECK(right);
    });
}

TEST_CASE("a key may be a view into its own element") {
    eachExecutor([](const Context& sc) {
        const auto initials = sc.range(0, 40, 1, 3)
                                  .map([](long n) { return std::to_string(n) + (n % 2 ? "" : std::string(30, 'x')); })
                                  .keyBy([](const std::string& s) { return std::string_view(s).substr(0, 1); });
        const std::string counts = "[(0,1), (1,11), (2,11), (3,11), (4,1), (5,1), (6,1), (7,1), (8,1), (9,1)]";
        CHECK(text(initials.keys().countByValue()) == counts);
        CHECK(text(sorted(initials.mapValues([](const std::string&) { return 1; }).reduceByKey(std::plus<>()))) ==
              counts);
        CHECK(text(sorted(initials.groupByKey().mapValues([](const auto& values) { return values.size(); }))) ==
              counts);
        CHECK(text(initials.first()) == "(0,0" + std::string(30, 'x') + ")");
    });
}

} // namespace rivulet::test::view_values_test
