#include "client/client_settings.h"
#include "client/rd_broker.h"
#include "direct_input.h"
#include "planned_ranges.h"
#include "rivulet/kafka.h"

namespace rivulet {
namespace detail {
namespace {

/// The node of a direct stream: gives each batch the RDD of its ranges.
class KafkaNode final : public StreamNode<KafkaRdd>, public KafkaInput {
  public:
    KafkaNode(const std::shared_ptr<StreamCore>& core, CallSite site, const kafka::DirectStreamOptions& options,
              std::shared_ptr<KafkaBroker> broker)
        : StreamNode<KafkaRdd>(core, site, core->batchDuration(), {}),
          KafkaInput(core, options, std::move(broker), site) {}

  protected:
    std::optional<KafkaRdd> compute(Time time) override {
        return kafkaRdd(core()->context().engine(), site(), reading(), rangesAt(time));
    }
    void forget(Time upTo, StreamNodeBase::Forgotten& forgotten) override {
        forgetRanges(upTo);
        StreamNode<KafkaRdd>::forget(upTo, forgotten);
    }
};

void requirePositive(Duration given, const char* name, std::source_location where) {
    if (given <= Duration::zero())
        throw UsageError("createDirectStream: " + std::string(name) + " (" + durationText(given) + ") must be positive",
                         where);
}

void requireNotNegative(double given, const char* name, std::source_location where) {
    if (!(given >= 0))
        throw UsageError("createDirectStream: " + std::string(name) + " (" + std::to_string(given) +
                             ") must not be negative; 0 means that there is no limit",
                         where);
}

void check(const kafka::DirectStreamOptions& options, std::source_location where) {
    const int ways =
        int(!options.topics.empty()) + int(!options.topicPattern.empty()) + int(!options.partitions.empty());
    if (ways != 1)
        throw UsageError(
            std::string("createDirectStream: ") +
                (ways == 0 ? "nothing says what is to be read" : "what is to be read is said in two ways") +
                "; give topics = {\"name\"}, or topicPattern = \"logs-.*\", or partitions = {{\"name\", 0}}",
            where);
    try {
        static_cast<void>(std::regex(options.topicPattern));
    } catch (const std::regex_error& error) {
        throw UsageError("createDirectStream: the pattern '" + options.topicPattern +
                             "' is no regular expression (ECMAScript): " + error.what(),
                         where);
    }
    for (const auto& [topic, partition] : options.partitions)
        if (partition < 0)
            throw UsageError("createDirectStream: partition " + std::to_string(partition) + " of '" + topic +
                                 "' is to be read; they are counted from 0",
                             where);
    for (const auto& [partition, offset] : options.startingOffsets.offsets)
        if (offset < 0)
            throw UsageError("createDirectStream: the starting offset of " + partition.toText() + " (" +
                                 std::to_string(offset) +
                                 ") must not be negative; for the first or the next record write kafka::earliest or "
                                 "kafka::latest",
                             where);
    requirePositive(options.startTimeout, "startTimeout", where);
    requirePositive(options.planTimeout, "planTimeout", where);
    requirePositive(options.fetchTimeout, "fetchTimeout", where);
    requirePositive(options.discoveryInterval, "discoveryInterval", where);
    requireNotNegative(double(options.maxRecordsPerBatch), "maxRecordsPerBatch", where);
    requireNotNegative(options.maxRatePerPartition, "maxRatePerPartition", where);
    requireNotNegative(double(options.minRatePerPartition), "minRatePerPartition", where);
    requireNotNegative(double(options.maxRecordsPerTask), "maxRecordsPerTask", where);
    requireNotNegative(double(options.minPartitions), "minPartitions", where);
}

} // namespace

kafka::DirectStream kafkaDirectStream(const StreamingContext& ssc, const kafka::DirectStreamOptions& options,
                                      std::shared_ptr<KafkaBroker> broker, std::source_location where) {
    check(options, where);
    const auto& core = ssc.core();
    core->requireOpen("createDirectStream", where);
    auto node = std::make_shared<KafkaNode>(core, CallSite{"createDirectStream", where}, options, std::move(broker));
    if (!options.uid.empty()) node->setUid(options.uid);
    core->add(std::shared_ptr<Input>(node));
    if (const auto& pace = node->paceControl()) core->add(std::shared_ptr<StreamingListener>(pace));
    return kafka::DirectStream(KafkaStreamBase(NodeRecipe<StreamNode<KafkaRdd>>(std::move(node))));
}

KafkaRdd kafkaRangesRdd(const Context& sc, const kafka::RangeOptions& options, std::shared_ptr<KafkaBroker> broker,
                        std::vector<kafka::OffsetRange> ranges, std::source_location where) {
    for (const auto& range : ranges)
        if (range.fromOffset < 0 || range.untilOffset < range.fromOffset || range.partition < 0)
            throw UsageError("createRDD: the range " + range.toText() +
                                 " is none; give it a partition and a fromOffset of 0 or more, and an untilOffset that "
                                 "is not below that",
                             where);
    auto reading = std::make_shared<KafkaReading>();
    reading->broker = std::move(broker);
    reading->onDataLoss = options.onDataLoss;
    reading->timeout = options.fetchTimeout;
    return kafkaRdd(sc.engine(), CallSite{"createRDD", where}, std::move(reading),
                    cutRanges(ranges, options.maxRecordsPerTask, options.minPartitions));
}

} // namespace detail

namespace kafka {

StartingOffsets since(Time time) { return {StartingOffsets::At::time, time, {}}; }

StartingOffsets offsetsOf(std::map<TopicPartition, std::int64_t> offsets, StartingOffsets others) {
    others.offsets = std::move(offsets);
    return others;
}

DirectStream createDirectStream(const StreamingContext& ssc, const DirectStreamOptions& options,
                                std::source_location where) {
    detail::check(options, where);
    const Duration wait = std::clamp(ssc.batchDuration() / 10, Duration(10), Duration(100));
    auto broker = detail::makeRdBroker({.operation = "createDirectStream",
                                        .bootstrapServers = options.bootstrapServers,
                                        .isolation = options.isolation,
                                        .prefetchBytes = options.prefetchBytes,
                                        .fetchWait = wait,
                                        .clients = ssc.core()->context().defaultParallelism(),
                                        .settings = options.settings},
                                       where);
    return detail::kafkaDirectStream(ssc, options, std::move(broker), where);
}

detail::KafkaRdd createRDD(const Context& sc, const RangeOptions& options, std::vector<OffsetRange> ranges,
                           std::source_location where) {
    auto broker = detail::makeRdBroker({.operation = "createRDD",
                                        .bootstrapServers = options.bootstrapServers,
                                        .isolation = options.isolation,
                                        .prefetchBytes = options.prefetchBytes,
                                        .fetchWait = Duration(100),
                                        .clients = sc.defaultParallelism(),
                                        .partitions = ranges.size(),
                                        .settings = options.settings},
                                       where);
    return detail::kafkaRangesRdd(sc, options, std::move(broker), std::move(ranges), where);
}

} // namespace kafka
} // namespace rivulet
