#include "kafka/kafka_topic.h"

#include "kafka/broker_process.h"
#include "support/temporary_directory.h"

#include <cstring>
#include <stdexcept>
#include <string>

namespace bench {

struct KafkaTopic::Impl {
    rivulet::test::TemporaryDirectory directory;
    std::unique_ptr<rivulet::test::BrokerProcess> broker;
};

KafkaTopic::KafkaTopic() : impl_(std::make_unique<Impl>()) {
    impl_->broker =
        rivulet::test::BrokerProcess::start(RIVULET_SOURCES "/tools/kafka_broker.sh", impl_->directory / "kafka");
    if (!impl_->broker) throw std::runtime_error(rivulet::test::BrokerProcess::kMissing);
    char error[512];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    const char* const settings[][2] = {{"bootstrap.servers", nullptr},
                                       {"linger.ms", "50"},
                                       {"batch.num.messages", "10000"},
                                       {"batch.size", "1000000"},
                                       {"queue.buffering.max.messages", "500000"},
                                       {"queue.buffering.max.kbytes", "200000"},
                                       {"acks", "1"}};
    for (const auto& [name, value] : settings)
        if (rd_kafka_conf_set(conf, name, value ? value : brokers().c_str(), error, sizeof error) != RD_KAFKA_CONF_OK)
            throw std::runtime_error(error);
    rd_kafka_t* client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    rd_kafka_NewTopic_t* made = rd_kafka_NewTopic_new(name(), kPartitions, 1, error, sizeof error);
    rd_kafka_queue_t* queue = rd_kafka_queue_new(client);
    rd_kafka_CreateTopics(client, &made, 1, nullptr, queue);
    rd_kafka_event_destroy(rd_kafka_queue_poll(queue, 30'000));
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(made);
    rd_kafka_topic_t* topic = rd_kafka_topic_new(client, name(), nullptr);
    std::string record(kRecordBytes, 'x');
    for (int i = 0; i < kRecordBytes; ++i) record[std::size_t(i)] = char('a' + i * 7919 % 26);
    for (long i = 0; i < kRecords; ++i) {
        std::memcpy(record.data(), &i, sizeof i);
        while (rd_kafka_produce(topic, int(i % kPartitions), RD_KAFKA_MSG_F_COPY, record.data(), record.size(), nullptr,
                                0, nullptr) == -1)
            rd_kafka_poll(client, 1);
        if (i % 1024 == 0) rd_kafka_poll(client, 0);
    }
    if (rd_kafka_flush(client, 120'000)) throw std::runtime_error("kafka: the topic could not be filled");
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(client);
}

KafkaTopic::~KafkaTopic() = default;

std::string KafkaTopic::brokers() const { return impl_->broker->address(); }

} // namespace bench
