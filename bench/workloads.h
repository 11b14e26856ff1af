#pragma once

#include "runner/runner.h"

#include <cstdint>
#include <string>

namespace bench {

/// B2: chains of narrow operators over the longs [0, kChainRows), each ending in a sum.
inline constexpr long kChainRows = 100'000'000;

/// B1: the words of a text whose words follow Zipf's law, counted.
struct WordCountDefinition {
    const char* name;
    std::size_t vocabulary;
    double exponent;
    std::uintmax_t sizeBytes;
    const char* expected; ///< of the full size
    bool inDefaultSet;
};
inline constexpr WordCountDefinition kWordCounts[] = {
    {"B1a", 100'000, 1.0, std::uintmax_t{1} << 30, "100000 134745400 204351659643634", true},
    {"B1b", 5'000'000, 0.8, std::uintmax_t{1} << 30, "4996615 131756220 3609059328098", false},
};

/// The text of a word count, under the data directory; made by the contest's `prepare`.
std::string textPath(const WordCountDefinition& definition, const Settings& settings);

/// What every word count returns: distinct words, words, and the sum of the squared counts.
struct Tally {
    std::uint64_t distinct = 0, total = 0, squares = 0;
    void add(std::uint64_t count) {
        ++distinct;
        total += count;
        squares += count * count;
    }
    void add(const Tally& other) {
        distinct += other.distinct;
        total += other.total;
        squares += other.squares;
    }
    std::string text() const {
        return std::to_string(distinct) + ' ' + std::to_string(total) + ' ' + std::to_string(squares);
    }
};

// Each is one file. The hand-written side defines the contest, so it is added first.
void addHandWordCount(Suite& suite);
void addRivuletWordCount(Suite& suite);
void addHandChain(Suite& suite);
void addRivuletChain(Suite& suite);
void addKeyedState(Suite& suite);
void addEmptyBatch(Suite& suite);
void addLatency(Suite& suite);
void addKeyedWindows(Suite& suite);
void addSocketLines(Suite& suite);
void addManyReceivers(Suite& suite);
void addDurableBatches(Suite& suite);
void addDurableRecovery(Suite& suite);
void addDurableSavepoints(Suite& suite);
void addLargeState(Suite& suite);
void addReceivedBlocks(Suite& suite);
void addKafkaConsume(Suite& suite); // where the component kafka is built

} // namespace bench
