// B1 by hand, three ways: the best loop that we know, the one with views as keys, and the one with the standard hash
// table.

#include "parallel.h"
#include "word_count/hand_text.h"
#include "word_count/text_generator.h"
#include "workloads.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <vector>

namespace bench {
namespace {

constexpr std::size_t kInitialCells = std::size_t{1} << 18; // of a table; doubled when half full

std::size_t slotOf(std::uint32_t hash) { return (hash * 0x9E3779B97F4A7C15ULL) >> 20; }

/// An open-addressing table of counts; a cell is empty where its count is 0, whatever its key.
/// `Key` has a `hash` of 32 bits and ==. Look-ups wait in a batch, so that the prefetched cells have time to arrive.
template <class Key> class CountTable {
  public:
    void count(const Key& key) {
        __builtin_prefetch(&cells_[slotOf(key.hash) & mask_], 1);
        pending_[pendingCount_++] = key;
        if (pendingCount_ == kBatch) flush();
    }
    void flush() {
        constexpr std::size_t kAhead = 8;
        for (std::size_t i = 0; i < pendingCount_; ++i) {
            if constexpr (requires(const Key& key) { key.prefetch(); })
                if (i + kAhead < pendingCount_) cells_[slotOf(pending_[i + kAhead].hash) & mask_].key.prefetch();
            add(pending_[i], 1);
        }
        pendingCount_ = 0;
    }
    void merge(const CountTable& other) {
        constexpr std::size_t kAhead = 32;
        const std::size_t size = other.cells_.size();
        for (std::size_t i = 0; i < size; ++i) {
            __builtin_prefetch(&cells_[slotOf(other.cells_[std::min(i + kAhead, size - 1)].key.hash) & mask_], 1);
            if (other.cells_[i].count) add(other.cells_[i].key, other.cells_[i].count);
        }
    }
    Tally tally() const {
        Tally tally;
        for (const Cell& cell : cells_)
            if (cell.count) tally.add(cell.count);
        return tally;
    }
    std::size_t size() const { return size_; }

  private:
    struct Cell {
        Key key;
        std::uint64_t count;
    };
    static constexpr std::size_t kBatch = 256;

    void add(const Key& key, std::uint64_t count) {
        for (std::size_t i = slotOf(key.hash) & mask_;; i = (i + 1) & mask_) {
            Cell& cell = cells_[i];
            if (cell.count == 0) {
                cell = {key, count};
                if (++size_ * 2 > cells_.size()) grow();
                return;
            }
            if (cell.key == key) {
                cell.count += count;
                return;
            }
        }
    }
    void grow() {
        std::vector<Cell> old(cells_.size() * 2);
        old.swap(cells_);
        mask_ = cells_.size() - 1;
        for (const Cell& cell : old) {
            if (cell.count == 0) continue;
            std::size_t i = slotOf(cell.key.hash) & mask_;
            while (cells_[i].count) i = (i + 1) & mask_;
            cells_[i] = cell;
        }
    }

    std::vector<Cell> cells_ = std::vector<Cell>(kInitialCells);
    std::size_t mask_ = kInitialCells - 1, size_ = 0, pendingCount_ = 0;
    Key pending_[kBatch];
};

std::uint64_t loadWord(const char* from) {
    std::uint64_t value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

constexpr std::uint64_t kMultiplier = 0xd6e8feb86659fd93ULL;

std::uint64_t mixed(std::uint64_t hash) {
    hash ^= hash >> 32;
    return hash * kMultiplier;
}

/// A word of up to 16 bytes in two integers: the text is touched once, and never again for a comparison.
struct InlineKey {
    std::uint64_t low, high;
    std::uint32_t size, hash;

    static constexpr std::size_t kMaxBytes = 16;

    /// Reads 16 bytes from `word` on, whatever its size.
    static InlineKey of(const char* word, std::size_t size) {
        std::uint64_t low = loadWord(word), high = 0;
        if (size < 8)
            low &= ~0ULL >> (64 - 8 * size);
        else if (size > 8) {
            high = loadWord(word + 8);
            if (size < 16) high &= ~0ULL >> (128 - 8 * size);
        }
        std::uint64_t hash = (low ^ size) * kMultiplier;
        hash = mixed((hash ^ high) * kMultiplier);
        return {low, high, static_cast<std::uint32_t>(size), static_cast<std::uint32_t>(hash >> 32)};
    }
    bool operator==(const InlineKey& other) const {
        return low == other.low && high == other.high && size == other.size;
    }
};

/// A word in the mapped text; comparing means going there.
struct ViewKey {
    const char* word;
    std::uint32_t size, hash;

    /// Reads 16 bytes from `word` on, whatever its size.
    static ViewKey of(const char* word, std::size_t size) {
        if (size <= InlineKey::kMaxBytes)
            return {word, static_cast<std::uint32_t>(size), InlineKey::of(word, size).hash};
        std::uint64_t hash = size * kMultiplier;
        for (std::size_t i = 0; i + 8 <= size; i += 8) hash = mixed(hash ^ loadWord(word + i));
        hash = mixed(hash ^ loadWord(word + size - 8));
        return {word, static_cast<std::uint32_t>(size), static_cast<std::uint32_t>(hash >> 32)};
    }
    void prefetch() const { __builtin_prefetch(word); }
    bool operator==(const ViewKey& other) const {
        return hash == other.hash && size == other.size && !std::memcmp(word, other.word, size);
    }
};

/// A key made of a word behind this one could read beyond the mapping.
const char* lastSafeWord(std::string_view text) {
    return text.size() < InlineKey::kMaxBytes ? text.data() - 1 : text.data() + text.size() - InlineKey::kMaxBytes;
}

template <class Key> Tally mergeAndTally(std::vector<CountTable<Key>>& tables) {
    auto largest = std::max_element(tables.begin(), tables.end(), [](auto& a, auto& b) { return a.size() < b.size(); });
    for (auto table = tables.begin(); table != tables.end(); ++table)
        if (table != largest) largest->merge(*table);
    return largest->tally();
}

using LongWords = std::unordered_map<std::string, std::uint64_t>;

/// Counts the words of one part; those over 16 bytes, rare in any text, go to `longWords`.
CountTable<InlineKey> countInline(std::string_view part, const char* lastSafe, LongWords& longWords) {
    CountTable<InlineKey> table;
    forEachWord(part, [&](const char* word, std::size_t size) {
        if (size > InlineKey::kMaxBytes) [[unlikely]] {
            ++longWords[std::string(word, size)];
        } else if (word > lastSafe) [[unlikely]] {
            char padded[InlineKey::kMaxBytes] = {};
            std::memcpy(padded, word, size);
            table.count(InlineKey::of(padded, size));
        } else {
            table.count(InlineKey::of(word, size));
        }
    });
    table.flush();
    return table;
}

std::string inlineKeys(const std::string& path, int threads) {
    const MappedFile file(path);
    std::vector<CountTable<InlineKey>> tables(static_cast<std::size_t>(threads));
    std::vector<LongWords> longWords(static_cast<std::size_t>(threads));
    parallel(threads, [&](int i) {
        const auto index = static_cast<std::size_t>(i);
        tables[index] = countInline(file.part(i, threads), lastSafeWord(file.text()), longWords[index]);
    });
    Tally tally = mergeAndTally(tables);
    for (std::size_t i = 1; i < longWords.size(); ++i)
        for (const auto& [word, count] : longWords[i]) longWords[0][word] += count;
    for (const auto& [word, count] : longWords[0]) tally.add(count);
    return tally.text();
}

std::string viewKeys(const std::string& path, int threads) {
    const MappedFile file(path);
    const char* lastSafe = lastSafeWord(file.text());
    std::vector<CountTable<ViewKey>> tables(static_cast<std::size_t>(threads));
    parallel(threads, [&](int i) {
        CountTable<ViewKey> table;
        forEachWord(file.part(i, threads), [&](const char* word, std::size_t size) {
            if (word > lastSafe) [[unlikely]] {
                char padded[InlineKey::kMaxBytes] = {};
                std::memcpy(padded, word, std::min(size, sizeof padded));
                ViewKey key = ViewKey::of(size <= sizeof padded ? padded : word, size);
                key.word = word;
                table.count(key);
            } else {
                table.count(ViewKey::of(word, size));
            }
        });
        table.flush();
        tables[static_cast<std::size_t>(i)] = std::move(table);
    });
    return mergeAndTally(tables).text();
}

std::string unorderedMap(const std::string& path, int threads) {
    const MappedFile file(path);
    std::vector<std::unordered_map<std::string, std::uint64_t>> maps(static_cast<std::size_t>(threads));
    parallel(threads, [&](int i) {
        auto& map = maps[static_cast<std::size_t>(i)];
        std::string key;
        forEachWord(file.part(i, threads), [&](const char* word, std::size_t size) {
            key.assign(word, size);
            ++map[key];
        });
    });
    for (std::size_t i = 1; i < maps.size(); ++i)
        for (const auto& [word, count] : maps[i]) maps[0][word] += count;
    Tally tally;
    for (const auto& [word, count] : maps[0]) tally.add(count);
    return tally.text();
}

std::uintmax_t sizeOf(const WordCountDefinition& definition, const Settings& settings) {
    return settings.textSizeBytes ? settings.textSizeBytes : definition.sizeBytes;
}

} // namespace

std::string textPath(const WordCountDefinition& definition, const Settings& settings) {
    const std::string name = std::string(definition.name) + '-' + std::to_string(sizeOf(definition, settings)) + ".txt";
    return (settings.dataDirectory / name).string();
}

void addHandWordCount(Suite& suite) {
    for (const WordCountDefinition& definition : kWordCounts) {
        const auto with = [&definition](std::string (*count)(const std::string&, int)) {
            return [&definition, count](const Settings& settings) {
                return count(textPath(definition, settings), settings.threads);
            };
        };
        Contest contest{.name = definition.name,
                        .about = "word count of 1 GiB, " + std::to_string(definition.vocabulary) + " words",
                        .inDefaultSet = definition.inDefaultSet,
                        .prepare =
                            [&definition](const Settings& settings) {
                                ensureText(textPath(definition, settings), definition.vocabulary, definition.exponent,
                                           sizeOf(definition, settings));
                            },
                        .expected =
                            [&definition](const Settings& settings) {
                                return std::string(
                                    sizeOf(definition, settings) == definition.sizeBytes ? definition.expected : "");
                            },
                        .contestants = {{"hand-inline", with(inlineKeys)},
                                        {"hand-views", with(viewKeys)},
                                        {"hand-unordered_map", with(unorderedMap)}}};
        suite.add(std::move(contest));
    }
}

} // namespace bench
