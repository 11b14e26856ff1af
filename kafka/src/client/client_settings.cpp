#include "client/client_settings.h"

#include <array>
#include <string_view>

namespace rivulet::detail {
namespace {

struct Refused {
    std::string_view name;
    const char* reason;
};

constexpr const char* kPositions = "positions are in the checkpoint, and no group commits them";

constexpr std::array<Refused, 14> kRefused = {{
    {"bootstrap.servers", "it is the option bootstrapServers"},
    {"metadata.broker.list", "it is the option bootstrapServers"},
    {"auto.offset.reset", "records would be skipped without a word; startingOffsets and onDataLoss say what happens"},
    {"enable.auto.commit", kPositions},
    {"auto.commit.enable", kPositions},
    {"enable.auto.offset.store", kPositions},
    {"group.instance.id", "partitions are assigned without a group"},
    {"partition.assignment.strategy", "partitions are assigned without a group"},
    {"isolation.level", "it is the option isolation"},
    {"enable.partition.eof", "the end of a range is known by it"},
    {"check.crcs", "records would be taken that were damaged on their way"},
    {"allow.auto.create.topics", "a wrong name would become an empty topic"},
    {"queued.max.messages.kbytes", "it is the option prefetchBytes"},
    {"consume.callback.max.messages", "records are taken in blocks"},
}};

} // namespace

std::vector<std::pair<std::string, std::string>> consumerSettings(const KafkaClientOptions& options,
                                                                  std::source_location where) {
    const std::string operation = options.operation;
    if (options.bootstrapServers.empty())
        throw UsageError(operation + ": no broker is named; give bootstrapServers, for example \"localhost:9092\"",
                         where);
    for (const auto& [name, value] : options.settings)
        for (const Refused& refused : kRefused)
            if (name == refused.name)
                throw UsageError(operation + ": the setting " + name + " cannot be given: " + refused.reason, where);
    std::vector<std::pair<std::string, std::string>> settings = {
        {"bootstrap.servers", options.bootstrapServers},
        {"client.id", "rivulet"},
        {"auto.offset.reset", "error"},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"enable.partition.eof", "true"},
        {"check.crcs", "true"},
        {"allow.auto.create.topics", "false"},
        {"isolation.level",
         options.isolation == kafka::Isolation::readCommitted ? "read_committed" : "read_uncommitted"},
        // Both limits are of one partition: what is read ahead of all is divided when their number is known.
        {"queued.min.messages", "1000000"},
        {"fetch.message.max.bytes", "4000000"},
        // The end of a range whose last offsets are marks of transactions is known by the answer to the fetch after it.
        {"fetch.wait.max.ms", std::to_string(options.fetchWait.count())},
        {"fetch.error.backoff.ms", "100"},
        {"reconnect.backoff.max.ms", "2000"},
        {"log.connection.close", "false"},
    };
    for (const auto& [name, value] : options.settings) settings.emplace_back(name, value); // the last one counts
    return settings;
}

} // namespace rivulet::detail
