#include "stream_position.h"

#include "rivulet/serialization/stored.h"

#include <tuple>

namespace rivulet::detail {
namespace {

constexpr std::uint8_t kVersion = 1;

using StoredPlace = std::tuple<std::string, int, std::int64_t, std::int64_t, std::int64_t, Time>;
using StoredLoss = std::tuple<std::string, int, std::int64_t, std::int64_t>;

} // namespace

std::string KafkaPosition::toBytes() const {
    std::vector<StoredPlace> stored;
    for (const auto& [partition, place] : places)
        stored.emplace_back(partition.topic, partition.partition, place.begin, place.end, place.mark.offset,
                            place.mark.timestamp);
    std::vector<StoredLoss> lost;
    for (const auto& range : losses)
        lost.emplace_back(range.topic, range.partition, range.fromOffset, range.untilOffset);
    ByteWriter out;
    out(kVersion, clusterId, stored, lost);
    return std::move(out).text();
}

KafkaPosition KafkaPosition::ofBytes(std::string_view bytes) {
    std::uint8_t version = 0;
    KafkaPosition position;
    std::vector<StoredPlace> stored;
    std::vector<StoredLoss> lost;
    ByteReader in(bytes);
    in(version);
    if (version != kVersion)
        throw CorruptionError("kafka: the position in the checkpoint has version " + std::to_string(version) +
                              ", and this library knows version " + std::to_string(kVersion) +
                              ": go on with the version that wrote it");
    in(position.clusterId, stored, lost);
    in.finish();
    for (const auto& [topic, partition, begin, end, offset, timestamp] : stored)
        position.places[{topic, partition}] = {begin, end, {offset, timestamp}};
    for (const auto& [topic, partition, from, until] : lost) position.losses.push_back({topic, partition, from, until});
    return position;
}

} // namespace rivulet::detail
