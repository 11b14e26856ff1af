#include "rivulet/rdd/operations/random.h"

#include "rivulet/error.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <unordered_set>

namespace rivulet::detail {

std::uint64_t randomSeed() {
    std::random_device device;
    return std::uint64_t(device()) << 32 | device();
}

std::uint64_t Random::below(std::uint64_t bound) {
    __extension__ using Wide = unsigned __int128;
    for (;;) { // Lemire 2019: a multiplication; what would make some results more likely is drawn again
        const Wide product = Wide(next()) * bound;
        if (std::uint64_t(product) >= bound || std::uint64_t(product) >= (0 - bound) % bound)
            return std::uint64_t(product >> 64);
    }
}

std::uint64_t Random::gap(double logOfMiss) {
    constexpr double kNever = 0x1p63;
    if (logOfMiss == 0) return std::uint64_t(kNever);
    const double gap = std::floor(std::log1p(-uniform()) / logOfMiss);
    return gap < kNever ? std::uint64_t(gap) : std::uint64_t(kNever);
}

std::uint64_t Random::poisson(double mean) {
    constexpr double kMostAtOnce = 16; // a sum of Poisson variables is one; exp(-mean) must not vanish
    std::uint64_t count = 0;
    for (; mean > 0; mean -= kMostAtOnce) {
        const double limit = std::exp(-std::min(mean, kMostAtOnce));
        for (double product = uniform(); product > limit; product *= uniform()) ++count;
    }
    return count;
}

double logOfMiss(double probability) { return std::log1p(-probability); }
std::uint64_t shareOf(double fraction, double total) { return std::uint64_t(std::ceil(fraction * total)); }

std::vector<std::vector<Pick>> pickElements(const std::vector<long>& counts, bool withReplacement, std::uint64_t size,
                                            Random random) {
    std::vector<std::vector<Pick>> picks(counts.size());
    const auto total = std::accumulate(counts.begin(), counts.end(), std::uint64_t(0));
    if (total == 0) return picks;
    std::vector<std::uint64_t> chosen;
    if (withReplacement) {
        while (chosen.size() < size) chosen.push_back(random.below(total));
    } else if (size >= total) {
        chosen.resize(total);
        std::iota(chosen.begin(), chosen.end(), std::uint64_t(0));
    } else { // Floyd's: each of the last `size` positions, or, where that one is taken, an earlier one
        std::unordered_set<std::uint64_t> taken;
        for (std::uint64_t last = total - size; last < total; ++last) {
            const std::uint64_t at = random.below(last + 1);
            chosen.push_back(taken.insert(at).second ? at : (taken.insert(last), last));
        }
    }
    if (!withReplacement)
        for (std::size_t i = chosen.size(); i > 1; --i) std::swap(chosen[i - 1], chosen[random.below(i)]);
    std::vector<std::uint64_t> order(chosen.size());
    std::iota(order.begin(), order.end(), std::uint64_t(0));
    std::sort(order.begin(), order.end(), [&](auto a, auto b) { return chosen[a] < chosen[b]; });
    std::uint64_t before = 0;
    std::size_t next = 0;
    for (std::size_t p = 0; p < counts.size(); before += std::uint64_t(counts[p++]))
        for (; next < order.size() && chosen[order[next]] < before + std::uint64_t(counts[p]); ++next)
            picks[p].push_back({chosen[order[next]] - before, order[next]});
    return picks;
}

void requireFraction(const char* operation, bool withReplacement, double fraction, std::source_location where) {
    if (!(fraction >= 0) || std::isinf(fraction))
        throw UsageError(std::string(operation) + ": the fraction (" + std::to_string(fraction) +
                             ") must be a number that is not negative",
                         where);
    if (!withReplacement && fraction > 1)
        throw UsageError(std::string(operation) + ": the fraction (" + std::to_string(fraction) +
                             ") must be at most 1 where elements are taken without replacement; pass true for "
                             "withReplacement to take them more than once",
                         where);
}

std::vector<double> sharesOf(const std::vector<double>& weights, std::source_location where) {
    double sum = 0;
    for (const double weight : weights) {
        if (!(weight >= 0) || std::isinf(weight))
            throw UsageError(
                "randomSplit: the weight " + std::to_string(weight) + " must be a number that is not negative", where);
        sum += weight;
    }
    if (!(sum > 0)) throw UsageError("randomSplit: the sum of the weights must be positive", where);
    std::vector<double> bounds{0};
    double before = 0;
    for (const double weight : weights) bounds.push_back((before += weight) / sum);
    bounds.back() = 1; // the last share has what rounding took
    return bounds;
}

void requireSampleSize(long size, std::source_location where) {
    if (size < 0)
        throw UsageError("takeSample: the number of elements (" + std::to_string(size) + ") cannot be negative", where);
}

void throwNoFraction() {
    throw UsageError("sampleByKey: a key has no fraction: give one for every key, 0 for those to be left out");
}

} // namespace rivulet::detail
