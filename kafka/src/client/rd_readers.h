#pragma once

#include "client/rd_client.h"
#include "rivulet/kafka/broker.h"

#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

namespace rivulet::detail {

/// Where one client stands in one partition: it reads ahead from there on.
struct RdReader {
    kafka::TopicPartition partition;
    std::size_t client = 0;
    rd_kafka_topic_t* topic = nullptr;
    bool isStarted = false, isInUse = false;
    std::int64_t position = -1;              ///< where what was not given yet begins
    std::deque<rd_kafka_message_t*> ahead{}; ///< taken from librdkafka, and not given
};

/// The consumers that read for all tasks, one per core: each has its own connection, and a thread that parses what
/// comes in and checks it, which is most of the work. A reader stays where its range ended, and has read ahead there
/// when the next batch comes. Tasks that read one partition at the same time have readers of different consumers.
///
/// librdkafka's interface of single partitions is used: it has a queue for each, no group, and none of the faults of
/// 2.0.2 where queues are paused or sought in.
///
/// Threads: any; a reader belongs to who has it
class RdReaders {
  public:
    RdReaders(RdSettings settings, std::size_t clients, std::size_t prefetchBytes);
    ~RdReaders();
    RdReaders(const RdReaders&) = delete;
    RdReaders& operator=(const RdReaders&) = delete;

    /// Among so many what is read ahead is divided, for consumers that are made from now on.
    void expect(std::size_t partitions);
    /// One that stands at this offset.
    RdReader* take(const kafka::TopicPartition& partition, std::int64_t offset);
    /// `keep`: it may go on from where it is.
    void giveBack(RdReader* reader, bool keep);
    RdClient& clientOf(const RdReader& reader);

  private:
    void learn(rd_kafka_topic_t* topic, RdClient& client);
    RdReader& add(const kafka::TopicPartition& partition);
    static void stop(RdReader& reader);

    const RdSettings settings_;
    const std::size_t clientCount_, prefetchBytes_;
    mutable std::mutex mutex_; // guards the following
    std::size_t partitions_ = 1;
    std::deque<RdClient> clients_; // readers are stopped before
    std::set<rd_kafka_topic_t*> learned_;
    std::map<kafka::TopicPartition, std::vector<std::unique_ptr<RdReader>>> readers_;
};

/// Reads a range through a reader.
class RdFetch final : public KafkaFetch {
  public:
    RdFetch(RdReaders& readers, const kafka::OffsetRange& range, bool continues);
    ~RdFetch() override;
    bool next(std::span<const kafka::Record>& block) override;

  private:
    void release();
    void receive();
    bool take(rd_kafka_message_t* message);
    void add(const rd_kafka_message_t* message);
    void addHeaders(const rd_kafka_message_t* message);
    [[noreturn]] void fail(const rd_kafka_message_t* message);

    RdReaders& readers_;
    const kafka::OffsetRange range_;
    const bool continues_;
    RdReader* const reader_;
    std::int64_t at_;
    bool isDone_ = false, isBroken_ = false;
    std::vector<rd_kafka_message_t*> given_;
    std::vector<kafka::Record> records_;
    struct HeaderPlace {
        std::size_t record, first, count;
    };
    std::vector<kafka::Header> headers_;
    std::vector<HeaderPlace> headerPlaces_;
};

} // namespace rivulet::detail
