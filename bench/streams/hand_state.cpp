// B3 by hand: events are dealt out to a table per thread by the hash of their key, then added in place, with the cells
// of the next ones fetched ahead. This is what keyed state costs if nothing can fail.

#include "parallel.h"
#include "streams/keyed_state.h"
#include "workloads.h"

#include <cstring>
#include <memory>
#include <string>
#include <utility>

namespace bench {
namespace {

constexpr std::size_t kAhead = 16;

std::uint64_t mixed(std::uint64_t x) {
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ULL;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ULL;
    return x ^ (x >> 32);
}

struct NumberKey {
    static constexpr std::uint64_t kNone = ~std::uint64_t{0};
    std::uint64_t number = kNone;
    bool used() const { return number != kNone; }
    std::uint64_t hash() const { return mixed(number); }
    friend bool operator==(const NumberKey&, const NumberKey&) = default;
};

struct TextKey {
    std::uint64_t first = 0, second = 0;
    static TextKey of(const char* text) {
        TextKey key;
        std::memcpy(&key, text, sizeof key);
        return key;
    }
    bool used() const { return first != 0; }
    std::uint64_t hash() const { return mixed(first ^ (second * 0x9e3779b97f4a7c15ULL)); }
    friend bool operator==(const TextKey&, const TextKey&) = default;
};

template <class K> class Counters {
  public:
    explicit Counters(std::size_t keys) {
        std::size_t size = 16;
        while (size < 2 * keys) size *= 2;
        cells_.resize(size);
        mask_ = size - 1;
    }
    void prefetch(std::uint64_t hash) const { __builtin_prefetch(&cells_[hash & mask_], 1); }
    std::uint64_t& at(const K& key, std::uint64_t hash) {
        std::size_t i = hash & mask_;
        while (!(cells_[i].key == key)) {
            if (!cells_[i].key.used()) {
                cells_[i].key = key;
                break;
            }
            i = (i + 1) & mask_;
        }
        return cells_[i].count;
    }
    std::uint64_t sumOfSquares() const {
        std::uint64_t sum = 0;
        for (const Cell& cell : cells_)
            if (cell.key.used()) sum += cell.count * cell.count;
        return sum;
    }

  private:
    struct Cell {
        K key;
        std::uint64_t count = 0;
    };
    std::vector<Cell> cells_;
    std::size_t mask_;
};

/// What the keys of states and events are made of.
struct NumberKeys {
    std::size_t keys;
    NumberKey ofState(std::size_t i) const { return {i}; }
    NumberKey ofEvent(std::size_t i) const { return {stateKey(i, keys)}; }
};
struct TextKeys {
    const StateKeys& keys;
    TextKey ofState(std::size_t i) const { return TextKey::of(keys.ofStates.bytes(i)); }
    TextKey ofEvent(std::size_t i) const { return TextKey::of(keys.ofEvents.bytes(i)); }
};

template <class K, class Keys> class HandState final : public KeyedState {
  public:
    HandState(const KeyedStateDefinition& definition, int threads, Keys keys)
        : definition_(definition),
          keys_(keys),
          threads_(static_cast<std::size_t>(threads)),
          dealt_(threads_, std::vector<std::vector<K>>(threads_)),
          sums_(threads_ * kCacheLine) {
        for (std::size_t t = 0; t < threads_; ++t) tables_.emplace_back(definition.keys / threads_);
        for (std::size_t i = 0; i < definition.keys; ++i) {
            const K key = keys_.ofState(i);
            tables_[ownerOf(key.hash())].at(key, key.hash()) = 0;
        }
    }

    std::uint64_t runBatch(std::size_t begin) override {
        parallel(static_cast<int>(threads_), [&](int t) { deal(static_cast<std::size_t>(t), begin); });
        parallel(static_cast<int>(threads_), [&](int t) { add(static_cast<std::size_t>(t)); });
        std::uint64_t sum = 0;
        for (std::size_t t = 0; t < threads_; ++t) sum += sums_[t * kCacheLine];
        return sum;
    }

  private:
    static constexpr std::size_t kCacheLine = 64 / sizeof(std::uint64_t);

    std::size_t ownerOf(std::uint64_t hash) const { return (hash >> 40) % threads_; }
    void deal(std::size_t me, std::size_t begin) {
        const std::size_t first = kStateEvents * me / threads_, last = kStateEvents * (me + 1) / threads_;
        std::vector<K*> ends;
        for (auto& keys : dealt_[me]) {
            keys.resize(last - first);
            ends.push_back(keys.data());
        }
        for (std::size_t i = first; i < last; ++i) {
            const K key = keys_.ofEvent(begin + i);
            *ends[ownerOf(key.hash())]++ = key;
        }
        for (std::size_t to = 0; to < threads_; ++to)
            dealt_[me][to].resize(static_cast<std::size_t>(ends[to] - dealt_[me][to].data()));
    }
    void add(std::size_t me) {
        std::uint64_t sum = 0;
        for (std::size_t from = 0; from < threads_; ++from) {
            const auto& keys = dealt_[from][me];
            for (std::size_t i = 0; i < keys.size(); ++i) {
                if (i + kAhead < keys.size()) tables_[me].prefetch(keys[i + kAhead].hash());
                sum += ++tables_[me].at(keys[i], keys[i].hash());
            }
        }
        sums_[me * kCacheLine] = definition_.visitsAll ? tables_[me].sumOfSquares() : sum;
    }

    const KeyedStateDefinition& definition_;
    const Keys keys_;
    const std::size_t threads_;
    std::vector<Counters<K>> tables_;
    std::vector<std::vector<std::vector<K>>> dealt_; // by thread that deals, by thread that adds
    std::vector<std::uint64_t> sums_;
};

/// A contest that is prepared: both sides, and what their batches must give.
struct Prepared {
    StateKeys keys;
    std::vector<std::uint64_t> expected = {};
    std::unique_ptr<KeyedState> hand = {}, rivulet = {};
    std::size_t handBatches = 0, rivuletBatches = 0;
};
std::unique_ptr<Prepared> prepared; // one at a time: they are large, and one StreamingContext may be active

void prepare(const KeyedStateDefinition& definition, const Settings& settings) {
    prepared.reset();
    prepared = std::make_unique<Prepared>(Prepared{{definition, {}, {}}});
    StateKeys& keys = prepared->keys;
    if (definition.textKeys) {
        for (std::size_t i = 0; i < definition.keys; ++i) keys.ofStates.add(i);
        for (std::size_t i = 0; i < kStateInputs * kStateEvents; ++i) keys.ofEvents.add(stateKey(i, definition.keys));
    }
    std::vector<std::uint32_t> counts(definition.keys);
    std::uint64_t squares = 0;
    const std::size_t batches = 10 * static_cast<std::size_t>(settings.repetitions) + 1;
    for (std::size_t batch = 0; batch < batches; ++batch) {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < kStateEvents; ++i) {
            const std::uint64_t count = ++counts[stateKey(batch % kStateInputs * kStateEvents + i, definition.keys)];
            sum += count;
            squares += 2 * count - 1;
        }
        prepared->expected.push_back(definition.visitsAll ? squares : sum);
    }
    prepared->hand = makeHandState(keys, settings.threads);
    prepared->rivulet = makeRivuletState(keys, settings.threads);
}

const char* const kRight = "as expected";

std::string runBatch(KeyedState& side, std::size_t& batches) {
    const std::size_t batch = batches++;
    const std::uint64_t sum = side.runBatch(batch % kStateInputs * kStateEvents);
    if (sum == prepared->expected.at(batch)) return kRight;
    return "batch " + std::to_string(batch) + ": " + std::to_string(sum) + " and not " +
           std::to_string(prepared->expected[batch]);
}

} // namespace

void KeyTexts::add(std::uint64_t key) {
    bytes_.push_back('k');
    std::uint64_t rest = scrambled(key);
    for (std::size_t i = 1; i < kSize; ++i, rest >>= 5) bytes_.push_back("0123456789abcdefghijklmnopqrstuv"[rest & 31]);
    bytes_.insert(bytes_.end(), kStride - kSize, 0);
}

std::unique_ptr<KeyedState> makeHandState(const StateKeys& keys, int threads) {
    if (keys.definition.textKeys)
        return std::make_unique<HandState<TextKey, TextKeys>>(keys.definition, threads, TextKeys{keys});
    return std::make_unique<HandState<NumberKey, NumberKeys>>(keys.definition, threads,
                                                              NumberKeys{keys.definition.keys});
}

void addKeyedState(Suite& suite) {
    for (const KeyedStateDefinition& definition : kKeyedStates)
        suite.add(Contest{
            .name = definition.name,
            .about = std::string(definition.visitsAll ? "updateStateByKey" : "mapWithState") +
                     ": a batch of 1 M events, " + std::to_string(definition.keys) +
                     (definition.textKeys ? " text keys" : " keys"),
            .inDefaultSet = definition.inDefaultSet,
            .prepare = [&definition](const Settings& settings) { prepare(definition, settings); },
            .expected = [](const Settings&) { return kRight; },
            .contestants = {{"hand", [](const Settings&) { return runBatch(*prepared->hand, prepared->handBatches); }},
                            {"rivulet",
                             [](const Settings&) { return runBatch(*prepared->rivulet, prepared->rivuletBatches); }}},
            .finish = [] { prepared.reset(); }});
}

} // namespace bench
