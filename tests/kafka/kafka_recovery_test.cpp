#include "kafka/kafka_programs.h"
#include "support/temporary_directory.h"

#include <numeric>

namespace rivulet::test::kafka_recovery_test {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

const kafka::DirectStreamOptions kFromFirst{.topics = {"t"}, .startingOffsets = kafka::earliest};

/// What the first batch of a process has that goes on from a directory, or why it does not.
std::string goOn(FakeKafka& kafka, const std::string& checkpoint,
                 const kafka::DirectStreamOptions& options = kFromFirst) {
    try {
        return KafkaProgram(kafka, options, checkpoint).next();
    } catch (const Error& error) {
        return error.what();
    }
}

/// The sum of all numbers, as a state.
struct Summing {
    TestStreamingContext ssc;
    std::vector<long> sums;

    Summing(FakeKafka& kafka, const std::string& checkpoint, kafka::DirectStreamOptions options, bool dies = false)
        : ssc(KafkaProgram::unlimited(), 1s) {
        ssc.checkpoint(checkpoint);
        detail::kafkaDirectStream(ssc, options, kafka.broker(), std::source_location::current())
            .uid("numbers")
            .map([](const kafka::Record& record) { return std::pair(0, std::stol(std::string(record.valueOr("0")))); })
            .updateStateByKey([](std::span<const long> arrived, std::optional<long> sum) {
                return std::optional(std::accumulate(arrived.begin(), arrived.end(), sum.value_or(0)));
            })
            .uid("sum")
            .foreachRDD([this, dies](const RDD<std::pair<int, long>>& rdd) {
                for (const auto& [key, sum] : rdd.collect()) sums.push_back(sum);
                if (dies) throw std::runtime_error("died");
            });
    }
};

} // namespace

TEST_CASE("Every record counts once in the states, in which process ever", "[A137]") {
    FakeKafka kafka;
    kafka.createTopic("t", 2);
    const TemporaryDirectory directory;
    const kafka::DirectStreamOptions options{
        .topics = {"t"}, .startingOffsets = kafka::earliest, .maxRecordsPerBatch = 4};
    kafka.send({"t", 0}, numbersFrom(1, 10));
    long last = 0;
    for (int process = 0; process < 8; ++process) {
        if (process == 3) kafka.send({"t", 1}, numbersFrom(11, 10));
        Summing program(kafka, directory / "c", options, process % 2 == 1);
        if (process % 2 == 1)
            CHECK_THROWS(program.ssc.advanceBatch()); // begun, and not finished
        else
            program.ssc.advanceBatch();
        last = program.sums.back();
    }
    CHECK(last > 55);
    Summing program(kafka, directory / "c", options);
    program.ssc.advanceBatch(3);
    CHECK(program.sums.back() == 210);
}

TEST_CASE("A batch that was begun has the same ranges again, whatever came meanwhile", "[A137]") {
    FakeKafka kafka;
    kafka.createTopic("t", 1);
    const TemporaryDirectory directory;
    kafka.send({"t", 0}, {"1", "2"});
    {
        Summing program(kafka, directory / "c", kFromFirst, true);
        CHECK_THROWS(program.ssc.advanceBatch());
    }
    kafka.send({"t", 0}, {"4"});
    Summing program(kafka, directory / "c", kFromFirst);
    program.ssc.advanceBatch(2);
    CHECK(program.sums == std::vector<long>{3, 7});
}

TEST_CASE("What came while nobody ran is caught up with, capped") {
    FakeKafka kafka;
    kafka.createTopic("t", 1);
    const TemporaryDirectory directory;
    kafka.send({"t", 0}, numbersFrom(0, 2));
    CHECK(goOn(kafka, directory / "c") == "0:0 1:1");
    kafka.send({"t", 0}, numbersFrom(2, 5));
    kafka::DirectStreamOptions capped = kFromFirst;
    capped.maxRecordsPerBatch = 3;
    KafkaProgram program(kafka, capped, directory / "c");
    CHECK(program.next() == "2:2 3:3 4:4");
    CHECK(program.next() == "5:5 6:6");
}

TEST_CASE("Partitions and matching topics that appeared while nobody ran are read from their first record") {
    FakeKafka kafka;
    kafka.createTopic("t", 1);
    const TemporaryDirectory directory;
    const kafka::DirectStreamOptions options{.topicPattern = "t.*"}; // latest
    CHECK(goOn(kafka, directory / "c", options) == "");
    kafka.addPartitions("t", 2);
    kafka.send({"t", 1}, {"a"});
    kafka.createTopic("t2", 1);
    kafka.send({"t2", 0}, {"b"});
    CHECK(goOn(kafka, directory / "c", options) == " | 0:a | 0:b");
}

TEST_CASE("Starting offsets count before there is a position alone") {
    FakeKafka kafka;
    kafka.createTopic("t", 1);
    const TemporaryDirectory directory;
    kafka.send({"t", 0}, {"a"});
    CHECK(goOn(kafka, directory / "c") == "0:a");
    kafka.send({"t", 0}, {"b"});
    kafka::DirectStreamOptions options = kFromFirst;
    options.startingOffsets = kafka::latest;
    CHECK(goOn(kafka, directory / "c", options) == "1:b");
}

TEST_CASE("A topic that was made anew is told by the last record that was read") {
    FakeKafka kafka;
    kafka.createTopic("t", 1);
    const TemporaryDirectory directory;
    kafka.send({"t", 0}, {"a", "b"});
    CHECK(goOn(kafka, directory / "c") == "0:a 1:b");
    kafka.deleteTopic("t");
    kafka.createTopic("t", 1);
    kafka.sendRecords({"t", 0}, {{.value = "c", .timestamp = Time(1ms)},
                                 {.value = "d", .timestamp = Time(2ms)},
                                 {.value = "e", .timestamp = Time(3ms)}});
    CHECK_THAT(goOn(kafka, directory / "c"),
               ContainsSubstring("kafka: lost t-0 [0, 2) of the fake cluster: the topic was made anew since they were "
                                 "read, or truncated; set onDataLoss to skip to go on with what is there"));
    kafka::DirectStreamOptions options = kFromFirst;
    options.onDataLoss = kafka::OnDataLoss::skip;
    CHECK(goOn(kafka, directory / "c", options) == "0:c 1:d 2:e");
}

TEST_CASE("A topic that is shorter than what was read is refused") {
    FakeKafka kafka;
    kafka.createTopic("t", 1);
    const TemporaryDirectory directory;
    kafka.send({"t", 0}, {"a", "b", "c"});
    CHECK(goOn(kafka, directory / "c") == "0:a 1:b 2:c");
    kafka.deleteTopic("t");
    kafka.createTopic("t", 1);
    kafka.send({"t", 0}, {"d"});
    CHECK_THAT(goOn(kafka, directory / "c"), ContainsSubstring("kafka: lost t-0 [1, 3) of the fake cluster: "));
}

TEST_CASE("A topic that has fewer partitions than it had is refused") {
    FakeKafka kafka;
    kafka.createTopic("t", 2);
    const TemporaryDirectory directory;
    CHECK(goOn(kafka, directory / "c") == " | ");
    kafka.deleteTopic("t");
    kafka.createTopic("t", 1);
    CHECK_THAT(goOn(kafka, directory / "c"),
               ContainsSubstring("kafka: lost t-1 [0, 0) of the fake cluster: the topic has fewer partitions than it "
                                 "had, so it was made anew"));
}

TEST_CASE("Another cluster is refused") {
    FakeKafka kafka;
    kafka.createTopic("t", 1);
    const TemporaryDirectory directory;
    CHECK(goOn(kafka, directory / "c") == "");
    kafka.setClusterId("other");
    CHECK_THAT(goOn(kafka, directory / "c"),
               ContainsSubstring("the checkpoint is of the cluster 'fake', and the fake cluster belongs to 'other', "
                                 "where offsets mean other records"));
}

TEST_CASE("A direct stream needs a name where there is a checkpoint directory") {
    FakeKafka kafka;
    kafka.createTopic("t", 1);
    const TemporaryDirectory directory;
    TestStreamingContext ssc(1s);
    ssc.checkpoint(directory / "c");
    detail::kafkaDirectStream(ssc, kFromFirst, kafka.broker(), std::source_location::current())
        .foreachRDD([](const RDD<kafka::OwnedRecord>&) {});
    CHECK_THAT(errorText<UsageError>([&] { ssc.advanceBatch(); }), ContainsSubstring("createDirectStream at"));
}

} // namespace rivulet::test::kafka_recovery_test
