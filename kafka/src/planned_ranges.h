#pragma once

#include "rivulet/kafka/record.h"

#include <cstdint>
#include <span>
#include <vector>

/// How far a batch reads: a function of what there is and of what is allowed.
namespace rivulet::detail {

/// Where a partition is read from, and up to where it could be.
struct KafkaLag {
    std::int64_t position = 0, end = 0;
    std::int64_t count() const { return end > position ? end - position : 0; }
};

struct KafkaCaps {
    double rate = 0;             ///< records per second of all partitions together; 0: no limit
    double ratePerPartition = 0; ///< of each; 0: no limit
    double seconds = 1;          ///< what the batch covers
    std::int64_t least = 1;      ///< what each partition may have where a rate limits it
    std::int64_t records = 0;    ///< of the whole batch; 0: no limit
};

/// Where each partition is read up to. A rate is shared by how far partitions are behind; the limit of the batch gives
/// all of them the same, as far as they have as much, so that none of them starves.
///
/// Source: Spark DirectKafkaInputDStream.maxMessagesPerPartition
std::vector<std::int64_t> plannedEnds(std::span<const KafkaLag> lags, const KafkaCaps& caps);

/// The ranges as tasks read them: each is cut into pieces of at most `most` offsets (0: no limit), and there are about
/// `least` pieces in all, where they are long enough.
std::vector<kafka::OffsetRange> cutRanges(const std::vector<kafka::OffsetRange>& ranges, std::int64_t most, int least);

} // namespace rivulet::detail
