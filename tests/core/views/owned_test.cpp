#include "rivulet/owned.h"

#include "rivulet/core.h"
#include "support/catch.h"

namespace rivulet::test::owned_test {

namespace {

/// A line that knows the word it is about, and says how to keep both.
struct Tagged {
    std::string_view word;
    long line;
};
struct OwnedTagged {
    std::string word;
    long line;
    bool operator==(const OwnedTagged&) const = default;
};

struct Plain {
    std::string name;
    std::vector<int> numbers;
    bool operator==(const Plain&) const = default;
};
struct WithView {
    int number;
    std::string_view view;
};
struct WithSpan {
    std::span<const int> numbers;
};
struct WithPointer {
    const int* number;
};
struct Nested {
    std::string name;
    std::optional<std::pair<int, WithView>> inner;
};

/// Some that have themselves among their members.
struct Tree {
    int value;
    std::vector<Tree> children;
    bool operator==(const Tree&) const = default;
};
struct TreeOfViews {
    std::string_view name;
    std::vector<TreeOfViews> children;
};
struct TreeBeforePointer {
    std::vector<TreeBeforePointer> children;
    const int* number;
};
struct Odd;
struct Even {
    std::vector<Odd> next;
};
struct Odd {
    std::vector<Even> next;
    std::string_view name;
};

using View = std::string_view;
template <class T, class Owned> constexpr bool kBecomes = std::is_same_v<owned_t<T>, Owned>;

static_assert(kBecomes<int, int> && kBecomes<std::string, std::string> && kBecomes<Plain, Plain>);
static_assert(kBecomes<View, std::string> && kBecomes<const View&, std::string> && kBecomes<const char*, std::string>);
static_assert(kBecomes<std::pair<View, View>, std::pair<std::string, std::string>>);
static_assert(kBecomes<std::pair<int, std::pair<View, long>>, std::pair<int, std::pair<std::string, long>>>);
static_assert(kBecomes<std::tuple<>, std::tuple<>> && kBecomes<std::tuple<View, int>, std::tuple<std::string, int>>);
static_assert(kBecomes<std::optional<View>, std::optional<std::string>>);
static_assert(kBecomes<std::variant<int, View>, std::variant<int, std::string>>);
static_assert(kBecomes<std::vector<View>, std::vector<std::string>>);
static_assert(kBecomes<std::vector<std::vector<View>>, std::vector<std::vector<std::string>>>);
static_assert(kBecomes<std::array<View, 3>, std::array<std::string, 3>>);
static_assert(kBecomes<std::span<const int>, std::vector<int>> &&
              kBecomes<std::span<View, 2>, std::vector<std::string>>);
static_assert(kIsOwned<int> && kIsOwned<std::vector<std::pair<int, std::string>>> && !kIsOwned<std::pair<int, View>>);

static_assert(detail::kHoldsView<WithView> && detail::kHoldsView<WithSpan> && detail::kHoldsView<WithPointer>);
static_assert(detail::kHoldsView<std::vector<WithView>> && detail::kHoldsView<std::variant<int, WithSpan>>);
static_assert(!detail::kHoldsView<Plain> && !detail::kHoldsView<int> && !detail::kHoldsView<std::string>);
static_assert(!detail::kHoldsView<std::shared_ptr<int>>);
static_assert(detail::kHoldsView<Nested>);
static_assert(!detail::kHoldsView<Tree> && !detail::kHoldsView<std::pair<int, Tree>>);
static_assert(detail::kHoldsView<TreeOfViews> && detail::kHoldsView<TreeBeforePointer>);
static_assert(detail::kHoldsView<Even> && detail::kHoldsView<Odd>);

} // namespace

} // namespace rivulet::test::owned_test

template <> struct rivulet::owned<rivulet::test::owned_test::Tagged> {
    using type = rivulet::test::owned_test::OwnedTagged;
    static type make(const rivulet::test::owned_test::Tagged& x) { return {std::string(x.word), x.line}; }
};

namespace rivulet::test::owned_test {

TEST_CASE("the owned form of a value has the value's bytes") {
    std::string bytes = "bytes that are too long for a small string";
    const std::string kept = bytes;
    const View view = bytes;
    const std::array<View, 2> views{view, "b"};
    const auto pair = detail::own(std::pair(view, 1));
    const auto tuple = detail::own(std::tuple(1, view, std::pair(view, view)));
    const auto some = detail::own(std::optional(view)), none = detail::own(std::optional<View>());
    const auto variant = detail::own(std::variant<int, View>(view)), number = detail::own(std::variant<int, View>(3));
    const auto vector = detail::own(std::vector<View>{view, View()});
    const auto array = detail::own(views);
    const auto span = detail::own(std::span(views));
    const auto text = detail::own(bytes.c_str());
    const auto nested = detail::own(std::vector{std::optional(std::pair(view, 2L))});
    bytes.assign(bytes.size(), '#');

    CHECK((pair == std::pair(kept, 1)));
    CHECK((tuple == std::tuple(1, kept, std::pair(kept, kept))));
    CHECK((some == kept && !none));
    CHECK((std::get<1>(variant) == kept && std::get<0>(number) == 3));
    CHECK((vector == std::vector<std::string>{kept, ""}));
    CHECK((array == std::array<std::string, 2>{kept, "b"}));
    CHECK((span == std::vector<std::string>{kept, "b"}));
    CHECK(text == kept);
    CHECK((nested.front() == std::pair(kept, 2L)));
}

TEST_CASE("a value that owns its bytes is passed on, not copied") {
    std::string text = "a text that is longer than any small buffer";
    const char* bytes = text.data();
    CHECK(&detail::own(text) == &text);
    const std::string moved = detail::own(std::move(text));
    CHECK(moved.data() == bytes);
}

namespace {

/// Pushes one element whose bytes are overwritten afterwards.
struct OneTagged {
    using value_type = Tagged;
    long n;
    template <class Sink> void each(Sink& sink) const {
        std::string word = "a word of some length " + std::to_string(n);
        sink(Tagged{word, n});
        word.assign(word.size(), '#');
    }
    const Tagged* begin() const { return nullptr; }
    const Tagged* end() const { return nullptr; }
};

} // namespace

TEST_CASE("a struct with a view that says how to keep itself crosses every boundary") {
    const Context sc("local[2]", "test");
    const auto tagged = sc.range(0, 4, 1, 2).flatMap([](long n) { return OneTagged{n}; });
    const auto is = [](const OwnedTagged& x, long n) {
        return x == OwnedTagged{"a word of some length " + std::to_string(n), n};
    };
    const std::vector<OwnedTagged> all = tagged.collect();
    REQUIRE(all.size() == 4);
    for (long n = 0; n < 4; ++n) CHECK(is(all[std::size_t(n)], n));
    CHECK(is(tagged.first(), 0));
    const RDD<OwnedTagged> cached = tagged.cache();
    CHECK(cached.collect() == all);
    CHECK(cached.collect() == all);
    const auto grouped = tagged.keyBy([](const Tagged& x) { return x.line % 2; }).groupByKey().collectAsMap();
    CHECK(grouped.at(0) == std::vector{all[0], all[2]});
    const auto last =
        tagged.keyBy([](const Tagged&) { return 0; }).reduceByKey([](const OwnedTagged& a, const OwnedTagged& b) {
            return a.line < b.line ? b : a;
        });
    CHECK(is(last.first().second, 3));
    CHECK(tagged.repartition(3).count() == 4);
}

TEST_CASE("a tree is an element as any other") {
    const Context sc("local", "test");
    const Tree tree{1, {{2, {{3, {}}}}, {4, {}}}};
    const auto trees = sc.parallelize(std::vector{tree, Tree{5, {}}}, 2).cache();
    CHECK(trees.first() == tree);
    CHECK(trees.keyBy([](const Tree& t) { return t.value; }).groupByKey().count() == 2);
}

} // namespace rivulet::test::owned_test
