#pragma once

#include "client/rd_broker.h"
#include "client/rd_client.h"
#include "kafka/broker_process.h"
#include "kafka/test_cluster.h"
#include "support/catch.h"
#include "support/temporary_directory.h"

#include <chrono>

namespace rivulet::test {

/// A real broker, as tests fill it.
class RealKafka final : public TestCluster {
  public:
    /// That of this executable, started when it is needed first; null where there is no Java.
    static RealKafka* shared() {
        static const TemporaryDirectory directory;
        static const auto kafka = [] {
            auto broker = BrokerProcess::start(RIVULET_SOURCES "/tools/kafka_broker.sh", directory / "kafka");
            return broker ? std::unique_ptr<RealKafka>(new RealKafka(std::move(broker))) : nullptr;
        }();
        return kafka.get();
    }
    ~RealKafka() override {
        rd_kafka_destroy(client_);
        if (transactional_) rd_kafka_destroy(transactional_);
    }

    std::string name() const override { return "a real broker"; }
    std::string address() const { return broker_->address(); }
    BrokerProcess& process() { return *broker_; }
    std::shared_ptr<detail::KafkaBroker> broker(Isolation isolation = Isolation::readCommitted) override {
        return detail::makeRdBroker({.operation = "test",
                                     .bootstrapServers = address(),
                                     .isolation = isolation,
                                     .prefetchBytes = 64 << 20,
                                     .fetchWait = std::chrono::milliseconds(10),
                                     .clients = 2},
                                    std::source_location::current());
    }
    void createTopic(const std::string& topic, int partitions) override {
        rd_kafka_NewTopic_t* made = rd_kafka_NewTopic_new(topic.c_str(), partitions, 1, nullptr, 0);
        ask([&](rd_kafka_queue_t* queue) { rd_kafka_CreateTopics(client_, &made, 1, nullptr, queue); },
            [](rd_kafka_event_t* event) {
                std::size_t count = 0;
                const auto* result = rd_kafka_event_CreateTopics_result(event);
                return rd_kafka_topic_result_error(rd_kafka_CreateTopics_result_topics(result, &count)[0]);
            });
        rd_kafka_NewTopic_destroy(made);
    }
    void deleteTopic(const std::string& topic) override {
        rd_kafka_DeleteTopic_t* gone = rd_kafka_DeleteTopic_new(topic.c_str());
        ask([&](rd_kafka_queue_t* queue) { rd_kafka_DeleteTopics(client_, &gone, 1, nullptr, queue); },
            [](rd_kafka_event_t* event) {
                std::size_t count = 0;
                const auto* result = rd_kafka_event_DeleteTopics_result(event);
                return rd_kafka_topic_result_error(rd_kafka_DeleteTopics_result_topics(result, &count)[0]);
            });
        rd_kafka_DeleteTopic_destroy(gone);
    }
    void addPartitions(const std::string& topic, int partitions) override {
        char error[256];
        rd_kafka_NewPartitions_t* more =
            rd_kafka_NewPartitions_new(topic.c_str(), std::size_t(partitions), error, sizeof error);
        ask([&](rd_kafka_queue_t* queue) { rd_kafka_CreatePartitions(client_, &more, 1, nullptr, queue); },
            [](rd_kafka_event_t* event) {
                std::size_t count = 0;
                const auto* result = rd_kafka_event_CreatePartitions_result(event);
                return rd_kafka_topic_result_error(rd_kafka_CreatePartitions_result_topics(result, &count)[0]);
            });
        rd_kafka_NewPartitions_destroy(more);
    }
    void deleteUntil(const kafka::TopicPartition& partition, std::int64_t offset) override {
        rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_list_add(list, partition.topic.c_str(), partition.partition)->offset = offset;
        rd_kafka_DeleteRecords_t* gone = rd_kafka_DeleteRecords_new(list);
        ask([&](rd_kafka_queue_t* queue) { rd_kafka_DeleteRecords(client_, &gone, 1, nullptr, queue); },
            [](rd_kafka_event_t* event) {
                return rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event))->elems[0].err;
            });
        rd_kafka_DeleteRecords_destroy(gone);
        rd_kafka_topic_partition_list_destroy(list);
    }
    void sendRecords(const kafka::TopicPartition& partition, const std::vector<Sent>& records) override {
        produce(client_, partition, records);
    }
    void sendRecordsInTransaction(const kafka::TopicPartition& partition, const std::vector<Sent>& records,
                                  bool isCommitted) override {
        if (!transactional_) {
            transactional_ = makeClient({{"transactional.id", "test"}});
            require(rd_kafka_init_transactions(transactional_, kWaitMs));
        }
        require(rd_kafka_begin_transaction(transactional_));
        produce(transactional_, partition, records);
        require(isCommitted ? rd_kafka_commit_transaction(transactional_, kWaitMs)
                            : rd_kafka_abort_transaction(transactional_, kWaitMs));
    }

  private:
    static constexpr int kWaitMs = 30'000;

    explicit RealKafka(std::unique_ptr<BrokerProcess> broker) : broker_(std::move(broker)), client_(makeClient({})) {}

    rd_kafka_t* makeClient(const std::vector<std::pair<std::string, std::string>>& settings) const {
        rd_kafka_conf_t* conf = rd_kafka_conf_new();
        char error[512];
        rd_kafka_conf_set(conf, "bootstrap.servers", address().c_str(), error, sizeof error);
        rd_kafka_conf_set(conf, "linger.ms", "0", error, sizeof error);
        for (const auto& [name, value] : settings)
            if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), error, sizeof error) != RD_KAFKA_CONF_OK)
                throw std::runtime_error(error);
        rd_kafka_t* client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
        if (!client) throw std::runtime_error(error);
        return client;
    }
    static void require(rd_kafka_error_t* error) {
        if (!error) return;
        const std::string text = rd_kafka_error_string(error);
        rd_kafka_error_destroy(error);
        throw std::runtime_error(text);
    }
    template <class Ask, class Answer> void ask(const Ask& ask, const Answer& answer) const {
        rd_kafka_queue_t* queue = rd_kafka_queue_new(client_);
        ask(queue);
        rd_kafka_event_t* event = rd_kafka_queue_poll(queue, kWaitMs);
        std::string failure = "no answer";
        if (event) {
            auto error = rd_kafka_event_error(event);
            if (!error) error = answer(event);
            failure = error ? rd_kafka_err2str(error) : "";
            rd_kafka_event_destroy(event);
        }
        rd_kafka_queue_destroy(queue);
        if (!failure.empty()) throw std::runtime_error(failure);
    }
    static void produce(rd_kafka_t* client, const kafka::TopicPartition& partition, const std::vector<Sent>& records) {
        for (const Sent& record : records)
            if (const auto failed = detail::enqueue(client, partition.topic, partition.partition, record.key,
                                                    record.value, record.headers, record.timestamp))
                throw std::runtime_error(rd_kafka_err2str(failed));
        if (rd_kafka_flush(client, kWaitMs)) throw std::runtime_error("not all records were sent");
    }

    const std::unique_ptr<BrokerProcess> broker_;
    rd_kafka_t* const client_;
    rd_kafka_t* transactional_ = nullptr;
};

} // namespace rivulet::test
