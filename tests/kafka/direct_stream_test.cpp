#include "kafka/kafka_programs.h"

namespace rivulet::test::direct_stream_test {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("A batch has what came since the last one, a partition for each of the topic's") {
    FakeKafka kafka;
    kafka.createTopic("t", 2);
    KafkaProgram program(kafka, {.topics = {"t"}});
    CHECK(program.next() == " | ");
    kafka.send({"t", 0}, {"a", "b"});
    kafka.send({"t", 1}, {"c"});
    CHECK(program.next() == "0:a 1:b | 0:c");
    kafka.send({"t", 1}, numbersFrom(0, 8));
    CHECK(program.next() == " | 1:0 2:1 3:2 4:3 5:4 6:5 7:6 8:7");
    CHECK(program.next() == " | ");
    CHECK(program.ranges[1] == std::vector<kafka::OffsetRange>{{"t", 0, 0, 2}, {"t", 1, 0, 1}});
    CHECK(program.ranges[2] == std::vector<kafka::OffsetRange>{{"t", 0, 2, 2}, {"t", 1, 1, 9}});
}

TEST_CASE("The start is after what is there, at the first record, at given offsets or at a time", "[A136]") {
    FakeKafka kafka;
    kafka.createTopic("t", 2);
    kafka.sendRecords({"t", 0}, {{.value = "a", .timestamp = Time(10ms)}, {.value = "b", .timestamp = Time(20ms)}});
    kafka.sendRecords({"t", 1}, {{.value = "c", .timestamp = Time(5ms)}});
    const auto first = [&](const kafka::StartingOffsets& from) {
        return KafkaProgram(kafka, {.topics = {"t"}, .startingOffsets = from}).next();
    };
    CHECK(first(kafka::latest) == " | ");
    CHECK(first(kafka::earliest) == "0:a 1:b | 0:c");
    CHECK(first(kafka::offsetsOf({{{"t", 0}, 1}})) == "1:b | ");
    CHECK(first(kafka::offsetsOf({{{"t", 0}, 1}}, kafka::earliest)) == "1:b | 0:c");
    CHECK(first(kafka::since(Time(10ms))) == "0:a 1:b | ");
    CHECK(first(kafka::since(Time(11ms))) == "1:b | ");
}

TEST_CASE("Partitions may be assigned one by one, and topics chosen by a pattern") {
    FakeKafka kafka;
    kafka.createTopic("logs-a", 2);
    kafka.createTopic("logs-b", 1);
    kafka.createTopic("other", 1);
    kafka.send({"logs-a", 0}, {"0"});
    kafka.send({"logs-a", 1}, {"1"});
    kafka.send({"logs-b", 0}, {"2"});
    kafka.send({"other", 0}, {"3"});
    CHECK(
        KafkaProgram(kafka, {.partitions = {{"other", 0}, {"logs-a", 1}}, .startingOffsets = kafka::earliest}).next() ==
        "0:1 | 0:3");
    CHECK(KafkaProgram(kafka, {.topicPattern = "logs-.", .startingOffsets = kafka::earliest}).next() ==
          "0:0 | 0:1 | 0:2");
}

TEST_CASE("Topics and partitions that appear are read from their first record") {
    FakeKafka kafka;
    kafka.createTopic("t1", 1);
    KafkaProgram program(kafka, {.topicPattern = "t.*", .discoveryInterval = 2s});
    CHECK(program.next() == "");
    kafka.addPartitions("t1", 2);
    kafka.send({"t1", 1}, {"a"});
    kafka.createTopic("t2", 1);
    kafka.send({"t2", 0}, {"b"});
    CHECK(program.next() == " | 0:a | 0:b");
}

TEST_CASE("Of transactions what was committed is read, in its time") {
    FakeKafka kafka;
    kafka.createTopic("t", 1);
    auto running = std::make_unique<KafkaProgram>(
        kafka, kafka::DirectStreamOptions{.topics = {"t"}, .startingOffsets = kafka::earliest});
    KafkaProgram& program = *running;
    kafka.sendInTransaction({"t", 0}, {"a", "b"}, true);
    kafka.sendInTransaction({"t", 0}, {"x"}, false);
    kafka.send({"t", 0}, {"c"});
    CHECK(program.next() == "0:a 1:b 5:c");
    const int open = kafka.begin({"t", 0}, {{"d"}});
    kafka.send({"t", 0}, {"e"});
    CHECK(program.next() == ""); // what follows an open transaction waits for it
    kafka.end({"t", 0}, open, true);
    CHECK(program.next() == "6:d 7:e");
    kafka.sendInTransaction({"t", 0}, {"x"}, false); // nothing to see, and no reason to wait
    CHECK(program.next() == "");
    CHECK(program.ranges.back() == std::vector<kafka::OffsetRange>{{"t", 0, 9, 11}});
    running.reset();
    KafkaProgram all(
        kafka, {.topics = {"t"}, .startingOffsets = kafka::earliest, .isolation = kafka::Isolation::readUncommitted});
    CHECK(all.next() == "0:a 1:b 3:x 5:c 6:d 7:e 9:x");
}

TEST_CASE("Offsets that were compacted have no record", "[A142]") {
    FakeKafka kafka;
    kafka.createTopic("t", 1);
    kafka.sendRecords({"t", 0}, {{"1", "a"}, {"2", "b"}, {"3", "a"}, {"4", "c"}, {"5", "c"}});
    kafka.compact({"t", 0});
    KafkaProgram program(kafka, {.topics = {"t"}, .startingOffsets = kafka::earliest, .maxRecordsPerBatch = 2});
    CHECK(program.next() == "1:2");
    CHECK(program.next() == "2:3");
    CHECK(program.next() == "4:5");
}

TEST_CASE("No batch has more than it may, the first one neither") {
    FakeKafka kafka;
    kafka.createTopic("t", 2);
    kafka.send({"t", 0}, numbersFrom(0, 100));
    kafka.send({"t", 1}, numbersFrom(0, 3));
    SECTION("by records") {
        KafkaProgram program(kafka, {.topics = {"t"}, .startingOffsets = kafka::earliest, .maxRecordsPerBatch = 10});
        program.ssc.advanceBatch(2);
        CHECK(program.ranges == std::vector<std::vector<kafka::OffsetRange>>{{{"t", 0, 0, 7}, {"t", 1, 0, 3}},
                                                                             {{"t", 0, 7, 17}, {"t", 1, 3, 3}}});
    }
    SECTION("by bytes, when their size is known") {
        KafkaProgram program(kafka, {.topics = {"t"}, .startingOffsets = kafka::earliest, .maxBytesPerBatch = 4096});
        program.ssc.advanceBatch(2);
        CHECK(program.ranges[0] == std::vector<kafka::OffsetRange>{{"t", 0, 0, 2}, {"t", 1, 0, 2}});
        CHECK(program.ranges[1] == std::vector<kafka::OffsetRange>{{"t", 0, 2, 100}, {"t", 1, 2, 3}});
    }
    SECTION("by the rate of each partition") {
        KafkaProgram program(kafka, {.topics = {"t"}, .startingOffsets = kafka::earliest, .maxRatePerPartition = 20});
        program.ssc.advanceBatch(2);
        CHECK(program.ranges[1] == std::vector<kafka::OffsetRange>{{"t", 0, 20, 40}, {"t", 1, 3, 3}});
    }
    SECTION("by backpressure") {
        Conf conf = serialConf();
        conf.set("rivulet.streaming.backpressure.enabled", "true");
        conf.set("rivulet.streaming.backpressure.initialRate", "8");
        KafkaProgram program(kafka, {.topics = {"t"}, .startingOffsets = kafka::earliest}, {}, conf);
        program.ssc.advanceBatch();
        CHECK(program.ranges[0] == std::vector<kafka::OffsetRange>{{"t", 0, 0, 7}, {"t", 1, 0, 1}});
    }
}

TEST_CASE("A long range is read by several tasks, in its order") {
    FakeKafka kafka;
    kafka.createTopic("t", 2);
    kafka.send({"t", 0}, numbersFrom(0, 10));
    KafkaProgram program(kafka, {.topics = {"t"}, .startingOffsets = kafka::earliest, .maxRecordsPerTask = 4});
    CHECK(program.next() == "0:0 1:1 2:2 | 3:3 4:4 5:5 | 6:6 7:7 8:8 9:9 | ");
    CHECK(program.ranges[0].size() == 4);
}

TEST_CASE("Listeners hear of records and offsets, the longest range first", "[A139]") {
    struct Heard final : StreamingListener {
        std::vector<long> records;
        std::string description, name;
        void onBatchSubmitted(const BatchInfo& batch) override { records.push_back(batch.numRecords()); }
        void onBatchStarted(const BatchInfo& batch) override { records.push_back(batch.numRecords()); }
        void onBatchCompleted(const BatchInfo& batch) override {
            records.push_back(batch.numRecords());
            description = batch.inputs().at(0).description;
            name = batch.inputs().at(0).name;
        }
    };
    FakeKafka kafka;
    kafka.createTopic("t", 3);
    kafka.send({"t", 0}, {"a"});
    kafka.send({"t", 2}, {"b", "c"});
    KafkaProgram program(kafka, {.topics = {"t"}, .startingOffsets = kafka::earliest});
    const auto heard = std::make_shared<Heard>();
    program.ssc.addStreamingListener(heard);
    program.next();
    CHECK(heard->records == std::vector<long>{3, 3, 3});
    CHECK(heard->name == "Kafka direct stream [0]");
    CHECK(heard->description == "topic: t\tpartition: 2\toffsets: 0 to 2\tcount: 2\n"
                                "topic: t\tpartition: 0\toffsets: 0 to 1\tcount: 1");
}

TEST_CASE("A chain carries views, and sees key, value, headers and time") {
    FakeKafka kafka;
    kafka.createTopic("t", 1);
    kafka.sendRecords({"t", 0}, {{"v", "k", {{"h", "1"}}, Time(7ms)}, {std::nullopt, "gone"}});
    TestStreamingContext ssc(1s);
    const auto stream = detail::kafkaDirectStream(ssc, {.topics = {"t"}, .startingOffsets = kafka::earliest},
                                                  kafka.broker(), std::source_location::current())
                            .uid("in");
    const auto seen = collectBatches(stream.filter([](const kafka::Record& record) { return record.value.has_value(); })
                                         .map([](const kafka::Record& record) {
                                             return std::tuple(record.keyOr(""), record.valueOr(""),
                                                               record.headers.find("h").value_or("none"),
                                                               record.timestamp.time_since_epoch().count());
                                         }));
    ssc.advanceBatch();
    CHECK(seen[0] == std::vector<std::tuple<std::string, std::string, std::string, long>>{{"k", "v", "1", 7}});
}

TEST_CASE("A function of a record takes what is stored of one too") {
    FakeKafka kafka;
    kafka.createTopic("t", 1);
    kafka.send({"t", 0}, {"a", "b"});
    TestStreamingContext ssc(1s);
    const auto value = [](const kafka::Record& record) { return std::string(record.valueOr("")); };
    const auto stream = detail::kafkaDirectStream(ssc, {.topics = {"t"}, .startingOffsets = kafka::earliest},
                                                  kafka.broker(), std::source_location::current());
    const auto seen = collectBatches(stream.window(2s).map(value));
    ssc.advanceBatch(2);
    CHECK(seen[1] == std::vector<std::string>{"a", "b"});
}

TEST_CASE("An RDD of ranges has their records, range by range") {
    FakeKafka kafka;
    kafka.createTopic("t", 2);
    kafka.send({"t", 0}, numbersFrom(0, 6));
    kafka.send({"t", 1}, {"a"});
    const Context sc(serialConf());
    const std::vector<kafka::OffsetRange> ranges{{"t", 1, 0, 1}, {"t", 0, 2, 5}, {"t", 0, 0, 0}};
    const auto rdd = detail::kafkaRangesRdd(sc, {}, kafka.broker(), ranges, std::source_location::current());
    CHECK(rdd.getNumPartitions() == 3);
    CHECK(textOf(rdd.collect()) == "0:a 2:2 3:3 4:4");
    CHECK(rdd.count() == 4);
    CHECK(kafka::offsetRanges(rdd) == ranges);
    CHECK(kafka::offsetRanges(rdd.map([](const kafka::Record& record) { return record.offset; })) == ranges);
}

TEST_CASE("A topic that does not exist, and a partition that it does not have, are named at the start") {
    FakeKafka kafka;
    kafka.createTopic("t", 1);
    CHECK_THAT(errorText<IoError>([&] { KafkaProgram(kafka, {.topics = {"t", "none"}}).next(); }),
               ContainsSubstring("the topic 'none' cannot be read from the fake cluster: Broker: Unknown topic or "
                                 "partition; create it, or correct its name"));
    CHECK_THAT(errorText<IoError>([&] { KafkaProgram(kafka, {.partitions = {{"t", 1}}}).next(); }),
               ContainsSubstring("t-1 is to be read, and the topic has 1 partitions, counted from 0"));
}

} // namespace rivulet::test::direct_stream_test
