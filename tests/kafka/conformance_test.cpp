// What the fake cluster does a real broker does too: the same tests over both.

#include "kafka/fake_kafka.h"
#include "kafka/real_kafka.h"
#include "support/stream_harness.h"

#include <functional>

namespace rivulet::test::conformance_test {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr Duration kTimeout = 10s;

/// Over the fake cluster, and over a real broker where there is Java.
void overBoth(const std::function<void(TestCluster&)>& test) {
    FakeKafka fake;
    test(fake);
    RealKafka* const real = RealKafka::shared();
    if (!real) {
        WARN(BrokerProcess::kMissing);
        return;
    }
    test(*real);
}

detail::KafkaBounds boundsOf(detail::KafkaBroker& broker, const kafka::TopicPartition& partition) {
    return broker.bounds({partition}, kTimeout).front();
}

/// A topic as soon as the broker's answers name it, and for some time before that they do not.
std::vector<detail::KafkaTopic> topicsOnce(detail::KafkaBroker& broker, const std::string& name, int partitions) {
    std::vector<detail::KafkaTopic> topics;
    CHECK(eventually([&] {
        topics = broker.topics({name}, kTimeout);
        return topics[0].partitions == partitions;
    }));
    return topics;
}

std::string outOfRange(detail::KafkaBroker& broker, const kafka::OffsetRange& range) {
    try {
        return textOf(readAll(broker, range));
    } catch (const detail::KafkaOutOfRange&) {
        return "out of range";
    }
}

} // namespace

TEST_CASE("conformance: topics, their partitions, and those that are not there", "[broker]") {
    overBoth([](TestCluster& kafka) {
        INFO(kafka.name());
        kafka.createTopic("conformance-topics", 3);
        const auto broker = kafka.broker();
        CHECK(!broker->clusterId(kTimeout).empty());
        CHECK(topicsOnce(*broker, "conformance-topics", 3)[0].error.empty());
        CHECK(broker->topics({"conformance-none"}, kTimeout)[0].error == "Broker: Unknown topic or partition");
        bool listed = false;
        for (const auto& topic : broker->topics({}, kTimeout)) listed = listed || topic.name == "conformance-topics";
        CHECK(listed);
        kafka.addPartitions("conformance-topics", 4);
        topicsOnce(*broker, "conformance-topics", 4);
    });
}

TEST_CASE("conformance: ranges have their records, and no others", "[broker]") {
    overBoth([](TestCluster& kafka) {
        INFO(kafka.name());
        kafka.createTopic("conformance-ranges", 2);
        std::vector<std::string> values;
        for (int i = 0; i < 2500; ++i) values.push_back(std::to_string(i));
        kafka.send({"conformance-ranges", 1}, values);
        const auto broker = kafka.broker();
        CHECK(boundsOf(*broker, {"conformance-ranges", 1}) == detail::KafkaBounds{0, 2500});
        CHECK(boundsOf(*broker, {"conformance-ranges", 0}) == detail::KafkaBounds{0, 0});
        CHECK(textOf(readAll(*broker, {"conformance-ranges", 1, 10, 13})) == "10:10 11:11 12:12");
        CHECK(textOf(readAll(*broker, {"conformance-ranges", 1, 2498, 2500})) == "2498:2498 2499:2499");
        const auto all = readAll(*broker, {"conformance-ranges", 1, 0, 2500});
        CHECK(all.size() == 2500);
        CHECK(all.back().value == "2499");
        CHECK(textOf(readAll(*broker, {"conformance-ranges", 1, 5, 5})) == "");
    });
}

TEST_CASE("conformance: a reader that continues gives all, whatever it has read ahead", "[broker]") {
    overBoth([](TestCluster& kafka) {
        INFO(kafka.name());
        kafka.createTopic("conformance-continues", 1);
        std::vector<std::string> values;
        for (int i = 0; i < 100; ++i) values.push_back(std::to_string(i));
        kafka.send({"conformance-continues", 0}, values);
        const auto broker = kafka.broker();
        std::string text;
        for (std::int64_t at = 0; at < 100; at += 7) {
            const auto fetch =
                broker->fetch({"conformance-continues", 0, at, std::min<std::int64_t>(100, at + 7)}, true);
            for (bool more = true; more;) {
                std::span<const kafka::Record> block;
                more = fetch->next(block);
                for (const auto& record : block) text += std::string(record.valueOr("")) + " ";
            }
        }
        std::string expected;
        for (const auto& value : values) expected += value + " ";
        CHECK(text == expected);
        // And goes back where it is told to.
        CHECK(textOf(readAll(*broker, {"conformance-continues", 0, 3, 5})) == "3:3 4:4");
    });
}

TEST_CASE("conformance: keys, values, headers and times arrive as they were sent", "[broker]") {
    overBoth([](TestCluster& kafka) {
        INFO(kafka.name());
        kafka.createTopic("conformance-records", 1);
        const Time time(Duration(1'700'000'000'123));
        kafka.sendRecords({"conformance-records", 0},
                          {{"v", "k", {{"h", "1"}, {"none", std::nullopt}, {"h", "2"}}, time},
                           {std::nullopt, "gone", {}, time},
                           {"", std::nullopt, {}, time}});
        const auto records = readAll(*kafka.broker(), {"conformance-records", 0, 0, 3});
        REQUIRE(records.size() == 3);
        CHECK(records[0] ==
              kafka::OwnedRecord{
                  "conformance-records", 0, 0, time, "k", "v", {{"h", "1"}, {"none", std::nullopt}, {"h", "2"}}});
        CHECK(records[1] == kafka::OwnedRecord{"conformance-records", 0, 1, time, "gone", std::nullopt, {}});
        CHECK(!records[2].key);
        CHECK(records[2].value.value_or("") == "");
    });
}

TEST_CASE("conformance: aborted records are hidden, and marks take offsets", "[broker]") {
    overBoth([](TestCluster& kafka) {
        INFO(kafka.name());
        const kafka::TopicPartition partition{"conformance-transactions", 0};
        kafka.createTopic(partition.topic, 1);
        kafka.sendInTransaction(partition, {"a", "b"}, true);
        kafka.sendInTransaction(partition, {"x"}, false);
        kafka.send(partition, {"c"});
        kafka.sendInTransaction(partition, {"y"}, false);
        const auto broker = kafka.broker();
        // A broker writes the mark of a transaction a moment after its end.
        CHECK(eventually([&] { return boundsOf(*broker, partition) == detail::KafkaBounds{0, 8}; }));
        CHECK(textOf(readAll(*broker, {partition.topic, 0, 0, 8})) == "0:a 1:b 5:c");
        CHECK(textOf(readAll(*broker, {partition.topic, 0, 2, 5})) == "");
        CHECK(textOf(readAll(*broker, {partition.topic, 0, 6, 8})) == "");
        const auto all = kafka.broker(kafka::Isolation::readUncommitted);
        CHECK(textOf(readAll(*all, {partition.topic, 0, 0, 8})) == "0:a 1:b 3:x 5:c 6:y");
    });
}

TEST_CASE("conformance: offsets by time", "[broker]") {
    overBoth([](TestCluster& kafka) {
        INFO(kafka.name());
        const kafka::TopicPartition partition{"conformance-times", 0};
        kafka.createTopic(partition.topic, 1);
        const Time time(Duration(1'700'000'000'000));
        kafka.sendRecords(partition, {{.value = "a", .timestamp = time}});
        kafka.sendRecords(partition, {{.value = "b", .timestamp = time + 10ms}});
        const auto broker = kafka.broker();
        CHECK(broker->offsetsAt({partition}, time, kTimeout) == std::vector<std::int64_t>{0});
        CHECK(broker->offsetsAt({partition}, time + 1ms, kTimeout) == std::vector<std::int64_t>{1});
        CHECK(broker->offsetsAt({partition}, time + 11ms, kTimeout) == std::vector<std::int64_t>{-1});
    });
}

TEST_CASE("conformance: what was deleted is out of range", "[broker]") {
    overBoth([](TestCluster& kafka) {
        INFO(kafka.name());
        const kafka::TopicPartition partition{"conformance-deleted", 0};
        kafka.createTopic(partition.topic, 1);
        kafka.send(partition, {"a", "b", "c", "d"});
        kafka.deleteUntil(partition, 2);
        const auto broker = kafka.broker();
        CHECK(boundsOf(*broker, partition) == detail::KafkaBounds{2, 4});
        CHECK(outOfRange(*broker, {partition.topic, 0, 0, 4}) == "out of range");
        CHECK(outOfRange(*broker, {partition.topic, 0, 2, 4}) == "2:c 3:d");
    });
}

TEST_CASE("conformance: a partition may be read by several at a time", "[broker]") {
    overBoth([](TestCluster& kafka) {
        INFO(kafka.name());
        const kafka::TopicPartition partition{"conformance-several", 0};
        kafka.createTopic(partition.topic, 1);
        kafka.send(partition, {"a", "b", "c", "d"});
        const auto broker = kafka.broker();
        const auto first = broker->fetch({partition.topic, 0, 0, 4}, true);
        const auto second = broker->fetch({partition.topic, 0, 0, 4}, true);
        const auto third = broker->fetch({partition.topic, 0, 2, 4}, true);
        const auto text = [](detail::KafkaFetch& fetch) {
            std::string text;
            for (bool more = true; more;) {
                std::span<const kafka::Record> block;
                more = fetch.next(block);
                for (const auto& record : block) text += record.valueOr("");
            }
            return text;
        };
        CHECK(text(*third) == "cd");
        CHECK(text(*first) == "abcd");
        CHECK(text(*second) == "abcd");
    });
}

} // namespace rivulet::test::conformance_test
