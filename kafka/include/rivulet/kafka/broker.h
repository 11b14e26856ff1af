#pragma once

#include "rivulet/error.h"
#include "rivulet/kafka/record.h"
#include "rivulet/time.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

/// What reading from Kafka needs of it: a seam, so that tests can hold a broker in their hand.
namespace rivulet::detail {

/// A topic as the broker has it.
struct KafkaTopic {
    std::string name;
    int partitions = 0;
    std::string error; ///< why it cannot be read; empty where it can
};

/// The offsets that a partition has: of its first record, and after the last one that may be read.
struct KafkaBounds {
    std::int64_t begin = 0, end = 0;
    friend bool operator==(const KafkaBounds&, const KafkaBounds&) = default;
};

/// Nobody answers now; it may work later.
class KafkaUnreachable : public IoError {
  public:
    using IoError::IoError;
};

/// The offset from which is to be read is not there: its records are deleted.
class KafkaOutOfRange : public Error {
  public:
    using Error::Error;
};

/// Reads a range of one partition.
///
/// Threads: one at a time
class KafkaFetch {
  public:
    virtual ~KafkaFetch() = default;
    /// Points `block` to the next records, with rising offsets in the range; to none where nothing came for a moment.
    /// False where the range has no further record. The views are valid until the next call.
    ///
    /// Errors: KafkaOutOfRange; IoError where the partition cannot be read
    virtual bool next(std::span<const kafka::Record>& block) = 0;
};

/// A cluster, as whoever reads sees it.
///
/// Errors:  KafkaUnreachable where there is no answer within the timeout
/// Threads: any
class KafkaBroker {
  public:
    using Partitions = std::vector<kafka::TopicPartition>;

    virtual ~KafkaBroker() = default;
    /// Its address, for messages.
    virtual std::string name() const = 0;
    /// Empty where it is not known.
    virtual std::string clusterId(Duration timeout) = 0;
    /// These topics, in their order; all of them where no name is given.
    virtual std::vector<KafkaTopic> topics(const std::vector<std::string>& names, Duration timeout) = 0;
    virtual std::vector<KafkaBounds> bounds(const Partitions& partitions, Duration timeout) = 0;
    /// The first offset of each with a record of this time or later; -1 where there is none.
    virtual std::vector<std::int64_t> offsetsAt(const Partitions& partitions, Time time, Duration timeout) = 0;
    /// `continues`: whoever reads will go on at the end of the range.
    virtual std::unique_ptr<KafkaFetch> fetch(const kafka::OffsetRange& range, bool continues) = 0;
};

} // namespace rivulet::detail
