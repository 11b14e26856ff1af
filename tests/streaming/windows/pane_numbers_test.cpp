#include "rivulet/stream/window/pane_store.h"

#include "support/catch.h"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <vector>

namespace rivulet::test::pane_numbers_test {

// Numbers of keys that died are given back: not all at once, and not half where it fails.

using namespace std::chrono_literals;

namespace {

struct Everything {
    template <class Row> bool operator()(const Row&) const { return true; }
};

/// A key whose n-th copy from now throws.
struct FragileKey {
    static inline long copiesLeft = -1;
    long n;

    explicit FragileKey(long number) : n(number) {}
    FragileKey(const FragileKey& other) : n(other.n) {
        if (copiesLeft-- == 0) throw std::runtime_error("the copy fails");
    }
    FragileKey(FragileKey&& other) noexcept : n(other.n) {}
    FragileKey& operator=(const FragileKey&) = default;
    bool operator==(const FragileKey& other) const { return n == other.n; }
};

/// A value that counts how often one is moved.
struct CountedValue {
    static inline long moves = 0;
    long n;

    explicit CountedValue(long value) : n(value) {}
    CountedValue(const CountedValue&) = default;
    CountedValue(CountedValue&& other) noexcept : n(other.n) { ++moves; }
    CountedValue& operator=(const CountedValue&) = default;
    CountedValue& operator=(CountedValue&& other) noexcept {
        n = other.n;
        ++moves;
        return *this;
    }
};
struct AddCounted {
    CountedValue operator()(const CountedValue& a, const CountedValue& b) const { return CountedValue(a.n + b.n); }
};

template <class K, class V> class Batch {
  public:
    void add(const K& key, const V& value) {
        detail::Cell<K, V> cell;
        cell.set(key, value, texts_);
        rows_.push_back(std::move(cell));
    }
    template <class Combine> void addTo(detail::PaneStore<K, V>& store, const Combine& combine) const {
        store.add(rows_.data(), rows_.size(), combine);
    }

  private:
    detail::Arena texts_;
    detail::Rows<detail::Cell<K, V>> rows_;
};

Time at(long seconds) { return Time(std::chrono::seconds(seconds)); }

} // namespace

} // namespace rivulet::test::pane_numbers_test

template <> struct std::hash<rivulet::test::pane_numbers_test::FragileKey> {
    std::size_t operator()(const rivulet::test::pane_numbers_test::FragileKey& key) const {
        return std::hash<long>()(key.n);
    }
};

namespace rivulet::test::pane_numbers_test {

TEST_CASE("keys that cannot be numbered anew keep their numbers, and the window is right", "[panes]") {
    constexpr long kWindow = 8, kLasting = 300;
    detail::PaneStore<FragileKey, long> store(1s, 1s, std::chrono::seconds(kWindow));
    int failures = 0;
    for (long second = 1; second <= 120; ++second) {
        for (long copies = 0;; copies += 7) {
            FragileKey::copiesLeft = failures < 20 ? copies : -1;
            try {
                store.begin(at(second), at(second - kWindow), std::plus<long>());
                break;
            } catch (const std::runtime_error&) {
                ++failures;
            }
        }
        FragileKey::copiesLeft = -1;
        Batch<FragileKey, long> batch;
        for (long n = 0; n < (second <= 3 ? 12'000 : kLasting); ++n) batch.add(FragileKey(n), n);
        batch.addTo(store, std::plus<long>());
        store.seal();
        detail::Rows<std::pair<FragileKey, long>> result;
        store.emit(result, std::plus<long>(), Everything());
        store.commit();
        if (second <= kWindow + 3) continue;
        REQUIRE(result.size() == kLasting);
        for (const auto& [key, sum] : result) REQUIRE(sum == key.n * kWindow);
    }
    CHECK(failures == 20);
    CHECK(store.keys() == kLasting);
}

TEST_CASE("numbers are given back slide by slide", "[panes]") {
    constexpr long kWindow = 30, kLasting = 4'000;
    detail::PaneStore<long, CountedValue> store(1s, 1s, std::chrono::seconds(kWindow));
    std::vector<long> moves;
    std::size_t most = 0;
    for (long second = 1; second <= 150; ++second) {
        Batch<long, CountedValue> batch;
        for (long n = 0; n < (second <= 2 ? 60'000 : kLasting); ++n) batch.add(n * 3, CountedValue(1));
        CountedValue::moves = 0;
        store.begin(at(second), at(second - kWindow), AddCounted());
        batch.addTo(store, AddCounted());
        store.seal();
        detail::Rows<std::pair<long, CountedValue>> result;
        store.emit(result, AddCounted(), Everything());
        store.commit();
        most = std::max(most, store.sizeBytes());
        if (second <= kWindow + 2) continue;
        moves.push_back(CountedValue::moves);
        REQUIRE(result.size() == kLasting);
        for (const auto& row : result) REQUIRE(row.second.n == kWindow);
    }
    CHECK(store.keys() == kLasting);
    CHECK(store.sizeBytes() < most / 2);
    std::sort(moves.begin(), moves.end());
    INFO("moves of a slide: median " << moves[moves.size() / 2] << ", most " << moves.back());
    CHECK(moves.back() <= 2 * moves[moves.size() / 2]);
}

} // namespace rivulet::test::pane_numbers_test
