#include "client/rd_broker.h"

#include "client/rd_readers.h"

#include <algorithm>

namespace rivulet::detail {
namespace {

struct ListDestroyer {
    void operator()(rd_kafka_topic_partition_list_t* list) const { rd_kafka_topic_partition_list_destroy(list); }
};
struct MetadataDestroyer {
    void operator()(const rd_kafka_metadata_t* metadata) const { rd_kafka_metadata_destroy(metadata); }
};

class RdBroker final : public KafkaBroker {
  public:
    RdBroker(const KafkaClientOptions& options, const RdSettings& settings)
        : name_(options.bootstrapServers),
          settings_(settings),
          readers_(settings, std::size_t(options.clients), options.prefetchBytes) {
        readers_.expect(options.partitions);
    }

    std::string name() const override { return name_; }

    std::string clusterId(Duration timeout) override {
        const std::unique_ptr<char, void (*)(char*)> id(rd_kafka_clusterid(asking().handle(), int(timeout.count())),
                                                        [](char* text) { rd_kafka_mem_free(nullptr, text); });
        if (!id) unreachable("it does not say what it is", timeout);
        return id.get();
    }

    std::vector<KafkaTopic> topics(const std::vector<std::string>& names, Duration timeout) override {
        RdClient& client = asking();
        for (const std::string& name : names) client.topic(name); // whose names are asked for
        const rd_kafka_metadata_t* answer = nullptr;
        const auto error =
            rd_kafka_metadata(client.handle(), names.empty() ? 1 : 0, nullptr, &answer, int(timeout.count()));
        if (error) unreachable(rd_kafka_err2str(error), timeout);
        const std::unique_ptr<const rd_kafka_metadata_t, MetadataDestroyer> metadata(answer);
        const std::span<rd_kafka_metadata_topic> all(metadata->topics, std::size_t(metadata->topic_cnt));
        std::vector<KafkaTopic> topics;
        if (names.empty()) {
            for (const rd_kafka_metadata_topic& topic : all)
                if (!topic.err && !std::string_view(topic.topic).starts_with("__"))
                    topics.push_back({topic.topic, topic.partition_cnt, {}});
        }
        for (const std::string& name : names) {
            const auto found = std::find_if(all.begin(), all.end(), [&](const auto& t) { return t.topic == name; });
            if (found == all.end()) {
                topics.push_back({name, 0, "the broker does not name it"});
            } else if (found->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
                       found->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
                       found->err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION) {
                topics.push_back({name, 0, rd_kafka_err2str(found->err)});
            } else if (found->err) {
                unreachable("topic '" + name + "': " + rd_kafka_err2str(found->err), timeout);
            } else {
                topics.push_back({name, found->partition_cnt, {}});
            }
        }
        return topics;
    }

    std::vector<KafkaBounds> bounds(const Partitions& partitions, Duration timeout) override {
        readers_.expect(partitions.size());
        const auto begins = offsets(partitions, RD_KAFKA_OFFSET_BEGINNING, timeout);
        const auto ends = offsets(partitions, RD_KAFKA_OFFSET_END, timeout);
        std::vector<KafkaBounds> bounds;
        for (std::size_t i = 0; i < partitions.size(); ++i) bounds.push_back({begins[i], ends[i]});
        return bounds;
    }

    std::vector<std::int64_t> offsetsAt(const Partitions& partitions, Time time, Duration timeout) override {
        return offsets(partitions, time.time_since_epoch().count(), timeout);
    }

    std::unique_ptr<KafkaFetch> fetch(const kafka::OffsetRange& range, bool continues) override {
        return std::make_unique<RdFetch>(readers_, range, continues);
    }

  private:
    /// The client that asks. It has a connection of its own, because a broker answers in turn, and a request for
    /// records may be kept waiting.
    RdClient& asking() {
        std::lock_guard lock(mutex_);
        if (!asking_) asking_ = std::make_unique<RdClient>(settings_);
        return *asking_;
    }

    [[noreturn]] void unreachable(const std::string& reason, Duration timeout) {
        const std::string last = asking().lastError();
        throw KafkaUnreachable("kafka: no answer from " + name_ + " within " + durationText(timeout) + ": " +
                               (last.empty() ? reason : last));
    }
    /// One request per broker. What Kafka takes as times are the two ends as well.
    std::vector<std::int64_t> offsets(const Partitions& partitions, std::int64_t time, Duration timeout) {
        if (partitions.empty()) return {};
        const std::unique_ptr<rd_kafka_topic_partition_list_t, ListDestroyer> list(
            rd_kafka_topic_partition_list_new(int(partitions.size())));
        for (const auto& [topic, partition] : partitions)
            rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = time;
        const auto error = rd_kafka_offsets_for_times(asking().handle(), list.get(), int(timeout.count()));
        if (error) unreachable(rd_kafka_err2str(error), timeout);
        std::vector<std::int64_t> offsets;
        for (const auto& [topic, partition] : partitions) {
            const auto* found = rd_kafka_topic_partition_list_find(list.get(), topic.c_str(), partition);
            if (found->err)
                unreachable(topic + "-" + std::to_string(partition) + ": " + rd_kafka_err2str(found->err), timeout);
            offsets.push_back(found->offset);
        }
        return offsets;
    }

    const std::string name_;
    const RdSettings settings_;
    std::mutex mutex_; // guards the following
    std::unique_ptr<RdClient> asking_;
    RdReaders readers_; // own synchronization
};

} // namespace

std::shared_ptr<KafkaBroker> makeRdBroker(const KafkaClientOptions& options, std::source_location where) {
    const auto settings = consumerSettings(options, where);
    static_cast<void>(makeRdConf(options.operation, settings, where)); // so that a mistake is told at the call
    return std::make_shared<RdBroker>(options, settings);
}

} // namespace rivulet::detail
