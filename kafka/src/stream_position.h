#pragma once

#include "rivulet/kafka/reading.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

/// Where a direct stream stands, as it is stored with each batch.
namespace rivulet::detail {

/// One partition: what the last batch read of it, and the last record that was seen.
struct KafkaPlace {
    std::int64_t begin = 0, end = 0; // the offsets of the last batch; the next one begins at `end`
    KafkaSeen::Mark mark;
};

struct KafkaPosition {
    std::string clusterId;
    std::map<kafka::TopicPartition, KafkaPlace> places;
    std::vector<kafka::OffsetRange> losses;

    std::string toBytes() const;
    /// Errors: CorruptionError where these are not the bytes of one
    static KafkaPosition ofBytes(std::string_view bytes);
};

} // namespace rivulet::detail
