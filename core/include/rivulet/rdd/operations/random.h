#pragma once

#include "rivulet/containers/hash.h"

#include <source_location>
#include <vector>

/// Random numbers of samples: the same for the same seed, in every process and with any number of threads.
namespace rivulet::detail {

/// A seed that differs from call to call.
std::uint64_t randomSeed();

/// A sequence of random numbers. Threads: one at a time
class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    /// The sequence of one partition: another one for each, and the same for a repeated task.
    static Random ofPartition(std::uint64_t seed, int partition) {
        return Random(mixBits(seed + kStep * (2 * std::uint64_t(partition) + 1)));
    }
    std::uint64_t next() { return mixBits(state_ += kStep); }
    /// From 0 up to but without 1.
    double uniform() { return double(next() >> 11) * 0x1p-53; }
    /// From 0 up to but without `bound`, which is at least 1; each equally often.
    std::uint64_t below(std::uint64_t bound);
    /// How many elements are left out before the next one is taken, where each is taken with a probability p and
    /// `logOfMiss` is log(1 - p).
    std::uint64_t gap(double logOfMiss);
    std::uint64_t poisson(double mean);

  private:
    static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15ULL;
    std::uint64_t state_;
};

/// log(1 - probability)
double logOfMiss(double probability);
/// ceil(fraction * total)
std::uint64_t shareOf(double fraction, double total);

/// An element that a sample takes: its position in its partition, and its place in the sample.
struct Pick {
    std::uint64_t position, place;
};

/// `size` elements of partitions with these counts, all equally likely: for each partition its picks by position.
/// Without replacement no more than there are; their places are 0, 1, ... in random order.
std::vector<std::vector<Pick>> pickElements(const std::vector<long>& counts, bool withReplacement, std::uint64_t size,
                                            Random random);

void requireFraction(const char* operation, bool withReplacement, double fraction, std::source_location where);
/// The bounds of the shares of [0, 1) that these weights have: one more than weights.
std::vector<double> sharesOf(const std::vector<double>& weights, std::source_location where);
void requireSampleSize(long size, std::source_location where);
[[noreturn]] void throwNoFraction();

} // namespace rivulet::detail
