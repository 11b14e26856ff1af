#include "client/rd_client.h"

#include "rivulet/log.h"

#include <array>

namespace rivulet::detail {
namespace {

void forwardLog(const rd_kafka_t*, int level, const char* facility, const char* text) {
    constexpr int kError = 3; // as syslog has it
    const std::string line = std::string("kafka: ") + facility + ": " + text;
    if (level <= kError)
        logWarn(line);
    else
        logDebug(line);
}

} // namespace

RdConf makeRdConf(const char* operation, const RdSettings& settings, std::source_location where) {
    RdConf conf(rd_kafka_conf_new());
    std::array<char, 512> text{};
    for (const auto& [name, value] : settings)
        if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), text.data(), text.size()) != RD_KAFKA_CONF_OK)
            throw UsageError(std::string(operation) + ": librdkafka does not take the setting " + name + " = '" +
                                 value + "': " + text.data(),
                             where);
    return conf;
}

RdClient::RdClient(const RdSettings& settings, rd_kafka_type_t type) {
    RdConf conf = makeRdConf("kafka", settings, std::source_location::current());
    rd_kafka_conf_set_opaque(conf.get(), this);
    rd_kafka_conf_set_error_cb(conf.get(), &RdClient::onError);
    rd_kafka_conf_set_log_cb(conf.get(), &forwardLog);
    std::array<char, 512> text{};
    handle_ = rd_kafka_new(type, conf.get(), text.data(), text.size());
    if (!handle_) throw IoError(std::string("kafka: cannot make a client: ") + text.data());
    static_cast<void>(conf.release()); // the client's now
}

RdClient::~RdClient() {
    for (const auto& [name, topic] : topics_) rd_kafka_topic_destroy(topic);
    rd_kafka_destroy_flags(handle_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

rd_kafka_topic_t* RdClient::topic(const std::string& name) {
    std::lock_guard lock(mutex_);
    rd_kafka_topic_t*& topic = topics_[name];
    if (!topic) topic = rd_kafka_topic_new(handle_, name.c_str(), nullptr);
    if (!topic)
        throw IoError("kafka: the topic '" + name + "' cannot be used: " + rd_kafka_err2str(rd_kafka_last_error()));
    return topic;
}

std::string RdClient::lastError() const {
    poll();
    std::lock_guard lock(mutex_);
    return lastError_;
}

rd_kafka_resp_err_t enqueue(rd_kafka_t* producer, const std::string& topic, int partition,
                            const std::optional<std::string>& key, const std::optional<std::string>& value,
                            const std::vector<kafka::OwnedHeader>& headers, std::optional<Time> timestamp) {
    const auto memory = [](const std::optional<std::string>& bytes) {
        rd_kafka_vu_t part{};
        part.u.mem.ptr = bytes ? const_cast<char*>(bytes->data()) : nullptr; // librdkafka copies
        part.u.mem.size = bytes ? bytes->size() : 0;
        return part;
    };
    std::array<rd_kafka_vu_t, 7> parts{};
    parts[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    parts[0].u.cstr = topic.c_str();
    parts[1].vtype = RD_KAFKA_VTYPE_PARTITION;
    parts[1].u.i32 = partition;
    parts[2] = memory(key);
    parts[2].vtype = RD_KAFKA_VTYPE_KEY;
    parts[3] = memory(value);
    parts[3].vtype = RD_KAFKA_VTYPE_VALUE;
    parts[4].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    parts[4].u.i = RD_KAFKA_MSG_F_COPY;
    parts[5].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
    parts[5].u.i64 = timestamp ? timestamp->time_since_epoch().count() : 0; // 0: now
    std::size_t count = 6;
    rd_kafka_headers_t* list = headers.empty() ? nullptr : rd_kafka_headers_new(headers.size());
    for (const auto& [name, bytes] : headers)
        rd_kafka_header_add(list, name.data(), ssize_t(name.size()), bytes ? bytes->data() : nullptr,
                            bytes ? ssize_t(bytes->size()) : 0);
    if (list) {
        parts[count].vtype = RD_KAFKA_VTYPE_HEADERS;
        parts[count++].u.headers = list;
    }
    rd_kafka_error_t* const error = rd_kafka_produceva(producer, parts.data(), count);
    if (!error) return RD_KAFKA_RESP_ERR_NO_ERROR;
    if (list) rd_kafka_headers_destroy(list);
    const auto code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    return code;
}

void RdClient::onError(rd_kafka_t*, int code, const char* reason, void* self) {
    auto& client = *static_cast<RdClient*>(self);
    // That all are down says less than why the last one was.
    std::lock_guard lock(client.mutex_);
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || client.lastError_.empty()) client.lastError_ = reason;
}

} // namespace rivulet::detail
