#include "kafka/kafka_programs.h"
#include "support/temporary_directory.h"

namespace rivulet::test::data_loss_test {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

kafka::DirectStreamOptions options(kafka::OnDataLoss onDataLoss, long most = 0) {
    return {.topics = {"t"},
            .startingOffsets = kafka::earliest,
            .maxRecordsPerBatch = most,
            .onDataLoss = onDataLoss,
            .fetchTimeout = 1ms};
}
constexpr auto kFail = kafka::OnDataLoss::fail;
constexpr auto kSkip = kafka::OnDataLoss::skip;

std::string failure(KafkaProgram& program) {
    return errorText<Error>([&] { program.next(); });
}

} // namespace

TEST_CASE("Records that were deleted before they were read end the streaming, or are told") {
    FakeKafka kafka;
    kafka.createTopic("t", 1);
    kafka.send({"t", 0}, numbersFrom(0, 10));
    SECTION("fail") {
        KafkaProgram program(kafka, options(kFail, 2));
        CHECK(program.next() == "0:0 1:1");
        kafka.deleteUntil({"t", 0}, 6);
        CHECK(failure(program) == "kafka: lost t-0 [2, 6) of the fake cluster: the broker has deleted them before they "
                                  "were read; set onDataLoss to skip to go on with what is there");
    }
    SECTION("skip") {
        KafkaProgram program(kafka, options(kSkip, 2));
        CHECK(program.next() == "0:0 1:1");
        kafka.deleteUntil({"t", 0}, 6);
        CHECK(program.next() == "6:6 7:7");
        CHECK(program.ssc.droppedRecords() == 4);
    }
}

TEST_CASE("The lost ranges are in the error, for programs") {
    FakeKafka kafka;
    kafka.createTopic("t", 1);
    kafka.send({"t", 0}, numbersFrom(0, 10));
    KafkaProgram program(kafka, options(kFail, 2));
    program.next();
    kafka.deleteUntil({"t", 0}, 6);
    std::vector<kafka::OffsetRange> lost;
    try {
        program.next();
    } catch (const kafka::DataLossError& error) {
        lost = error.ranges();
    }
    CHECK(lost == std::vector<kafka::OffsetRange>{{"t", 0, 2, 6}});
}

TEST_CASE("Records that are deleted while a batch reads them end it, or are told") {
    FakeKafka kafka;
    kafka.createTopic("t", 1);
    kafka.send({"t", 0}, numbersFrom(0, 10));
    bool deleted = false;
    kafka.beforeBlock = [&](const kafka::OffsetRange& range) {
        if (range.fromOffset == 0 && !std::exchange(deleted, true)) kafka.deleteUntil({"t", 0}, 4);
    };
    SECTION("fail") {
        KafkaProgram program(kafka, options(kFail));
        CHECK_THAT(failure(program), ContainsSubstring("kafka: lost t-0 [0, 4): deleted by the broker after the batch "
                                                       "was planned; let topics keep their records longer, or set "
                                                       "onDataLoss to skip"));
    }
    SECTION("skip") {
        KafkaProgram program(kafka, options(kSkip));
        CHECK(program.next() == "4:4 5:5 6:6 7:7 8:8 9:9");
        CHECK(program.ssc.droppedRecords() == 4);
    }
}

TEST_CASE("What was lost is known after a restart") {
    FakeKafka kafka;
    kafka.createTopic("t", 1);
    kafka.send({"t", 0}, numbersFrom(0, 10));
    const TemporaryDirectory directory;
    {
        KafkaProgram program(kafka, options(kSkip, 2), directory / "c");
        program.next();
        kafka.deleteUntil({"t", 0}, 6);
        program.next();
    }
    KafkaProgram program(kafka, options(kSkip, 2), directory / "c");
    CHECK(program.next() == "8:8 9:9");
    CHECK(program.ssc.droppedRecords() == 4);
}

TEST_CASE("A broker that says for a moment that a partition is shorter is asked again") {
    FakeKafka kafka;
    kafka.createTopic("t", 1);
    kafka.send({"t", 0}, {"a", "b"});
    KafkaProgram program(kafka, options(kFail));
    CHECK(program.next() == "0:a 1:b");
    kafka.sayEnds({"t", 0}, 1, 2);
    CHECK(program.next() == "");
    kafka.send({"t", 0}, {"c"});
    CHECK(program.next() == "2:c");
    kafka.sayEnds({"t", 0}, 1, 3);
    CHECK(failure(program) == "kafka: lost t-0 [1, 3) of the fake cluster: the partition ends before what was read of "
                              "it, so the topic was made anew or truncated; set onDataLoss to skip to go on with what "
                              "is there");
}

TEST_CASE("A topic that is made anew while batches run is noticed, or read from its beginning") {
    FakeKafka kafka;
    kafka.createTopic("t", 1);
    kafka.send({"t", 0}, {"a", "b"});
    KafkaProgram program(kafka, options(kSkip));
    CHECK(program.next() == "0:a 1:b");
    kafka.deleteTopic("t");
    kafka.createTopic("t", 1);
    kafka.send({"t", 0}, {"c"});
    CHECK(program.next() == "0:c");
}

TEST_CASE("A topic that is gone while batches run is told when topics are looked for") {
    FakeKafka kafka;
    kafka.createTopic("t", 1);
    kafka::DirectStreamOptions often = options(kFail);
    often.discoveryInterval = 1s;
    KafkaProgram program(kafka, often);
    program.next();
    kafka.deleteTopic("t");
    CHECK_THAT(failure(program), ContainsSubstring("kafka: lost t-0 [0, 0) of the fake cluster: the topic is gone, or "
                                                   "was made anew with fewer partitions"));
}

TEST_CASE("Batches are empty while nobody answers, and go on afterwards") {
    FakeKafka kafka;
    kafka.createTopic("t", 1);
    KafkaProgram program(kafka, options(kFail));
    CHECK(program.next() == "");
    kafka.send({"t", 0}, {"a"});
    kafka.setAway(true);
    CHECK(program.next() == "");
    CHECK(program.next() == "");
    kafka.setAway(false);
    CHECK(program.next() == "0:a");
    program.ssc.stop();
}

TEST_CASE("A task that gets nothing of what was promised fails, and the batch is run again") {
    FakeKafka kafka;
    kafka.createTopic("t", 1);
    kafka.send({"t", 0}, {"a"});
    const TemporaryDirectory directory;
    {
        KafkaProgram program(kafka, options(kFail), directory / "c");
        kafka.beforeBlock = [&](const kafka::OffsetRange&) { kafka.setAway(true); };
        CHECK_THAT(failure(program), ContainsSubstring("kafka: no progress for 0 s in t-0 [0, 1) of the fake cluster: "
                                                       "the broker does not send what it has"));
    }
    kafka.beforeBlock = nullptr;
    kafka.setAway(false);
    CHECK(KafkaProgram(kafka, options(kFail), directory / "c").next() == "0:a");
}

} // namespace rivulet::test::data_loss_test
