#pragma once

#include "rivulet/kafka/record.h"
#include "rivulet/sinks/sink.h"
#include "rivulet/stream/durable/checkpoint.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace rivulet {
namespace kafka {

/// A record to be sent. Strings, and pairs of strings (key and value), do as well.
struct ToSend {
    std::optional<std::string> key = {}, value = {};
    std::vector<OwnedHeader> headers = {};
    /// Nothing: by the key's hash, as Java's clients choose, so that records of a key stay in their order.
    std::optional<int> partition = {};
    friend bool operator==(const ToSend&, const ToSend&) = default;
    template <class Archive> void serialize(Archive& archive) { archive(key, value, headers, partition); }
};

struct TopicOptions {
    std::string bootstrapServers = {};
    std::string topic = {};
    /// Names the sink in the checkpoint, and with the checkpoint's id the producer in Kafka.
    std::string uid = {};
    Duration timeout = std::chrono::seconds(30); ///< of a transaction, and of the start
    /// Settings of librdkafka, but for those that this sets itself.
    std::map<std::string, std::string> settings = {};
};

} // namespace kafka

namespace detail {

/// What a topic knows of the batches that it has: the last one, and which process wrote last.
struct KafkaMarker {
    std::uint64_t batch = 0, epoch = 0;
};

/// Whether a transaction has happened is not known.
class KafkaInDoubt : public IoError {
  public:
    using IoError::IoError;
};

/// A producer of transactions: a seam, as KafkaBroker is.
///
/// Errors: KafkaInDoubt, after which it is of no use; FencedError where another one of its name has taken over
class KafkaProducer {
  public:
    virtual ~KafkaProducer() = default;
    /// The marker of the last transaction that was committed; nothing where there was none.
    /// `isSettled`: after `open`, when no transaction of this name can be undecided.
    virtual std::optional<KafkaMarker> marker(bool isSettled) = 0;
    /// Takes over: an earlier one of its name can commit nothing any more, and what it left open is aborted.
    virtual void open() = 0;
    /// One transaction: the records, and the marker with them.
    virtual void commit(std::span<const kafka::ToSend> records, const KafkaMarker& marker) = 0;
};

/// Gives batches to a topic, each once, whatever becomes of a transaction.
class TopicWriter {
  public:
    using MakeProducer = std::function<std::unique_ptr<KafkaProducer>(const SinkStart& start)>;

    TopicWriter(MakeProducer make, std::string topic);
    ~TopicWriter();
    void open(const SinkStart& start);
    void finalize(std::uint64_t batch, std::string_view rows);

  private:
    void takeOver();

    const MakeProducer make_;
    const std::string topic_;
    SinkStart start_;
    std::unique_ptr<KafkaProducer> producer_; // null: it has to be made anew
    std::uint64_t last_ = 0;                  // the batch that the topic has
};

/// A writer to a topic of a cluster.
std::unique_ptr<TopicWriter> makeTopicWriter(const kafka::TopicOptions& options, std::source_location where);

/// Writes records as rows of the outbox, and reads them back.
std::string sentRows(std::span<const kafka::ToSend> records);
std::vector<kafka::ToSend> readSentRows(std::string_view rows);

inline kafka::ToSend toSend(const kafka::ToSend& record) { return record; }
inline kafka::ToSend toSend(const std::string& value) { return {.value = value}; }
inline kafka::ToSend toSend(const std::pair<std::string, std::string>& record) {
    return {.key = record.first, .value = record.second};
}

template <class T>
concept KafkaSendable = requires(const T& x) { toSend(x); };

template <class T> struct SentRows {
    std::vector<std::string> operator()(PartitionElements<T> elements) const {
        std::vector<kafka::ToSend> records;
        for (const T& element : elements) records.push_back(toSend(element));
        if (records.empty()) return {};
        return {sentRows(records)};
    }
};

template <class T> class TopicSink final : public TransactionalSink<T> {
  public:
    TopicSink(std::unique_ptr<TopicWriter> writer, std::source_location where)
        : writer_(std::move(writer)),
          where_(where) {}
    std::string form() const override { return "records in Kafka"; }
    void open(const SinkStart& start) override { writer_->open(start); }
    std::string prepare(const RDD<T>& rdd, const BatchContext&) override {
        std::string rows;
        for (const std::string& some : rdd.mapPartitions(SentRows<T>{}, false, where_).collect(where_)) rows += some;
        return rows;
    }
    void finalize(std::uint64_t batch, std::string_view rows) override { writer_->finalize(batch, rows); }

  private:
    const std::unique_ptr<TopicWriter> writer_;
    const std::source_location where_;
};

} // namespace detail

namespace kafka {

/// Writes every batch to a topic, exactly once for whoever reads `read_committed`: through crashes of this process and
/// of brokers, and repeated batches. A batch that has records is one transaction, which is begun when the batch is
/// committed, filled from the checkpoint and committed at once, with the batch's number in it: a group offset of the
/// group `<checkpoint's id>.<uid>`, which a later process reads. While no broker answers, batches are committed and
/// wait in the checkpoint, up to `rivulet.streaming.outbox.maxBatches`.
///
/// Elements are `kafka::ToSend`, strings (values), or pairs of strings (keys and values).
///
/// Cost:   the records are written to the checkpoint, and once more to Kafka; one transaction per batch that has some
/// Errors: UsageError where a name is missing or a setting is refused; at the start, where there is no checkpoint
///         directory. From the start: IoError where no broker answers; RecoveryError where the topic has later batches
///         than the checkpoint, or its marker is gone. FencedError ends a process that another one has taken over
/// Source: Kafka Streams, exactly_once_v2; Flink KafkaSink
template <class T, class Recipe>
void saveToTopic(const DStream<T, Recipe>& stream, const TopicOptions& options,
                 std::source_location where = std::source_location::current()) {
    static_assert(detail::KafkaSendable<owned_t<T>>,
                  "an element that is sent to Kafka is a kafka::ToSend, a std::string, or a pair of strings: map it to "
                  "one of them");
    using Sink = detail::TopicSink<owned_t<T>>;
    detail::addSink("kafka::saveToTopic", stream,
                    std::shared_ptr<TransactionalSink<owned_t<T>>>(
                        detail::share(new Sink(detail::makeTopicWriter(options, where), where))),
                    options.uid, where);
}

} // namespace kafka
} // namespace rivulet
