#pragma once

#include "kafka/test_cluster.h"

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <set>

namespace rivulet::test {

/// A cluster in memory, in a test's hand: logs with offsets, transactions whose marks take offsets, what was aborted,
/// deleted, compacted or made anew; and, by the test's word, a broker that is away, or knows less than it did.
///
/// Threads: any
class FakeKafka final : public TestCluster {
  public:
    std::string name() const override { return "the fake cluster"; }
    std::shared_ptr<detail::KafkaBroker> broker(Isolation isolation = Isolation::readCommitted) override {
        return std::make_shared<Broker>(*this, isolation);
    }
    void createTopic(const std::string& topic, int partitions) override {
        std::lock_guard lock(mutex_);
        topics_[topic].resize(std::size_t(partitions));
    }
    void deleteTopic(const std::string& topic) override {
        std::lock_guard lock(mutex_);
        topics_.erase(topic);
    }
    void addPartitions(const std::string& topic, int partitions) override { createTopic(topic, partitions); }
    void sendRecords(const kafka::TopicPartition& partition, const std::vector<Sent>& records) override {
        std::lock_guard lock(mutex_);
        append(log(partition), records, kPlain);
    }
    void sendRecordsInTransaction(const kafka::TopicPartition& partition, const std::vector<Sent>& records,
                                  bool isCommitted) override {
        const int transaction = begin(partition, records);
        end(partition, transaction, isCommitted);
    }
    void deleteUntil(const kafka::TopicPartition& partition, std::int64_t offset) override {
        std::lock_guard lock(mutex_);
        Log& at = log(partition);
        at.begin = std::max(at.begin, offset);
        std::erase_if(at.entries, [&](const Entry& entry) { return entry.offset < at.begin; });
    }

    /// A transaction that stays open until `end`.
    int begin(const kafka::TopicPartition& partition, const std::vector<Sent>& records) {
        std::lock_guard lock(mutex_);
        Log& at = log(partition);
        const int transaction = ++transactions_;
        at.open.emplace(transaction, at.end);
        append(at, records, transaction);
        return transaction;
    }
    void end(const kafka::TopicPartition& partition, int transaction, bool isCommitted) {
        std::lock_guard lock(mutex_);
        Log& at = log(partition);
        at.open.erase(transaction);
        if (!isCommitted) at.aborted.insert(transaction);
        ++at.end; // its mark
    }
    /// Leaves the last record of each key, as the log cleaner does.
    void compact(const kafka::TopicPartition& partition) {
        std::lock_guard lock(mutex_);
        Log& at = log(partition);
        std::set<std::string> seen;
        std::vector<Entry> left;
        for (auto entry = at.entries.rbegin(); entry != at.entries.rend(); ++entry)
            if (seen.insert(entry->record.key.value_or("")).second) left.push_back(*entry);
        at.entries.assign(left.rbegin(), left.rend());
    }
    /// Whether nobody answers.
    void setAway(bool isAway) {
        std::lock_guard lock(mutex_);
        isAway_ = isAway;
    }
    /// Of the next so many questions for its end, a partition is said to end here.
    void sayEnds(const kafka::TopicPartition& partition, std::int64_t end, int times) {
        std::lock_guard lock(mutex_);
        wrongEnds_[partition] = {end, times};
    }
    void setClusterId(std::string id) {
        std::lock_guard lock(mutex_);
        clusterId_ = std::move(id);
    }
    /// How often ranges were read.
    int fetches() const {
        std::lock_guard lock(mutex_);
        return fetches_;
    }
    /// Called before each block of a range, with no lock held: where a test lets something happen meanwhile.
    std::function<void(const kafka::OffsetRange&)> beforeBlock;

  private:
    static constexpr int kPlain = 0; // in no transaction
    static constexpr std::size_t kBlock = 3;

    struct Entry {
        std::int64_t offset;
        Sent record;
        int transaction;
    };
    struct Log {
        std::int64_t begin = 0, end = 0;
        std::vector<Entry> entries;
        std::map<int, std::int64_t> open; // transactions, and where they begin
        std::set<int> aborted;
        std::int64_t stableEnd() const {
            std::int64_t stable = end;
            for (const auto& [transaction, first] : open) stable = std::min(stable, first);
            return stable;
        }
    };

    /// A part of a range that a task has.
    class Fetch final : public detail::KafkaFetch {
      public:
        Fetch(FakeKafka& kafka, Isolation isolation, const kafka::OffsetRange& range)
            : kafka_(kafka),
              isolation_(isolation),
              range_(range),
              at_(range.fromOffset) {}
        bool next(std::span<const kafka::Record>& block) override {
            if (kafka_.beforeBlock) kafka_.beforeBlock(range_);
            std::lock_guard lock(kafka_.mutex_);
            owned_.clear();
            block = {};
            if (kafka_.isAway_) return true;
            const Log& log = kafka_.log(range_.topicPartition());
            if (at_ < log.begin || at_ > log.end) throw detail::KafkaOutOfRange("at " + std::to_string(at_));
            const bool committedOnly = isolation_ == Isolation::readCommitted;
            const std::int64_t end = std::min(committedOnly ? log.stableEnd() : log.end, range_.untilOffset);
            for (const Entry& entry : log.entries) {
                if (entry.offset < at_ || entry.offset >= end) continue;
                if (owned_.size() == kBlock) break;
                at_ = entry.offset + 1;
                if (committedOnly && log.aborted.contains(entry.transaction)) continue;
                const Sent& sent = entry.record;
                owned_.push_back(
                    {range_.topic, range_.partition, entry.offset, sent.timestamp, sent.key, sent.value, sent.headers});
            }
            if (owned_.size() < kBlock) at_ = std::max(at_, end);
            records_.assign(owned_.begin(), owned_.end());
            block = records_;
            return at_ < range_.untilOffset;
        }

      private:
        FakeKafka& kafka_;
        const Isolation isolation_;
        const kafka::OffsetRange range_;
        std::int64_t at_;
        std::vector<kafka::OwnedRecord> owned_;
        std::vector<kafka::Record> records_;
    };

    class Broker final : public detail::KafkaBroker {
      public:
        Broker(FakeKafka& kafka, Isolation isolation) : kafka_(kafka), isolation_(isolation) {}
        std::string name() const override { return kafka_.name(); }
        std::string clusterId(Duration timeout) override {
            const auto lock = kafka_.answer(timeout);
            return kafka_.clusterId_;
        }
        std::vector<detail::KafkaTopic> topics(const std::vector<std::string>& names, Duration timeout) override {
            const auto lock = kafka_.answer(timeout);
            std::vector<detail::KafkaTopic> topics;
            if (names.empty())
                for (const auto& [topic, logs] : kafka_.topics_) topics.push_back({topic, int(logs.size()), {}});
            for (const std::string& topic : names) {
                const auto found = kafka_.topics_.find(topic);
                if (found == kafka_.topics_.end())
                    topics.push_back({topic, 0, "Broker: Unknown topic or partition"});
                else
                    topics.push_back({topic, int(found->second.size()), {}});
            }
            return topics;
        }
        std::vector<detail::KafkaBounds> bounds(const Partitions& partitions, Duration timeout) override {
            const auto lock = kafka_.answer(timeout);
            std::vector<detail::KafkaBounds> bounds;
            for (const auto& partition : partitions) {
                const Log& log = kafka_.log(partition);
                bounds.push_back({log.begin, isolation_ == Isolation::readCommitted ? log.stableEnd() : log.end});
                if (auto wrong = kafka_.wrongEnds_.find(partition); wrong != kafka_.wrongEnds_.end()) {
                    bounds.back().end = wrong->second.first;
                    if (--wrong->second.second == 0) kafka_.wrongEnds_.erase(wrong);
                }
            }
            return bounds;
        }
        std::vector<std::int64_t> offsetsAt(const Partitions& partitions, Time time, Duration timeout) override {
            const auto lock = kafka_.answer(timeout);
            std::vector<std::int64_t> offsets;
            for (const auto& partition : partitions) {
                const auto& entries = kafka_.log(partition).entries;
                const auto found = std::find_if(entries.begin(), entries.end(),
                                                [&](const Entry& entry) { return entry.record.timestamp >= time; });
                offsets.push_back(found == entries.end() ? -1 : found->offset);
            }
            return offsets;
        }
        std::unique_ptr<detail::KafkaFetch> fetch(const kafka::OffsetRange& range, bool) override {
            {
                std::lock_guard lock(kafka_.mutex_);
                ++kafka_.fetches_;
            }
            return std::make_unique<Fetch>(kafka_, isolation_, range);
        }

      private:
        FakeKafka& kafka_;
        const Isolation isolation_;
    };

    std::unique_lock<std::mutex> answer(Duration timeout) const {
        std::unique_lock lock(mutex_);
        if (isAway_)
            throw detail::KafkaUnreachable("kafka: no answer from " + name() + " within " +
                                           detail::durationText(timeout));
        return lock;
    }
    Log& log(const kafka::TopicPartition& partition) {
        const auto found = topics_.find(partition.topic);
        if (found == topics_.end() || std::size_t(partition.partition) >= found->second.size())
            throw detail::KafkaUnreachable("kafka: " + partition.toText() + ": Broker: Unknown topic or partition");
        return found->second[std::size_t(partition.partition)];
    }
    static void append(Log& log, const std::vector<Sent>& records, int transaction) {
        for (const Sent& record : records) log.entries.push_back({log.end++, record, transaction});
    }

    mutable std::mutex mutex_; // guards the following
    std::map<std::string, std::vector<Log>> topics_;
    std::map<kafka::TopicPartition, std::pair<std::int64_t, int>> wrongEnds_;
    std::string clusterId_ = "fake";
    int transactions_ = 0, fetches_ = 0;
    bool isAway_ = false;
};

} // namespace rivulet::test
