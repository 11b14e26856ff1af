#pragma once

#include "kafka/fake_kafka.h"
#include "support/stream_harness.h"

template <> struct Catch::StringMaker<rivulet::kafka::OffsetRange> {
    static std::string convert(const rivulet::kafka::OffsetRange& range) { return range.toText(); }
};

namespace rivulet::test {

/// A direct stream of the fake cluster that collects what each batch has: `0:a 1:b`, the partitions one after the
/// other with a bar between.
struct KafkaProgram {
    TestStreamingContext ssc;
    std::vector<std::string> batches;
    std::vector<std::vector<kafka::OffsetRange>> ranges;

    KafkaProgram(FakeKafka& kafka, kafka::DirectStreamOptions options, const std::string& checkpoint = {},
                 const Conf& conf = unlimited())
        : ssc(conf, std::chrono::seconds(1)) {
        if (!checkpoint.empty()) ssc.checkpoint(checkpoint);
        if (options.bootstrapServers.empty()) options.bootstrapServers = "fake:1";
        if (options.uid.empty()) options.uid = "in";
        detail::kafkaDirectStream(ssc, options, kafka.broker(options.isolation), std::source_location::current())
            .foreachRDD([this](const RDD<kafka::OwnedRecord>& rdd) {
                std::string text;
                const auto parts = rdd.glom().collect();
                for (std::size_t i = 0; i < parts.size(); ++i) text += (i > 0 ? " | " : "") + textOf(parts[i]);
                batches.push_back(text);
                ranges.push_back(kafka::offsetRanges(rdd));
            });
    }
    /// What the next batch has.
    std::string next() {
        ssc.advanceBatch();
        return batches.back();
    }

    /// Without backpressure.
    static Conf unlimited() {
        Conf conf = serialConf();
        conf.set("rivulet.streaming.backpressure.enabled", "false");
        return conf;
    }
};

inline std::vector<std::string> numbersFrom(int first, int count) {
    std::vector<std::string> numbers;
    for (int i = 0; i < count; ++i) numbers.push_back(std::to_string(first + i));
    return numbers;
}

} // namespace rivulet::test
