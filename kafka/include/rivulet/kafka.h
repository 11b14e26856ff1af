#pragma once

#include "rivulet/kafka/reading.h"
#include "rivulet/kafka/sink.h"
#include "rivulet/streaming_context.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace rivulet {

/// Streams and Apache Kafka.
namespace kafka {

/// Where a direct stream begins that has no position in the checkpoint.
struct StartingOffsets {
    enum class At { earliest, latest, time };
    At at = At::latest;
    Time time{};
    /// Of the partitions that are in here, the offset; of all others, what `at` says.
    std::map<TopicPartition, std::int64_t> offsets = {};
};
/// With the first record that there is.
inline const StartingOffsets earliest{StartingOffsets::At::earliest};
/// With what comes after the start.
inline const StartingOffsets latest{StartingOffsets::At::latest};
/// With the first record of this time or later, as the records themselves say.
StartingOffsets since(Time time);
/// With these offsets; partitions that are not in there as `others` says.
StartingOffsets offsetsOf(std::map<TopicPartition, std::int64_t> offsets, StartingOffsets others = latest);

struct DirectStreamOptions {
    /// `host:port`, several with commas.
    std::string bootstrapServers = {};
    /// What is read, one of the three: topics by their names; those whose whole name matches a regular expression
    /// (ECMAScript), also ones that are made later; or these partitions alone.
    std::vector<std::string> topics = {};
    std::string topicPattern = {};
    std::vector<TopicPartition> partitions = {};
    /// Of partitions that appear later, all records are read.
    StartingOffsets startingOffsets = latest;
    /// Names the stream in the checkpoint, as `.uid()` does.
    std::string uid = {};

    // What a batch may have, the first one too. Backpressure, where it is on (`rivulet.streaming.backpressure.*`),
    // limits all partitions together, and shares that by how far each is behind.
    long maxRecordsPerBatch = 0;              ///< 0: no limit; shared evenly among the partitions
    std::size_t maxBytesPerBatch = 512 << 20; ///< by the mean size of the records so far; 0: no limit
    double maxRatePerPartition = 0;           ///< records per second; 0: no limit
    long minRatePerPartition = 1;             ///< records per batch that a rate always leaves
    long maxRecordsPerTask = 0;               ///< a longer range is read by several tasks; 0: no limit
    int minPartitions = 0;                    ///< cut long ranges until there are about so many

    OnDataLoss onDataLoss = OnDataLoss::fail;
    Isolation isolation = Isolation::readCommitted;
    Duration startTimeout = std::chrono::seconds(10);      ///< how long the start waits for the brokers
    Duration planTimeout = std::chrono::seconds(1);        ///< how long a batch does; without an answer it is empty
    Duration fetchTimeout = std::chrono::minutes(2);       ///< how long a task does, for a record that should be there
    Duration discoveryInterval = std::chrono::seconds(10); ///< how often new topics and partitions are looked for
    std::size_t prefetchBytes = 256 << 20;                 ///< what is read ahead, in all
    /// Settings of librdkafka (`security.protocol`, `sasl.*`, `ssl.*`, `fetch.*`, ...), but for those that this sets
    /// itself.
    std::map<std::string, std::string> settings = {};
};

/// What is needed to read ranges that are known.
struct RangeOptions {
    std::string bootstrapServers = {};
    long maxRecordsPerTask = 0; ///< a longer range is read by several tasks; 0: no limit
    int minPartitions = 0;      ///< cut long ranges until there are about so many
    OnDataLoss onDataLoss = OnDataLoss::fail;
    Isolation isolation = Isolation::readCommitted;
    Duration fetchTimeout = std::chrono::minutes(2);
    std::size_t prefetchBytes = 256 << 20;
    std::map<std::string, std::string> settings = {};
};

} // namespace kafka

namespace detail {

using KafkaStreamBase = DStream<kafka::Record, NodeRecipe<StreamNode<KafkaRdd>>>;

} // namespace detail

namespace kafka {

/// The records of a direct stream, as views.
class DirectStream : public detail::KafkaStreamBase {
  public:
    explicit DirectStream(detail::KafkaStreamBase stream) : detail::KafkaStreamBase(std::move(stream)) {}
    /// Names the stream in the checkpoint. What follows is fused with it all the same.
    DirectStream uid(std::string name) const {
        recipe().root()->setUid(std::move(name));
        return *this;
    }
};

/// The records of topics, without a consumer group: each batch is a range of offsets for each partition, fixed before
/// it runs and stored with its results, so that every record counts once in states and in the sinks that take part in
/// the commit, through crashes of this process.
///
///     auto readings = kafka::createDirectStream(ssc, {.bootstrapServers = "localhost:9092", .topics = {"telemetry"}})
///                         .uid("telemetry");
///     readings.map([](const kafka::Record& record) { return std::pair(record.keyOr(""), 1L); }) ...
///
/// An RDD has a partition for each partition of the topics (`offsetRanges` says which), and several where ranges are
/// cut. Records of a partition are in their order. Of transactions only what was committed is read; offsets without a
/// record are normal. Several outputs of one stream read it several times, unless it is cached.
///
/// A batch is empty while no broker answers, and the next one goes on; a task waits `fetchTimeout` for what its batch
/// was promised. Partitions that appear are read from their first record. A topic that has lost records that were not
/// read, is gone, has fewer partitions, or was made anew, is a `DataLossError`, or goes on as `onDataLoss` says.
///
/// Shape:   a partition for each of Kafka's
/// Cost:    two requests to the brokers per batch; one consumer per thread, so that parsing keeps all cores busy
/// Errors:  UsageError for options that contradict each other, or a setting that would break what is promised here.
///          From the start: IoError where no broker answers in time, or a topic does not exist; RecoveryError where the
///          topics are not those of the checkpoint
/// Threads: as any source
/// Source:  Spark KafkaUtils.createDirectStream
DirectStream createDirectStream(const StreamingContext& ssc, const DirectStreamOptions& options,
                                std::source_location where = std::source_location::current());

/// The records of these ranges, as views; a partition for each range, in their order.
///
/// Errors: UsageError where a range ends before it begins. From the action: DataLossError, IoError
/// Source: Spark KafkaUtils.createRDD
detail::KafkaRdd createRDD(const Context& sc, const RangeOptions& options, std::vector<OffsetRange> ranges,
                           std::source_location where = std::source_location::current());

/// The ranges of offsets that an RDD of a direct stream (or of `createRDD`) has, range i in partition i; also of an RDD
/// that narrow operations have made of it.
///
/// Errors: UsageError for any other RDD
/// Source: Spark HasOffsetRanges
template <class T, class P>
std::vector<OffsetRange> offsetRanges(const RDD<T, P>& rdd,
                                      std::source_location where = std::source_location::current()) {
    return detail::kafkaRangesOf(rdd.lineagePtr(), where);
}

} // namespace kafka

namespace detail {

/// The same over any broker.
kafka::DirectStream kafkaDirectStream(const StreamingContext& ssc, const kafka::DirectStreamOptions& options,
                                      std::shared_ptr<KafkaBroker> broker, std::source_location where);
KafkaRdd kafkaRangesRdd(const Context& sc, const kafka::RangeOptions& options, std::shared_ptr<KafkaBroker> broker,
                        std::vector<kafka::OffsetRange> ranges, std::source_location where);

} // namespace detail
} // namespace rivulet
