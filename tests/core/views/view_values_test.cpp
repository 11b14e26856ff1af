#include "support/rdd_harness.h"

#include <array>
#include <charconv>
#include <optional>

using namespace rivulet;
using namespace rivulet::test;

namespace {

const std::string kLong(40, 'k');

/// The keys that every case has; the last one is a view without bytes.
const std::vector<std::string_view> kKeys{"a", "sixteen bytes 16", kLong, "", std::string_view(), "seventeen bytes17",
                                          "a"};

/// Views into one buffer that each step overwrites: a view is good until the sink that it was pushed to returns.
class OverwrittenViews {
  public:
    using value_type = std::string_view;
    class Iterator {
      public:
        explicit Iterator(std::size_t at) : at_(at) {}
        std::string_view operator*() const {
            const std::string_view key = kKeys[at_];
            buffer_.fill('#');
            if (key.data()) std::copy(key.begin(), key.end(), buffer_.begin());
            return key.data() ? std::string_view(buffer_.data(), key.size()) : std::string_view();
        }
        Iterator& operator++() {
            buffer_.fill('!');
            ++at_;
            return *this;
        }
        bool operator==(const Iterator& other) const { return at_ == other.at_; }

      private:
        std::size_t at_;
        mutable std::array<char, 64> buffer_{};
    };
    Iterator begin() const { return Iterator(0); }
    Iterator end() const { return Iterator(kKeys.size()); }
};

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
