// saveToTopic on a real broker: what its transactions do the fake topic of topic_writer_test can only imitate.

#include "kafka/fake_kafka.h"
#include "kafka/real_kafka.h"
#include "support/stream_harness.h"

namespace rivulet::test::topic_sink_test {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

/// Of a test that cannot run without a broker: `if (isMissing()) return;`.
bool isMissing() {
    if (RealKafka::shared()) return false;
    WARN(BrokerProcess::kMissing);
    return true;
}

RealKafka& kafkaWith(const std::string& topic) {
    RealKafka& kafka = *RealKafka::shared();
    kafka.createTopic(topic, 1);
    return kafka;
}

/// The values that a reader of what is committed sees.
std::string valuesOf(RealKafka& kafka, const std::string& topic) {
    const auto broker = kafka.broker();
    const auto bounds = broker->bounds({{topic, 0}}, 10s).front();
    std::string text;
    for (const auto& record : readAll(*broker, {topic, 0, bounds.begin, bounds.end}))
        text += (text.empty() ? "" : " ") + record.value.value_or("null");
    return text;
}

kafka::TopicOptions optionsFor(RealKafka& kafka, const std::string& topic) {
    return {.bootstrapServers = kafka.address(), .topic = topic, .uid = "out"};
}

std::string rowsOf(const std::string& value) { return detail::sentRows(std::vector<kafka::ToSend>{{.value = value}}); }
SinkStart startAt(const std::string& application, std::uint64_t epoch, std::uint64_t last = 0) {
    return {application, "out", epoch, last, 0, {}};
}

std::string refusal(const kafka::TopicOptions& options) {
    return errorText<UsageError>([&] { detail::makeTopicWriter(options, std::source_location::current()); });
}

} // namespace

TEST_CASE("Batches are in the topic once, in which process ever", "[broker]") {
    if (isMissing()) return;
    RealKafka& kafka = kafkaWith("sink-batches");
    const TemporaryDirectory directory;
    const Batches<std::string> input{{"a", "b"}, {}, {"c"}, {"d"}, {"e"}};
    for (int process = 0; process < 3; ++process) {
        TestStreamingContext ssc(1s);
        ssc.checkpoint(directory / "c");
        kafka::saveToTopic(tableStream(ssc, input, 1).uid("in"), optionsFor(kafka, "sink-batches"));
        ssc.advanceBatch(2);
    }
    CHECK(eventually(
        [&] { return valuesOf(kafka, "sink-batches") == "a b c d e"; })); // brokers mark it a moment after the commit
}

TEST_CASE("Keys, headers and partitions are sent as they are given", "[broker]") {
    if (isMissing()) return;
    RealKafka& kafka = kafkaWith("sink-records");
    const TemporaryDirectory directory;
    TestStreamingContext ssc(1s);
    ssc.checkpoint(directory / "c");
    using P = std::pair<std::string, std::string>;
    kafka::saveToTopic(tableStream(ssc, Batches<P>{{P("k", "v")}}, 1).uid("in").map([](const P& record) {
        return kafka::ToSend{.key = record.first, .value = record.second, .headers = {{"h", "1"}}, .partition = 0};
    }),
                       optionsFor(kafka, "sink-records"));
    ssc.advanceBatch();
    CHECK(eventually([&] { return valuesOf(kafka, "sink-records") == "v"; }));
    const auto records = readAll(*kafka.broker(), {"sink-records", 0, 0, 2});
    const auto found =
        std::find_if(records.begin(), records.end(), [](const auto& record) { return record.key == "k"; });
    REQUIRE(found != records.end());
    CHECK(found->value == "v");
    CHECK(found->headers == std::vector<kafka::OwnedHeader>{{"h", "1"}});
}

TEST_CASE("A writer that was followed can commit nothing more on a broker", "[broker]") {
    if (isMissing()) return;
    RealKafka& kafka = kafkaWith("sink-fenced");
    const auto options = optionsFor(kafka, "sink-fenced");
    const auto old = detail::makeTopicWriter(options, std::source_location::current());
    old->open(startAt("fenced", 1));
    old->finalize(1, rowsOf("a"));
    const auto next = detail::makeTopicWriter(options, std::source_location::current());
    next->open(startAt("fenced", 2, 1));
    CHECK_THROWS_AS(old->finalize(2, rowsOf("old")), FencedError);
    CHECK_THROWS_AS(old->finalize(2, rowsOf("old")), FencedError); // with a producer that would be made anew
    next->finalize(1, rowsOf("a"));
    next->finalize(2, rowsOf("b"));
    CHECK(eventually(
        [&] { return valuesOf(kafka, "sink-fenced") == "a b"; })); // brokers mark it a moment after the commit
}

TEST_CASE("What a writer has committed another one finds, and an older copy is refused", "[broker]") {
    if (isMissing()) return;
    RealKafka& kafka = kafkaWith("sink-marker");
    const auto options = optionsFor(kafka, "sink-marker");
    const auto first = detail::makeTopicWriter(options, std::source_location::current());
    first->open(startAt("marker", 1));
    first->finalize(7, rowsOf("a"));
    const auto older = detail::makeTopicWriter(options, std::source_location::current());
    CHECK_THAT(errorText<RecoveryError>([&] { older->open(startAt("marker", 2, 6)); }),
               ContainsSubstring("the topic 'sink-marker' has batch 7, and the checkpoint is at batch 6"));
}

TEST_CASE("saveToTopic wants a broker, a topic, time, and no settings that would break its promise") {
    CHECK(refusal({.topic = "t", .uid = "a"}) ==
          "kafka::saveToTopic: no broker is named; give bootstrapServers, for example \"localhost:9092\"");
    CHECK(refusal({.bootstrapServers = "b:1", .uid = "a"}) ==
          "kafka::saveToTopic: the topic has no name; say which one gets the records");
    CHECK(refusal({.bootstrapServers = "b:1", .topic = "t", .timeout = 10ms}) ==
          "kafka::saveToTopic: the timeout (10ms) must be a second or more; a transaction takes some milliseconds, and "
          "longer while brokers change");
    CHECK(refusal({.bootstrapServers = "b:1", .topic = "t", .settings = {{"acks", "1"}}}) ==
          "kafka::saveToTopic: the setting acks cannot be given: a record that is acknowledged could be lost");
    CHECK(
        refusal({.bootstrapServers = "b:1", .topic = "t", .settings = {{"transactional.id", "x"}}}) ==
        "kafka::saveToTopic: the setting transactional.id cannot be given: it follows from the checkpoint and the uid");
}

} // namespace rivulet::test::topic_sink_test
