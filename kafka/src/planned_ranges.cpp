#include "planned_ranges.h"

#include <algorithm>
#include <numeric>

namespace rivulet::detail {
namespace {

/// Takes from the largest until the sum is `most`.
void level(std::vector<std::int64_t>& counts, std::int64_t most) {
    if (std::accumulate(counts.begin(), counts.end(), std::int64_t{0}) <= most) return;
    std::vector<std::size_t> order(counts.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return counts[a] != counts[b] ? counts[a] < counts[b] : a < b; });
    std::int64_t left = most, partitions = std::int64_t(counts.size());
    for (const std::size_t i : order) {
        counts[i] = std::min(counts[i], left / partitions);
        left -= counts[i];
        --partitions;
    }
}

} // namespace

std::vector<std::int64_t> plannedEnds(std::span<const KafkaLag> lags, const KafkaCaps& caps) {
    std::vector<std::int64_t> counts;
    double behind = 0;
    for (const KafkaLag& lag : lags) {
        counts.push_back(lag.count());
        behind += double(lag.count());
    }
    if (caps.rate > 0 || caps.ratePerPartition > 0) {
        for (std::int64_t& count : counts) {
            if (count == 0) continue;
            double rate = caps.rate > 0 ? double(count) / behind * caps.rate : caps.ratePerPartition;
            if (caps.ratePerPartition > 0) rate = std::min(rate, caps.ratePerPartition);
            count = std::min(count, std::max(std::int64_t(std::min(rate * caps.seconds, 1e18)), caps.least));
        }
    }
    if (caps.records > 0) level(counts, caps.records);
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += lags[i].position;
    return counts;
}

std::vector<kafka::OffsetRange> cutRanges(const std::vector<kafka::OffsetRange>& ranges, std::int64_t most, int least) {
    std::int64_t total = 0;
    for (const auto& range : ranges) total += std::max<std::int64_t>(0, range.count());
    std::int64_t size = most > 0 ? most : std::max<std::int64_t>(total, 1);
    if (least > int(ranges.size())) size = std::min(size, std::max<std::int64_t>(1, (total + least - 1) / least));
    std::vector<kafka::OffsetRange> pieces;
    for (const auto& range : ranges) {
        const std::int64_t parts = std::max<std::int64_t>(1, (range.count() + size - 1) / size);
        for (std::int64_t i = 0; i < parts; ++i) {
            kafka::OffsetRange piece = range;
            piece.fromOffset = range.fromOffset + range.count() / parts * i + range.count() % parts * i / parts;
            piece.untilOffset =
                range.fromOffset + range.count() / parts * (i + 1) + range.count() % parts * (i + 1) / parts;
            pieces.push_back(std::move(piece));
        }
    }
    return pieces;
}

} // namespace rivulet::detail
