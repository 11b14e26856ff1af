#pragma once

#include "client/client_settings.h"

#include <librdkafka/rdkafka.h>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace rivulet::detail {

using RdSettings = std::vector<std::pair<std::string, std::string>>;

struct RdConfDestroyer {
    void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};
using RdConf = std::unique_ptr<rd_kafka_conf_t, RdConfDestroyer>;

/// Errors: UsageError for a setting that librdkafka does not know, or with a value that it does not take
RdConf makeRdConf(const char* operation, const RdSettings& settings, std::source_location where);

/// A client of a cluster: its threads, its connections.
///
/// Threads: any
class RdClient {
  public:
    /// Errors: IoError where librdkafka cannot make it (a certificate that is not there)
    explicit RdClient(const RdSettings& settings, rd_kafka_type_t type = RD_KAFKA_CONSUMER);
    ~RdClient();
    RdClient(const RdClient&) = delete;
    RdClient& operator=(const RdClient&) = delete;

    rd_kafka_t* handle() const { return handle_; }
    rd_kafka_topic_t* topic(const std::string& name);
    /// Takes in what librdkafka has to tell.
    void poll() const { rd_kafka_poll(handle_, 0); }
    /// What it told last of what does not work; empty where all does.
    std::string lastError() const;

  private:
    static void onError(rd_kafka_t*, int code, const char* reason, void* self);

    rd_kafka_t* handle_ = nullptr;
    mutable std::mutex mutex_; // guards the following
    std::map<std::string, rd_kafka_topic_t*> topics_;
    std::string lastError_;
};

/// Puts a copy of a record into a producer's queue.
rd_kafka_resp_err_t enqueue(rd_kafka_t* producer, const std::string& topic, int partition,
                            const std::optional<std::string>& key, const std::optional<std::string>& value,
                            const std::vector<kafka::OwnedHeader>& headers, std::optional<Time> timestamp = {});

} // namespace rivulet::detail
