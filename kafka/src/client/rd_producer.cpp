#include "client/rd_client.h"
#include "rivulet/kafka/sink.h"
#include "rivulet/log.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace rivulet::detail {
namespace {

constexpr std::array<std::pair<std::string_view, const char*>, 12> kRefusedOfProducers = {{
    {"bootstrap.servers", "it is the option bootstrapServers"},
    {"metadata.broker.list", "it is the option bootstrapServers"},
    {"transactional.id", "it follows from the checkpoint and the uid"},
    {"transaction.timeout.ms", "it is the option timeout"},
    {"enable.idempotence", "a record could be there twice"},
    {"acks", "a record that is acknowledged could be lost"},
    {"request.required.acks", "a record that is acknowledged could be lost"},
    {"max.in.flight", "records could change their order"},
    {"max.in.flight.requests.per.connection", "records could change their order"},
    {"retries", "a record could be left out"},
    {"message.send.max.retries", "a record could be left out"},
    {"enable.gapless.guarantee", "records could change their order"},
}};

struct ErrorDestroyer {
    void operator()(rd_kafka_error_t* error) const { rd_kafka_error_destroy(error); }
};
using RdError = std::unique_ptr<rd_kafka_error_t, ErrorDestroyer>;

struct OffsetsDestroyer {
    void operator()(rd_kafka_topic_partition_list_t* list) const { rd_kafka_topic_partition_list_destroy(list); }
};
struct GroupDestroyer {
    void operator()(rd_kafka_consumer_group_metadata_t* group) const {
        rd_kafka_consumer_group_metadata_destroy(group);
    }
};

struct ProducerNames {
    std::string brokers, topic, transactionalId, sink;
    Duration timeout;
};

/// The offset that is committed for partition 0 of the topic is the number after that of the last batch, and the text
/// beside it the epoch.
class RdProducer final : public KafkaProducer {
  public:
    RdProducer(ProducerNames names, const RdSettings& settings)
        : names_(std::move(names)),
          producer_(with(settings, {{"transactional.id", names_.transactionalId},
                                    {"transaction.timeout.ms", std::to_string(names_.timeout.count())},
                                    {"partitioner", "murmur2_random"},
                                    {"linger.ms", "5"}}),
                    RD_KAFKA_PRODUCER),
          asking_(with(settings, group("read_uncommitted")), RD_KAFKA_CONSUMER),
          settled_(with(settings, group("read_committed")), RD_KAFKA_CONSUMER) {}

    std::optional<KafkaMarker> marker(bool isSettled) override {
        const auto list = offsets();
        RdClient& client = isSettled ? settled_ : asking_;
        const auto error = rd_kafka_committed(client.handle(), list.get(), int(names_.timeout.count()));
        const rd_kafka_topic_partition_t& found = list->elems[0];
        if (error || found.err) throw KafkaInDoubt(text("cannot read the marker", error ? error : found.err, client));
        if (found.offset < 1) return std::nullopt;
        KafkaMarker marker{std::uint64_t(found.offset) - 1, 0};
        const auto* text = static_cast<const char*>(found.metadata);
        std::from_chars(text, text + found.metadata_size, marker.epoch);
        return marker;
    }

    void open() override {
        repeat("cannot begin", [&](int ms) { return rd_kafka_init_transactions(producer_.handle(), ms); });
    }

    void commit(std::span<const kafka::ToSend> records, const KafkaMarker& marker) override {
        repeat("cannot begin a transaction", [&](int) { return rd_kafka_begin_transaction(producer_.handle()); });
        for (const kafka::ToSend& record : records) send(record);
        const auto list = offsets();
        list->elems[0].offset = std::int64_t(marker.batch) + 1;
        const std::string epoch = std::to_string(marker.epoch);
        list->elems[0].metadata = rd_kafka_mem_calloc(nullptr, 1, epoch.size() + 1);
        std::copy(epoch.begin(), epoch.end(), static_cast<char*>(list->elems[0].metadata));
        list->elems[0].metadata_size = epoch.size();
        const std::unique_ptr<rd_kafka_consumer_group_metadata_t, GroupDestroyer> group(
            rd_kafka_consumer_group_metadata_new(names_.transactionalId.c_str()));
        repeat("cannot send the marker", [&](int ms) {
            return rd_kafka_send_offsets_to_transaction(producer_.handle(), list.get(), group.get(), ms);
        });
        repeat("cannot commit", [&](int ms) { return rd_kafka_commit_transaction(producer_.handle(), ms); });
    }

  private:
    using Steady = std::chrono::steady_clock;

    static RdSettings with(RdSettings settings, const RdSettings& more) {
        settings.insert(settings.end(), more.begin(), more.end());
        return settings;
    }
    RdSettings group(const char* isolation) const {
        return {{"group.id", names_.transactionalId}, {"enable.auto.commit", "false"}, {"isolation.level", isolation}};
    }
    std::unique_ptr<rd_kafka_topic_partition_list_t, OffsetsDestroyer> offsets() const {
        std::unique_ptr<rd_kafka_topic_partition_list_t, OffsetsDestroyer> list(rd_kafka_topic_partition_list_new(1));
        rd_kafka_topic_partition_list_add(list.get(), names_.topic.c_str(), 0);
        return list;
    }
    std::string text(const std::string& what, rd_kafka_resp_err_t code, RdClient& client) const {
        const std::string last = client.lastError();
        return "kafka: sink '" + names_.sink + "', topic '" + names_.topic + "' at " + names_.brokers + ": " + what +
               ": " + rd_kafka_err2str(code) + (last.empty() ? "" : " (" + last + ")");
    }

    /// Calls until it succeeds or its time is over; what cannot be repeated is decided by a new producer.
    template <class Call> void repeat(const char* what, const Call& call) {
        const auto deadline = Steady::now() + names_.timeout;
        for (;;) {
            const auto left = std::chrono::duration_cast<Duration>(deadline - Steady::now());
            const RdError error(call(int(std::max<std::int64_t>(1, left.count()))));
            if (!error) return;
            const auto code = rd_kafka_error_code(error.get());
            const std::string problem = text(what, code, producer_) + ": " + rd_kafka_error_string(error.get());
            if (isFencing(code)) throw FencedError(problem + "; this process ends");
            const bool again = rd_kafka_error_is_retriable(error.get()) && Steady::now() < deadline;
            if (!again) throw KafkaInDoubt(problem);
        }
    }
    static bool isFencing(rd_kafka_resp_err_t code) {
        return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
               code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
    }

    void send(const kafka::ToSend& record) {
        const auto deadline = Steady::now() + names_.timeout;
        for (;;) {
            const auto failed =
                enqueue(producer_.handle(), names_.topic, record.partition.value_or(RD_KAFKA_PARTITION_UA), record.key,
                        record.value, record.headers);
            if (!failed) return producer_.poll();
            if (failed != RD_KAFKA_RESP_ERR__QUEUE_FULL || Steady::now() > deadline) {
                if (isFencing(failed) || failed == RD_KAFKA_RESP_ERR__FATAL) throwFatal(failed);
                throw KafkaInDoubt(text("cannot send", failed, producer_));
            }
            rd_kafka_poll(producer_.handle(), 100);
        }
    }
    [[noreturn]] void throwFatal(rd_kafka_resp_err_t failed) {
        std::array<char, 512> reason{};
        const auto fatal = rd_kafka_fatal_error(producer_.handle(), reason.data(), reason.size());
        const std::string problem = text("cannot send", fatal ? fatal : failed, producer_) + ": " + reason.data();
        if (isFencing(fatal) || isFencing(failed)) throw FencedError(problem + "; this process ends");
        throw KafkaInDoubt(problem);
    }

    const ProducerNames names_;
    RdClient producer_, asking_, settled_;
};

} // namespace

std::unique_ptr<TopicWriter> makeTopicWriter(const kafka::TopicOptions& options, std::source_location where) {
    const std::string operation = "kafka::saveToTopic";
    if (options.bootstrapServers.empty())
        throw UsageError(operation + ": no broker is named; give bootstrapServers, for example \"localhost:9092\"",
                         where);
    if (options.topic.empty())
        throw UsageError(operation + ": the topic has no name; say which one gets the records", where);
    if (options.timeout < std::chrono::seconds(1))
        throw UsageError(operation + ": the timeout (" + durationText(options.timeout) +
                             ") must be a second or more; a transaction takes some milliseconds, and longer while "
                             "brokers change",
                         where);
    for (const auto& [name, value] : options.settings)
        for (const auto& [refused, reason] : kRefusedOfProducers)
            if (name == refused)
                throw UsageError(operation + ": the setting " + name + " cannot be given: " + reason, where);
    RdSettings settings = {{"bootstrap.servers", options.bootstrapServers},
                           {"client.id", "rivulet"},
                           {"log.connection.close", "false"},
                           {"reconnect.backoff.max.ms", "2000"}};
    for (const auto& [name, value] : options.settings) settings.emplace_back(name, value);
    static_cast<void>(makeRdConf("kafka::saveToTopic", settings, where));
    return std::make_unique<TopicWriter>(
        [options, settings](const SinkStart& start) -> std::unique_ptr<KafkaProducer> {
            return std::make_unique<RdProducer>(ProducerNames{options.bootstrapServers, options.topic,
                                                              start.application + "." + options.uid, options.uid,
                                                              options.timeout},
                                                settings);
        },
        options.topic);
}

} // namespace rivulet::detail
