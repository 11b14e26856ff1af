#include "rivulet/stream/window/pane_store.h"

#include "support/catch.h"

#include <map>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>

namespace rivulet::test::pane_store_test {

// The store behind keyed windows on its own, against windows that are computed anew at every slide.

using namespace std::chrono_literals;

namespace {

using Text = std::string;

struct Concat {
    Text operator()(const Text& a, const Text& b) const { return a + b; }
};
struct Everything {
    template <class Row> bool operator()(const Row&) const { return true; }
};
constexpr Everything everything{};

/// Throws at the n-th call from now.
struct FailingConcat {
    int& callsLeft;
    Text operator()(const Text& a, const Text& b) const {
        if (callsLeft-- == 0) throw std::runtime_error("combine fails");
        return a + b;
    }
};

template <class K, class V> class Batch {
  public:
    void add(const K& key, const V& value) {
        detail::Cell<K, V> cell;
        cell.set(key, value, texts_);
        rows_.push_back(std::move(cell));
    }
    const detail::Rows<detail::Cell<K, V>>& rows() const { return rows_; }

  private:
    detail::Arena texts_;
    detail::Rows<detail::Cell<K, V>> rows_;
};

Time at(long seconds) { return Time(std::chrono::seconds(seconds)); }
long upTo(long n, long step) { return (n + step - 1) / step * step; }

/// A window over batches of one second, and what it must give.
template <class K> class Checked {
  public:
    Checked(long window, long slide)
        : window_(window),
          slide_(slide),
          pane_(std::gcd(window, slide)),
          store_(1s, std::chrono::seconds(pane_), std::chrono::seconds(window)) {}

    /// Runs one batch; `callsLeft` calls of combine from now one throws, and the batch is repeated.
    void run(long second, const std::vector<std::pair<K, Text>>& rows, bool commits, int callsLeft) {
        const long paneEnd = upTo(second, pane_), slideEnd = upTo(second, slide_);
        if (paneEnd <= slideEnd - window_) return;
        Batch<K, Text> batch;
        for (const auto& [key, value] : rows) batch.add(key, value);
        if (commits)
            for (const auto& [key, value] : rows) batches_[second][key] += value;
        std::map<K, Text> expected;
        const auto merge = [&](const std::map<K, Text>& pane) {
            for (const auto& [key, value] : pane) expected[key] += value;
        };
        for (const auto& [time, pane] : batches_)
            if (time > slideEnd - window_ && time <= second) merge(pane);
        if (!commits) {
            std::map<K, Text> own;
            for (const auto& [key, value] : rows) own[key] += value;
            merge(own);
        }
        for (;;) {
            try {
                const FailingConcat combine{callsLeft};
                store_.begin(at(paneEnd), at(slideEnd - window_), combine);
                store_.add(batch.rows().data(), batch.rows().size(), combine);
                store_.seal();
                detail::Rows<std::pair<K, Text>> result;
                if (second == slideEnd) store_.emit(result, combine, everything);
                if (second == slideEnd) REQUIRE(std::map<K, Text>(result.begin(), result.end()) == expected);
                if (second == slideEnd) REQUIRE(result.size() == expected.size());
                break;
            } catch (const std::runtime_error&) {
                callsLeft = -1; // the next attempt succeeds
            }
        }
        if (commits)
            store_.commit();
        else
            store_.abort();
    }
    detail::PaneStore<K, Text>& store() { return store_; }

  private:
    const long window_, slide_, pane_;
    std::map<long, std::map<K, Text>> batches_;
    detail::PaneStore<K, Text> store_;
};

template <class K, class MakeKey>
void checkRandomWindows(unsigned seed, const MakeKey& makeKey, long seconds = 150, long burst = 0) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const auto below = [&](long n) { return long(random() % unsigned(n)); };
    const long window = 1 + below(below(4) == 0 ? 40 : 9), slide = 1 + below(7);
    INFO("window " << window << ", slide " << slide);
    Checked<K> checked(window, slide);
    const long keys = 1 + below(300), mostRows = 1 + below(below(3) == 0 ? 400 : 12);
    for (long second = 1; second <= seconds; ++second) {
        if (below(6) == 0) continue; // the batch was merged into a later one
        if (below(40) == 0) second += below(50);
        INFO("second " << second);
        std::vector<std::pair<K, Text>> rows;
        const long churn = below(2) * second * 7;
        const long most = burst > 0 && below(12) == 0 ? burst : mostRows;
        for (long n = below(8) == 0 ? 0 : below(most); n > 0; --n)
            rows.emplace_back(makeKey(churn + below(std::max(most, keys))),
                              std::to_string(second) + "." + std::to_string(n) + " ");
        checked.run(second, rows, below(8) != 0, below(5) == 0 ? int(below(200)) : -1);
    }
}

} // namespace

TEST_CASE("panes give what a window that is computed anew gives", "[panes]") {
    for (unsigned seed = 1; seed <= 60; ++seed) checkRandomWindows<long>(seed, [](long n) { return n; });
}

TEST_CASE("panes whose keys come in bursts and are numbered anew when they are gone", "[panes]") {
    for (unsigned seed = 3001; seed <= 3006; ++seed)
        checkRandomWindows<long>(seed, [](long n) { return n; }, 80, 12'000);
}

TEST_CASE("panes of keys that are short and long texts", "[panes]") {
    for (unsigned seed = 1001; seed <= 1030; ++seed)
        checkRandomWindows<Text>(seed, [](long n) { return Text(std::size_t(n % 3 * 20), 'k') + std::to_string(n); });
}

TEST_CASE("panes of keys that are pairs", "[panes]") {
    using Pair = std::pair<Text, long>;
    for (unsigned seed = 2001; seed <= 2020; ++seed)
        checkRandomWindows<Pair>(seed, [](long n) { return Pair(Text(std::size_t(n % 2 * 20), 'k'), n); });
}

TEST_CASE("panes of a value that has no default", "[panes]") {
    struct Largest {
        explicit Largest(long n) : value(n) {}
        long value;
    };
    struct Larger {
        Largest operator()(const Largest& a, const Largest& b) const { return a.value < b.value ? b : a; }
    };
    detail::PaneStore<long, Largest> store(1s, 1s, 2s);
    detail::Rows<std::pair<long, Largest>> result;
    for (long second = 1; second <= 3; ++second) {
        Batch<long, Largest> batch;
        batch.add(7, Largest(10 - second));
        store.begin(at(second), at(second - 2), Larger());
        store.add(batch.rows().data(), batch.rows().size(), Larger());
        store.seal();
        result.clear();
        store.emit(result, Larger(), everything);
        store.commit();
    }
    REQUIRE(result.size() == 1);
    CHECK(result[0].second.value == 8);
}

TEST_CASE("keys that died leave the index, and their memory comes back", "[panes]") {
    detail::PaneStore<Text, Text> store(1s, 1s, 4s);
    detail::Rows<std::pair<Text, Text>> result;
    std::size_t most = 0;
    for (long second = 1; second <= 200; ++second) {
        Batch<Text, Text> batch;
        for (long n = 0; n < (second <= 4 ? 20'000 : 10); ++n)
            batch.add(Text(30, 'k') + std::to_string(second <= 4 ? n : n * 1'000), "v");
        store.begin(at(second), at(second - 4), Concat());
        store.add(batch.rows().data(), batch.rows().size(), Concat());
        store.seal();
        result.clear();
        store.emit(result, Concat(), everything);
        CHECK(result.size() == (second < 8 ? 20'000u : 10u));
        store.commit();
        most = std::max(most, store.sizeBytes());
    }
    CHECK(store.keys() < 1'000);
    CHECK(store.sizeBytes() < most / 20);
}

} // namespace rivulet::test::pane_store_test
