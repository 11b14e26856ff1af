#pragma once

#include "rivulet/kafka/broker.h"
#include "rivulet/rdd.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>

/// How the tasks of a job read ranges of offsets.
namespace rivulet {
namespace kafka {

/// What becomes of records that were to be read and that the broker has deleted.
enum class OnDataLoss {
    fail, ///< the batch fails with a DataLossError, and so does a start
    skip, ///< reading goes on with the first record that is there; what was lost is logged, counted and kept
};

/// Which records a reader sees.
enum class Isolation { readCommitted, readUncommitted };

/// Records were to be read and are gone: the broker has deleted them, or the topic was made anew.
class DataLossError : public Error {
  public:
    DataLossError(const std::string& message, std::vector<OffsetRange> ranges)
        : Error(message),
          ranges_(std::move(ranges)) {}
    const std::vector<OffsetRange>& ranges() const { return ranges_; }

  private:
    std::vector<OffsetRange> ranges_;
};

} // namespace kafka

namespace detail {

/// What was seen while ranges were read. Tasks add to it when they are done with one.
///
/// Threads: any
class KafkaSeen {
  public:
    /// The last record of a range that was read to its end: by it a topic that was made anew is told from the old one.
    struct Mark {
        std::int64_t offset = -1;
        Time timestamp{};
    };

    void read(std::int64_t records, std::int64_t bytes);
    void reached(const kafka::TopicPartition& partition, Mark mark);
    /// Offsets that could not be read any more; each counts once, however often a task is repeated.
    void lost(const kafka::OffsetRange& range);

    std::optional<Mark> markOf(const kafka::TopicPartition& partition) const;
    /// How many bytes a record has, of those that were read; 0 before the first.
    double meanBytes() const;
    std::vector<kafka::OffsetRange> losses() const;
    std::int64_t lostOffsets() const;
    void restore(std::map<kafka::TopicPartition, Mark> marks, std::vector<kafka::OffsetRange> losses);

  private:
    mutable std::mutex mutex_; // guards the following
    std::map<kafka::TopicPartition, Mark> marks_;
    std::vector<kafka::OffsetRange> losses_; // the latest ones
    std::int64_t lostOffsets_ = 0;
    double records_ = 0, bytes_ = 0; // of late
};

/// What all ranges of a stream, or of an RDD, are read by.
struct KafkaReading {
    std::shared_ptr<KafkaBroker> broker;
    kafka::OnDataLoss onDataLoss = kafka::OnDataLoss::fail;
    Duration timeout{}; ///< with no record for so long the task fails
    bool continues = false;
    std::function<bool()> isStopping; ///< nobody waits for the broker any longer; empty: never
    std::shared_ptr<KafkaSeen> seen = std::make_shared<KafkaSeen>();
};

/// Reads one range: what a task's cursor holds.
class KafkaCursor {
  public:
    KafkaCursor(std::shared_ptr<const KafkaReading> reading, const kafka::OffsetRange& range);
    /// As KafkaFetch::next, with what is to become of losses and silence.
    bool next(std::span<const kafka::Record>& block);

  private:
    using Steady = std::chrono::steady_clock;
    void skipLost();
    void waited();
    void finish();

    const std::shared_ptr<const KafkaReading> reading_;
    kafka::OffsetRange range_;
    std::unique_ptr<KafkaFetch> fetch_;
    Steady::time_point last_; // when there was a record
    bool warned_ = false;
    std::int64_t records_ = 0, bytes_ = 0;
    KafkaSeen::Mark mark_;
};

/// The beginning of a chain over ranges of offsets, a partition for each.
class KafkaPipe {
  public:
    using value_type = kafka::Record;
    using Ranges = std::shared_ptr<const std::vector<kafka::OffsetRange>>;
    struct Cursor {
        std::unique_ptr<KafkaCursor> reader; // null: the range is empty
    };

    KafkaPipe(std::shared_ptr<const KafkaReading> reading, Ranges ranges)
        : reading_(std::move(reading)),
          ranges_(std::move(ranges)) {}
    int partitions() const { return int(ranges_->size()); }
    Cursor open(int partition, TaskContext&) const {
        const kafka::OffsetRange& range = (*ranges_)[std::size_t(partition)];
        return {range.count() > 0 ? std::make_unique<KafkaCursor>(reading_, range) : nullptr};
    }
    template <class Sink> bool advance(Cursor& cursor, Sink& sink) const {
        if (!cursor.reader) return false;
        std::span<const kafka::Record> block;
        const bool more = cursor.reader->next(block);
        for (const kafka::Record& record : block) sink(record);
        return more;
    }

  private:
    std::shared_ptr<const KafkaReading> reading_;
    Ranges ranges_;
};

using KafkaRdd = RDD<kafka::Record, KafkaPipe>;

KafkaRdd kafkaRdd(const std::shared_ptr<Engine>& engine, CallSite site, std::shared_ptr<const KafkaReading> reading,
                  std::vector<kafka::OffsetRange> ranges);
/// The ranges of the Kafka RDD that this one is made of, partition by partition.
std::vector<kafka::OffsetRange> kafkaRangesOf(const LineagePtr& lineage, std::source_location where);

} // namespace detail
} // namespace rivulet
