#include "rivulet/kafka/record.h"

namespace rivulet {

kafka::OwnedRecord owned<kafka::Record>::make(const kafka::Record& record) {
    const auto copied = [](std::optional<std::string_view> bytes) {
        return bytes ? std::optional<std::string>(*bytes) : std::nullopt;
    };
    kafka::OwnedRecord made{std::string(record.topic),
                            record.partition,
                            record.offset,
                            record.timestamp,
                            copied(record.key),
                            copied(record.value),
                            {}};
    made.headers.reserve(record.headers.size());
    for (std::size_t i = 0; i < record.headers.size(); ++i)
        made.headers.push_back({std::string(record.headers[i].name), copied(record.headers[i].value)});
    return made;
}

namespace detail {

void appendKafkaText(std::string& out, const kafka::Record& record) {
    out += record.topic;
    out += '-';
    out += std::to_string(record.partition);
    out += '@';
    out += std::to_string(record.offset);
    out += ' ';
    if (record.key) {
        out += *record.key;
        out += '=';
    }
    out += record.valueOr("null");
}

} // namespace detail
} // namespace rivulet
