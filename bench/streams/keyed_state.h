#pragma once

#include "runner/runner.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace bench {

/// B3: a million events per batch, each of which adds 1 to the state of its key. `map`: and gives the new state on;
/// `update`: then every key is visited.
inline constexpr std::size_t kStateEvents = 1'000'000;
inline constexpr std::size_t kStateInputs = 8; ///< batches until the events begin again

struct KeyedStateDefinition {
    const char* name;
    bool visitsAll; ///< update
    bool textKeys;
    std::size_t keys;
    bool inDefaultSet;
};
inline constexpr KeyedStateDefinition kKeyedStates[] = {
    {"B3.map.u64", false, false, 1'000'000, true},         {"B3.update.u64", true, false, 1'000'000, true},
    {"B3.map.string", false, true, 1'000'000, true},       {"B3.update.string", true, true, 1'000'000, true},
    {"B3-100K.map.u64", false, false, 100'000, true},      {"B3-100K.update.u64", true, false, 100'000, true},
    {"B3-100K.map.string", false, true, 100'000, false},   {"B3-100K.update.string", true, true, 100'000, false},
    {"B3-10M.map.u64", false, false, 10'000'000, false},   {"B3-10M.update.u64", true, false, 10'000'000, false},
    {"B3-10M.map.string", false, true, 10'000'000, false}, {"B3-10M.update.string", true, true, 10'000'000, false},
};

/// A scrambled `x`, which makes keys of counters.
inline std::uint64_t scrambled(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}
/// The key of an event: a number below `keys`.
inline std::uint64_t stateKey(std::uint64_t event, std::size_t keys) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(scrambled(event)) * keys) >> 64);
}

/// Texts of 14 bytes for keys: those of all states, or of all events.
class KeyTexts {
  public:
    static constexpr std::size_t kSize = 14, kStride = 16;

    void add(std::uint64_t key);
    std::string_view operator[](std::size_t i) const { return {bytes_.data() + i * kStride, kSize}; }
    /// The text, and two zeros behind it.
    const char* bytes(std::size_t i) const { return bytes_.data() + i * kStride; }

  private:
    std::vector<char> bytes_;
};

/// The keys of a contest; the texts are there where keys are texts.
struct StateKeys {
    const KeyedStateDefinition& definition;
    KeyTexts ofStates, ofEvents;
};

/// One side of the contest.
class KeyedState {
  public:
    virtual ~KeyedState() = default;
    /// Runs a batch with the events from `begin` on. Returns the sum of what was given on, or of all squared states.
    virtual std::uint64_t runBatch(std::size_t begin) = 0;
};
std::unique_ptr<KeyedState> makeHandState(const StateKeys& keys, int threads);
std::unique_ptr<KeyedState> makeRivuletState(const StateKeys& keys, int threads);

} // namespace bench
