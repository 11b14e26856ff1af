#pragma once

#include "client/client_settings.h"
#include "rivulet/kafka/broker.h"

#include <memory>
#include <source_location>

namespace rivulet::detail {

/// A cluster that librdkafka reaches. Nothing is connected before it is asked something.
///
/// Errors: UsageError for settings that are refused, or that librdkafka does not know
std::shared_ptr<KafkaBroker> makeRdBroker(const KafkaClientOptions& options, std::source_location where);

} // namespace rivulet::detail
