#include "word_count/text_generator.h"

#include <cmath>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{4} << 20;
constexpr std::size_t kLongestLineBytes = 4096; // flushed when less than this is left
constexpr int kWordsPerLine = 10;

/// Vigna's splitmix64, from a fixed seed.
class Random {
  public:
    std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
    }
    double nextFraction() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  private:
    std::uint64_t state_ = 42;
};

/// Draws ranks by inverting the cumulative distribution; a table of 4 M steps says where to begin the search.
class Zipf {
  public:
    Zipf(std::size_t count, double exponent) : cumulative_(count), firstRank_(kSteps + 1) {
        double sum = 0;
        for (std::size_t i = 0; i < count; ++i)
            cumulative_[i] = sum += 1 / std::pow(static_cast<double>(i) + 1.0, exponent);
        for (double& value : cumulative_) value /= sum;
        for (std::size_t step = 0, rank = 0; step <= kSteps; ++step) {
            rank = search(rank, static_cast<double>(step) / kSteps);
            firstRank_[step] = static_cast<std::uint32_t>(rank);
        }
    }
    std::size_t draw(Random& random) const {
        const double fraction = random.nextFraction();
        return search(firstRank_[static_cast<std::size_t>(fraction * kSteps)], fraction);
    }

  private:
    static constexpr std::size_t kSteps = std::size_t{1} << 22;
    std::size_t search(std::size_t rank, double fraction) const {
        while (rank < cumulative_.size() - 1 && cumulative_[rank] < fraction) ++rank;
        return rank;
    }
    std::vector<double> cumulative_;
    std::vector<std::uint32_t> firstRank_;
};

/// The rank in base 26 with small letters makes a word unique; capitals fill it to its length.
std::vector<std::string> makeVocabulary(std::size_t count, Random& random) {
    std::vector<std::string> words(count);
    for (std::size_t rank = 0; rank < count; ++rank) {
        std::string& word = words[rank];
        std::size_t rest = rank;
        do {
            word += static_cast<char>('a' + rest % 26);
            rest /= 26;
        } while (rest);
        const std::size_t length = 3 + random.next() % 9;
        while (word.size() < length) word += static_cast<char>('A' + random.next() % 26);
    }
    return words;
}

} // namespace

void generateText(const std::filesystem::path& file, std::size_t vocabulary, double exponent,
                  std::uintmax_t sizeBytes) {
    const Zipf zipf(vocabulary, exponent);
    Random random;
    const std::vector<std::string> words = makeVocabulary(vocabulary, random);

    std::ofstream out(file, std::ios::binary);
    std::string buffer;
    buffer.reserve(kBufferBytes);
    for (std::uintmax_t written = 0; written < sizeBytes;) {
        for (int i = 0; i < kWordsPerLine; ++i) {
            buffer += words[zipf.draw(random)];
            buffer += i + 1 < kWordsPerLine ? ' ' : '\n';
        }
        if (buffer.size() > kBufferBytes - kLongestLineBytes) { // only whole buffers count towards the size
            out << buffer;
            written += buffer.size();
            buffer.clear();
        }
    }
    out.close();
    if (!out) throw std::runtime_error("cannot write " + file.string() + "; is the disk full?");
}

void ensureText(const std::filesystem::path& file, std::size_t vocabulary, double exponent, std::uintmax_t sizeBytes) {
    std::error_code absent;
    const std::uintmax_t found = std::filesystem::file_size(file, absent);
    if (!absent && found >= sizeBytes && found < sizeBytes + kBufferBytes) return;
    std::fprintf(stderr, "generating %s (once)\n", file.c_str());
    if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path());
    const std::filesystem::path partial = file.string() + ".partial";
    generateText(partial, vocabulary, exponent, sizeBytes);
    std::filesystem::rename(partial, file);
}

} // namespace bench
