#include "rivulet/rdd/operations/statistics.h"

#include "rivulet/error.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace rivulet {

void StatCounter::merge(const StatCounter& other) {
    if (other.count_ == 0) return;
    const double mine = double(count_), others = double(other.count_), all = mine + others;
    const double apart = other.mean_ - mean_;
    // What is added to the mean is small against it where one side is, so that no digits are lost.
    if (others * 10 < mine)
        mean_ += apart * others / all;
    else if (mine * 10 < others)
        mean_ = other.mean_ - apart * mine / all;
    else
        mean_ = (mean_ * mine + other.mean_ * others) / all;
    squares_ += other.squares_ + apart * apart * mine * others / all;
    count_ += other.count_;
    sum_ += other.sum_;
    min_ = std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
}

double StatCounter::variance() const { return count_ == 0 ? std::nan("") : squares_ / double(count_); }
double StatCounter::stdev() const { return std::sqrt(variance()); }
double StatCounter::sampleVariance() const { return count_ < 2 ? std::nan("") : squares_ / double(count_ - 1); }
double StatCounter::sampleStdev() const { return std::sqrt(sampleVariance()); }

void DistinctSketch::add(std::uint32_t hash) {
    const std::uint64_t bits = detail::mixBits(hash + 0x9e3779b97f4a7c15ULL);
    const std::uint64_t rest = bits << precision_ | std::uint64_t(1) << (precision_ - 1);
    auto& rank = ranks_[bits >> (64 - precision_)];
    rank = std::max(rank, std::uint8_t(std::countl_zero(rest) + 1));
}

void DistinctSketch::merge(const DistinctSketch& other) {
    for (std::size_t i = 0; i < ranks_.size(); ++i) ranks_[i] = std::max(ranks_[i], other.ranks_[i]);
}

namespace {

// Ertl 2017, "New cardinality estimation algorithms for HyperLogLog sketches", algorithms 4 to 6.
double sigma(double x) {
    double sum = x, weight = 1, before;
    do {
        x *= x;
        before = sum;
        sum += x * weight;
        weight += weight;
    } while (sum != before && !std::isinf(sum));
    return sum;
}
double tau(double x) {
    if (x == 0 || x == 1) return 0;
    double sum = 1 - x, weight = 1, before;
    do {
        x = std::sqrt(x);
        before = sum;
        weight /= 2;
        sum -= (1 - x) * (1 - x) * weight;
    } while (sum != before);
    return sum / 3;
}

} // namespace

long DistinctSketch::estimate() const {
    const int longest = 64 - precision_ + 1;
    const double size = double(ranks_.size());
    std::vector<double> counts(std::size_t(longest) + 1);
    for (const auto rank : ranks_) ++counts[rank];
    if (ranks_.empty() || counts[0] == size) return 0;
    double z = size * tau(1 - counts[std::size_t(longest)] / size);
    for (int rank = longest - 1; rank > 0; --rank) z = (z + counts[std::size_t(rank)]) / 2;
    z += size * sigma(counts[0] / size);
    const double hashes = size * size / (2 * std::log(2.0) * z);
    constexpr double kHashes = 0x1p32;
    return std::lround(-kHashes * std::log1p(-std::min(hashes / kHashes, 1 - 0x1p-40)));
}

namespace detail {

int sketchPrecision(const char* operation, double relativeSD, std::source_location where) {
    constexpr double kLeast = 0.000017;
    if (!(relativeSD > kLeast))
        throw UsageError(std::string(operation) + ": the accuracy (" + std::to_string(relativeSD) +
                             ") must be greater than 0.000017; count distinct() where it has to be exact",
                         where);
    return std::max(4, int(std::ceil(2 * std::log2(1.054 / relativeSD))));
}

BucketCounts::BucketCounts(std::vector<double> bounds, bool isEven)
    : bounds_(std::move(bounds)),
      isEven_(isEven),
      counts_(bounds_.size() - 1) {}

void BucketCounts::add(double x) {
    if (!(x >= bounds_.front() && x <= bounds_.back())) return;
    std::size_t bucket = counts_.size() - 1;
    if (isEven_) {
        const double width = (bounds_.back() - bounds_.front()) / double(counts_.size());
        if (width > 0) bucket = std::min(bucket, std::size_t((x - bounds_.front()) / width));
    } else if (x < bounds_.back()) {
        bucket = std::size_t(std::upper_bound(bounds_.begin(), bounds_.end(), x) - bounds_.begin()) - 1;
    }
    ++counts_[bucket];
}

void BucketCounts::merge(const BucketCounts& other) {
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
}

std::vector<double> evenBuckets(const StatCounter& extremes, int buckets, std::source_location where) {
    const double min = extremes.min(), max = extremes.max();
    if (extremes.count() == 0 || !std::isfinite(min) || !std::isfinite(max) || std::isnan(extremes.sum()))
        throw UsageError("histogram: an empty RDD, or one with infinities or NaNs, has no extremes to lay buckets "
                         "between: filter them out, or give the bounds of the buckets",
                         where);
    if (min == max) return {min, min};
    std::vector<double> bounds;
    for (int i = 0; i < buckets; ++i) bounds.push_back(min + (max - min) * i / buckets);
    bounds.push_back(max);
    return bounds;
}

void requireBuckets(const std::vector<double>& bounds, std::source_location where) {
    if (bounds.size() < 2)
        throw UsageError(
            "histogram: the bounds of the buckets must be at least two, not " + std::to_string(bounds.size()), where);
    if (!std::is_sorted(bounds.begin(), bounds.end()))
        throw UsageError("histogram: the bounds of the buckets must be in ascending order", where);
}

void requireBucketCount(int buckets, std::source_location where) {
    if (buckets < 1)
        throw UsageError("histogram: the number of buckets (" + std::to_string(buckets) + ") must be positive", where);
}

} // namespace detail
} // namespace rivulet
