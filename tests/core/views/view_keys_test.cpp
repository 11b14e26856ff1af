#include "support/rdd_harness.h"

namespace rivulet::test::view_keys_test {

/// Keys whose bytes live only as long as the element, in every form, through every boundary: what comes out must own
/// them.
namespace {

const std::string kLong(40, 'k');

/// The keys that every case has; the last one is a view without bytes.
const std::vector<std::string_view> kKeys{"a", "sixteen bytes 16", kLong, "", std::string_view(), "seventeen bytes17",
                                          "a"};

/// What the keys count to, whatever their order.
const std::string kCounts = "[(,2), (a,2), (" + kLong + ",1), (seventeen bytes17,1), (sixteen bytes 16,1)]";
const std::string kDistinct = "[, a, " + kLong + ", seventeen bytes17, sixteen bytes 16]";

/// Pushes one view, then destroys what it pointed to.
struct OneView {
    using value_type = std::string_view;
    std::size_t key;
    template <class Sink> void each(Sink& sink) const {
        std::string bytes(kKeys[key]);
        sink(kKeys[key].data() ? std::string_view(bytes) : std::string_view());
        bytes.assign(bytes.size(), '#');
    }
    const std::string_view* begin() const { return nullptr; }
    const std::string_view* end() const { return nullptr; }
};

/// The keys one by one, each a view into a buffer of its own element that is overwritten afterwards.
auto viewKeys(const Context& sc, int partitions) {
    return sc.parallelize(std::vector{0, 1, 2, 3, 4, 5, 6}, partitions).flatMap([](int i) {
        return OneView{std::size_t(i)};
    });
}
auto stringKeys(const Context& sc, int partitions) {
    return sc.parallelize(std::vector<std::string>(kKeys.begin(), kKeys.end()), partitions);
}

/// (key, a number that belongs to it).
template <class R> auto numbered(const R& keys) {
    return keys.map([](const auto& key) {
        long number = 0;
        if (key == "a")
            number = 1;
        else if (!key.empty())
            number = key == kLong ? 3 : key == "seventeen bytes17" ? 6 : 2;
        else
            number = 4;
        return std::pair(key, number);
    });
}
const std::string kNumbered =
    "[(,[4, 4]), (a,[1, 1]), (" + kLong + ",[3]), (seventeen bytes17,[6]), (sixteen bytes 16,[2])]";

/// Every boundary, fused to these keys.
template <class R> void checkBoundaries(const R& keys) {
    CHECK(text(sorted(keys.map(withOne).reduceByKey(std::plus<>()))) == kCounts);
    CHECK(text(keys.countByValue()) == kCounts);
    CHECK(text(sorted(keys.distinct())) == kDistinct);
    CHECK(text(sorted(numbered(keys).groupByKey())) == kNumbered);
}
template <class R> void checkFusedErasedCached(const R& keys) {
    {
        INFO("fused");
        checkBoundaries(keys);
    }
    {
        INFO("erased");
        checkBoundaries(keys.erased());
    }
    {
        INFO("cached");
        const auto cached = keys.erased().cache();
        CHECK(cached.count() == 7);
        checkBoundaries(cached);
    }
}

} // namespace

TEST_CASE("view keys group right, fused, erased and cached") {
    eachSetup([](const Context& sc, int partitions) { checkFusedErasedCached(viewKeys(sc, partitions)); });
}

TEST_CASE("string keys group right, fused, erased and cached") {
    eachSetup([](const Context& sc, int partitions) { checkFusedErasedCached(stringKeys(sc, partitions)); });
}

TEST_CASE("views and strings join with each other") {
    eachSetup([](const Context& sc, int partitions) {
        const auto views = viewKeys(sc, partitions);
        const auto strings = stringKeys(sc, partitions);
        const auto ones = strings.distinct().map(withOne);
        const auto viewPairs = views.map(withOne);
        checkBoundaries(viewPairs.join(ones).keys().erased());
        checkBoundaries(ones.join(viewPairs).keys().erased());
        checkBoundaries(viewPairs.partitionBy(3).join(ones).keys().erased());
        checkBoundaries(viewPairs.erased().join(ones.partitionBy(3)).keys().erased());
        CHECK(text(sorted(viewPairs.join(viewPairs).keys().distinct())) == kDistinct);
    });
}

} // namespace rivulet::test::view_keys_test
