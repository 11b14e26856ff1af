#pragma once

#include "rivulet/kafka/reading.h"

#include <map>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

namespace rivulet::detail {

/// What a client of Kafka is made with.
struct KafkaClientOptions {
    const char* operation = ""; ///< what the program called, for messages
    std::string bootstrapServers = {};
    kafka::Isolation isolation = kafka::Isolation::readCommitted;
    std::size_t prefetchBytes = 0;
    Duration fetchWait{};
    int clients = 1;            ///< how many consumers read at once
    std::size_t partitions = 0; ///< among how many what is read ahead is divided; 0: it is not known yet
    std::map<std::string, std::string> settings = {};
};

/// The settings of librdkafka for one consumer, those of the program among them.
///
/// Errors: UsageError where there is no address, or where a setting of the program's would break what is promised
std::vector<std::pair<std::string, std::string>> consumerSettings(const KafkaClientOptions& options,
                                                                  std::source_location where);

} // namespace rivulet::detail
