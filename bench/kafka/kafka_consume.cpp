// How fast the records of a topic are read and counted, from the making of the consumer to the last record. The hand
// loop is the best one with librdkafka: two clients with a thread each, because a client parses on one thread; broker
// and consumers have the same processors.

#include "kafka/kafka_topic.h"
#include "workloads.h"

#include <array>
#include <condition_variable>
#include <librdkafka/rdkafka.h>
#include <mutex>
#include <rivulet/kafka.h>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace bench {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<KafkaTopic> topic;

struct RecordTally {
    long records = 0, bytes = 0;
    std::string text() const { return std::to_string(records) + ' ' + std::to_string(bytes); }
};

/// Reads every second partition.
RecordTally readSome(int instance, int instances) {
    char error[512];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    const std::string brokers = topic->brokers();
    const std::array<std::pair<const char*, const char*>, 8> settings = {{{"bootstrap.servers", brokers.c_str()},
                                                                          {"group.id", "hand"},
                                                                          {"enable.auto.commit", "false"},
                                                                          {"enable.auto.offset.store", "false"},
                                                                          {"queued.min.messages", "1000000"},
                                                                          {"queued.max.messages.kbytes", "500000"},
                                                                          {"fetch.message.max.bytes", "4000000"},
                                                                          {"check.crcs", "true"}}};
    for (const auto& [name, value] : settings)
        if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK)
            throw std::runtime_error(error);
    rd_kafka_t* client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
    rd_kafka_poll_set_consumer(client);
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(KafkaTopic::kPartitions);
    long wanted = 0;
    for (int partition = instance; partition < KafkaTopic::kPartitions; partition += instances) {
        rd_kafka_topic_partition_list_add(list, KafkaTopic::name(), partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
        wanted += KafkaTopic::kRecords / KafkaTopic::kPartitions;
    }
    rd_kafka_assign(client, list);
    rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(client);
    std::vector<rd_kafka_message_t*> messages(10'000);
    RecordTally tally;
    while (tally.records < wanted) {
        const ssize_t count = rd_kafka_consume_batch_queue(queue, 100, messages.data(), messages.size());
        for (ssize_t i = 0; i < count; ++i) {
            rd_kafka_message_t* message = messages[std::size_t(i)];
            if (!message->err) {
                ++tally.records;
                tally.bytes += long(message->len);
            }
            rd_kafka_message_destroy(message);
        }
    }
    rd_kafka_consumer_close(client);
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(client);
    return tally;
}

std::string byHand(const Settings& settings) {
    std::vector<RecordTally> tallies(std::size_t(settings.threads));
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < settings.threads; ++i)
            threads.emplace_back([&, i] { tallies[std::size_t(i)] = readSome(i, settings.threads); });
    }
    RecordTally all;
    for (const RecordTally& tally : tallies) {
        all.records += tally.records;
        all.bytes += tally.bytes;
    }
    return all.text();
}

std::string byRivulet(const Settings& settings) {
    rivulet::Conf conf("local[" + std::to_string(settings.threads) + "]", "kafka-consume");
    conf.set("rivulet.streaming.backpressure.enabled", "false"); // the hand loop has none
    const rivulet::StreamingContext ssc(conf, 10ms);
    RecordTally tally;
    std::mutex mutex;
    std::condition_variable done;
    rivulet::kafka::createDirectStream(ssc, {.bootstrapServers = topic->brokers(),
                                             .topics = {KafkaTopic::name()},
                                             .startingOffsets = rivulet::kafka::earliest,
                                             .maxRecordsPerBatch = 200'000,
                                             .prefetchBytes = std::size_t{1} << 30})
        .map([](const rivulet::kafka::Record& record) { return std::pair(1L, long(record.valueOr({}).size())); })
        .mapPartitions([](auto elements) {
            std::pair<long, long> sum(0, 0);
            for (const auto& [records, bytes] : elements) {
                sum.first += records;
                sum.second += bytes;
            }
            return std::vector<std::pair<long, long>>{sum};
        })
        .foreachRDD([&](const auto& rdd) {
            const auto sums = rdd.collect();
            const std::lock_guard lock(mutex);
            for (const auto& [records, bytes] : sums) {
                tally.records += records;
                tally.bytes += bytes;
            }
            if (tally.records >= KafkaTopic::kRecords) done.notify_one();
        });
    ssc.start();
    std::unique_lock lock(mutex);
    if (!done.wait_for(lock, 120s, [&] { return tally.records >= KafkaTopic::kRecords; }))
        throw std::runtime_error("kafkaConsume: the records have not all arrived");
    lock.unlock();
    ssc.stop();
    return tally.text();
}

} // namespace

void addKafkaConsume(Suite& suite) {
    suite.add(Contest{.name = "kafkaConsume",
                      .about = "5 M records of 100 B in 8 partitions of a real broker on the same machine, counted",
                      .inDefaultSet = false,
                      .prepare = [](const Settings&) { topic = std::make_unique<KafkaTopic>(); },
                      .contestants = {{"hand", byHand}, {"rivulet", byRivulet}},
                      .finish = [] { topic.reset(); }});
}

} // namespace bench
