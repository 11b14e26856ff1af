#include "client/client_settings.h"
#include "kafka/kafka_programs.h"
#include "support/sanitizers.h"

#include <algorithm>

namespace rivulet::test::client_settings_test {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

std::string created(const kafka::DirectStreamOptions& options) {
    return errorText<UsageError>([&] {
        TestStreamingContext ssc(1s);
        kafka::createDirectStream(ssc, options);
    });
}

} // namespace

TEST_CASE("Settings that would break what is promised are refused, with the reason") {
    const auto refused = [](const char* name) {
        return created({.bootstrapServers = "b:1", .topics = {"t"}, .settings = {{name, "x"}}});
    };
    CHECK(refused("auto.offset.reset") ==
          "createDirectStream: the setting auto.offset.reset cannot be given: records would be skipped without a word; "
          "startingOffsets and onDataLoss say what happens");
    CHECK(refused("enable.auto.commit") == "createDirectStream: the setting enable.auto.commit cannot be given: "
                                           "positions are in the checkpoint, and no group commits them");
    CHECK(refused("isolation.level") ==
          "createDirectStream: the setting isolation.level cannot be given: it is the option isolation");
    for (const char* name :
         {"bootstrap.servers", "metadata.broker.list", "auto.commit.enable", "enable.auto.offset.store",
          "group.instance.id", "partition.assignment.strategy", "enable.partition.eof", "check.crcs",
          "allow.auto.create.topics", "queued.max.messages.kbytes", "consume.callback.max.messages"})
        CHECK_THAT(refused(name), ContainsSubstring("cannot be given: "));
}

TEST_CASE("What librdkafka does not know is told at the call, in its words") {
    CHECK_THAT(created({.bootstrapServers = "b:1", .topics = {"t"}, .settings = {{"no.such", "1"}}}),
               ContainsSubstring("createDirectStream: librdkafka does not take the setting no.such = '1': No such "
                                 "configuration property"));
    CHECK_THAT(created({.bootstrapServers = "b:1", .topics = {"t"}, .settings = {{"security.protocol", "none"}}}),
               ContainsSubstring("librdkafka does not take the setting security.protocol = 'none'"));
}

TEST_CASE("Settings of security and of fetching pass through") {
    const auto settings = detail::consumerSettings(
        {.operation = "x", .bootstrapServers = "b:1", .settings = {{"sasl.username", "u"}, {"fetch.wait.max.ms", "7"}}},
        std::source_location::current());
    const auto last = [&](const std::string& name) {
        const auto found =
            std::find_if(settings.rbegin(), settings.rend(), [&](const auto& s) { return s.first == name; });
        return found == settings.rend() ? "none" : found->second;
    };
    CHECK(last("sasl.username") == "u");
    CHECK(last("fetch.wait.max.ms") == "7");
    CHECK(last("auto.offset.reset") == "error");
    CHECK(last("isolation.level") == "read_committed");
}

TEST_CASE("Options that contradict each other, or say nothing, are refused") {
    CHECK(created({.topics = {"t"}}) ==
          "createDirectStream: no broker is named; give bootstrapServers, for example \"localhost:9092\"");
    CHECK(
        created({.bootstrapServers = "b:1"}) ==
        "createDirectStream: nothing says what is to be read; give topics = {\"name\"}, or topicPattern = \"logs-.*\", "
        "or partitions = {{\"name\", 0}}");
    CHECK_THAT(created({.bootstrapServers = "b:1", .topics = {"t"}, .topicPattern = "t.*"}),
               ContainsSubstring("createDirectStream: what is to be read is said in two ways; give topics"));
    CHECK_THAT(created({.bootstrapServers = "b:1", .topicPattern = "t["}),
               ContainsSubstring("createDirectStream: the pattern 't[' is no regular expression (ECMAScript): "));
    CHECK(created({.bootstrapServers = "b:1", .partitions = {{"t", -1}}}) ==
          "createDirectStream: partition -1 of 't' is to be read; they are counted from 0");
    CHECK(
        created({.bootstrapServers = "b:1", .topics = {"t"}, .startingOffsets = kafka::offsetsOf({{{"t", 0}, -2}})}) ==
        "createDirectStream: the starting offset of t-0 (-2) must not be negative; for the first or the next record "
        "write kafka::earliest or kafka::latest");
    CHECK(created({.bootstrapServers = "b:1", .topics = {"t"}, .planTimeout = 0ms}) ==
          "createDirectStream: planTimeout (0ms) must be positive");
    CHECK(created({.bootstrapServers = "b:1", .topics = {"t"}, .maxRecordsPerBatch = -1}) ==
          "createDirectStream: maxRecordsPerBatch (-1.000000) must not be negative; 0 means that there is no limit");
}

TEST_CASE("createRDD refuses ranges that are none") {
    const Context sc(serialConf());
    CHECK(errorText<UsageError>([&] { kafka::createRDD(sc, {.bootstrapServers = "b:1"}, {{"t", 0, 5, 4}}); }) ==
          "createRDD: the range t-0 [5, 4) is none; give it a partition and a fromOffset of 0 or more, and an "
          "untilOffset that is not below that");
}

TEST_CASE("offsetRanges refuses what is not made of a Kafka RDD") {
    const Context sc(serialConf());
    const auto numbers = sc.range(3);
    CHECK_THAT(
        errorText<UsageError>([&] { kafka::offsetRanges(numbers); }),
        ContainsSubstring("is not made of a Kafka RDD partition by partition; ask the RDD of the direct stream"));
}

TEST_CASE("A broker that is not there is named at the start, within the time") {
    if (kThreadSanitizer) return; // it cannot follow the C11 threads of librdkafka
    TestStreamingContext ssc(1s);
    kafka::createDirectStream(ssc, {.bootstrapServers = "127.0.0.1:1", .topics = {"t"}, .startTimeout = 300ms})
        .foreachRDD([](const RDD<kafka::OwnedRecord>&) {});
    CHECK_THAT(errorText<IoError>([&] { ssc.advanceBatch(); }),
               ContainsSubstring("kafka: no answer from 127.0.0.1:1 within 300ms: "));
}

} // namespace rivulet::test::client_settings_test
