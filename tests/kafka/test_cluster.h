#pragma once

#include "rivulet/kafka.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rivulet::test {

/// A record as tests write it.
struct Sent {
    std::optional<std::string> value;
    std::optional<std::string> key = {};
    std::vector<kafka::OwnedHeader> headers = {};
    Time timestamp = Time(Duration(1'700'000'000'000));
};

/// A cluster that a test fills: the fake one, or a real broker. What one does the other must do: tests of the protocol
/// run over both.
class TestCluster {
  public:
    using Isolation = kafka::Isolation;

    virtual ~TestCluster() = default;
    virtual std::string name() const = 0;
    virtual std::shared_ptr<detail::KafkaBroker> broker(Isolation isolation = Isolation::readCommitted) = 0;
    virtual void createTopic(const std::string& topic, int partitions) = 0;
    virtual void deleteTopic(const std::string& topic) = 0;
    virtual void addPartitions(const std::string& topic, int partitions) = 0;
    virtual void sendRecords(const kafka::TopicPartition& partition, const std::vector<Sent>& records) = 0;
    /// In a transaction, which is committed or aborted.
    virtual void sendRecordsInTransaction(const kafka::TopicPartition& partition, const std::vector<Sent>& records,
                                          bool isCommitted) = 0;
    /// Deletes the records before this offset.
    virtual void deleteUntil(const kafka::TopicPartition& partition, std::int64_t offset) = 0;

    void send(const kafka::TopicPartition& partition, const std::vector<std::string>& values) {
        std::vector<Sent> records;
        for (const std::string& value : values) records.push_back({value});
        sendRecords(partition, records);
    }
    void sendInTransaction(const kafka::TopicPartition& partition, const std::vector<std::string>& values,
                           bool isCommitted) {
        std::vector<Sent> records;
        for (const std::string& value : values) records.push_back({value});
        sendRecordsInTransaction(partition, records, isCommitted);
    }
};

/// All records of a range.
inline std::vector<kafka::OwnedRecord> readAll(detail::KafkaBroker& broker, const kafka::OffsetRange& range) {
    std::vector<kafka::OwnedRecord> records;
    const auto fetch = broker.fetch(range, false);
    for (bool more = true; more;) {
        std::span<const kafka::Record> block;
        more = fetch->next(block);
        for (const kafka::Record& record : block) records.push_back(owned<kafka::Record>::make(record));
    }
    return records;
}

/// `0:a 1:b`, offsets and values.
template <class Records> std::string textOf(const Records& records) {
    std::string text;
    for (const auto& each : records) {
        const kafka::Record record = each;
        text += (text.empty() ? "" : " ") + std::to_string(record.offset) + ":" + std::string(record.valueOr("null"));
    }
    return text;
}

} // namespace rivulet::test
