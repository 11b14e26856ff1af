#pragma once

#include "rivulet/containers/hash.h"

#include <limits>
#include <source_location>
#include <vector>

namespace rivulet {

/// Count, mean, variance, extremes and sum of numbers; what `stats()` gives.
///
/// Of nothing the mean and the sum are 0, the variances NaN, the extremes the infinities. Variances keep their
/// precision where the mean is large against them.
///
/// Source: Spark StatCounter; Welford 1962, Chan et al. 1983
class StatCounter {
  public:
    void add(double x) {
        ++count_;
        sum_ += x;
        const double off = x - mean_;
        mean_ += off / double(count_);
        squares_ += off * (x - mean_);
        if (x < min_) min_ = x;
        if (x > max_) max_ = x;
    }
    void merge(const StatCounter& other);

    long count() const { return count_; }
    double mean() const { return mean_; }
    double sum() const { return sum_; }
    double min() const { return min_; }
    double max() const { return max_; }
    /// Of these numbers: the squares divided by their count.
    double variance() const;
    double popVariance() const { return variance(); }
    double stdev() const;
    double popStdev() const { return stdev(); }
    /// Of what the numbers are a sample of: the squares divided by their count less one.
    double sampleVariance() const;
    double sampleStdev() const;

  private:
    long count_ = 0;
    double mean_ = 0, sum_ = 0, squares_ = 0;
    double min_ = std::numeric_limits<double>::infinity(), max_ = -std::numeric_limits<double>::infinity();
};

/// Estimates how many different elements there are, in 2^precision bytes: HyperLogLog.
///
/// Source: Flajolet et al. 2007; the estimator is the unbiased one of Ertl 2017, which needs no tables of corrections
/// as HyperLogLog++ does. Hashes of 32 bits collide; the estimate accounts for it.
class DistinctSketch {
  public:
    DistinctSketch() = default;
    explicit DistinctSketch(int precision) : precision_(precision), ranks_(std::size_t(1) << precision) {}
    void add(std::uint32_t hash);
    void merge(const DistinctSketch& other);
    long estimate() const;

  private:
    int precision_ = 0;
    std::vector<std::uint8_t> ranks_; // the longest run of zeros of the hashes that begin with this index, plus one
};

namespace detail {

/// 2^precision bytes keep the error's standard deviation at `relativeSD`; a UsageError where none do.
int sketchPrecision(const char* operation, double relativeSD, std::source_location where);

struct SketchFunctions {
    void operator()(DistinctSketch& sketch, const DistinctSketch& other) const { sketch.merge(other); }
    template <class X> void operator()(DistinctSketch& sketch, const X& x) const { sketch.add(hashOf(x)); }
};

struct SketchEstimate {
    long operator()(const DistinctSketch& sketch) const { return sketch.estimate(); }
};

/// Counts numbers in buckets [a, b), the last one with its end.
class BucketCounts {
  public:
    /// `isEven`: all buckets have the same width, which finds them without a search.
    BucketCounts(std::vector<double> bounds, bool isEven);
    void add(double x);
    void merge(const BucketCounts& other);
    std::vector<long> take() { return std::move(counts_); }

  private:
    std::vector<double> bounds_;
    bool isEven_;
    std::vector<long> counts_;
};

/// Bounds of `buckets` buckets of the same width between the extremes, as Spark makes them.
std::vector<double> evenBuckets(const StatCounter& extremes, int buckets, std::source_location where);
void requireBuckets(const std::vector<double>& bounds, std::source_location where);
void requireBucketCount(int buckets, std::source_location where);

} // namespace detail
} // namespace rivulet
