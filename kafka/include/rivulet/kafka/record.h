#pragma once

#include "rivulet/owned.h"
#include "rivulet/rdd/text_format.h"
#include "rivulet/time.h"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What Kafka's records, partitions and ranges of offsets are called here.
namespace rivulet::kafka {

struct TopicPartition {
    std::string topic;
    int partition = 0;

    friend bool operator==(const TopicPartition&, const TopicPartition&) = default;
    friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
    /// `clicks-3`
    std::string toText() const { return topic + "-" + std::to_string(partition); }
};

/// The offsets of one partition from `fromOffset` up to but without `untilOffset`. Some of them may have no record:
/// what was compacted, aborted, or marks the end of a transaction.
///
/// Source: Spark OffsetRange
struct OffsetRange {
    std::string topic;
    int partition = 0;
    std::int64_t fromOffset = 0, untilOffset = 0;

    std::int64_t count() const { return untilOffset - fromOffset; }
    TopicPartition topicPartition() const { return {topic, partition}; }
    /// `clicks-3 [40, 57)`
    std::string toText() const {
        return topicPartition().toText() + " [" + std::to_string(fromOffset) + ", " + std::to_string(untilOffset) + ")";
    }
    friend bool operator==(const OffsetRange&, const OffsetRange&) = default;
};

struct Header {
    std::string_view name;
    std::optional<std::string_view> value;
};

/// A header that owns its bytes.
struct OwnedHeader {
    std::string name;
    std::optional<std::string> value;
    friend bool operator==(const OwnedHeader&, const OwnedHeader&) = default;
    template <class Archive> void serialize(Archive& archive) { archive(name, value); }
};

/// The headers of a record, in their order. A name may occur more than once.
class Headers {
  public:
    Headers() = default;
    explicit Headers(const std::vector<OwnedHeader>& headers) : owned_(headers.data()), size_(headers.size()) {}
    Headers(const Header* headers, std::size_t size) : views_(headers), size_(size) {}

    bool empty() const { return size_ == 0; }
    std::size_t size() const { return size_; }
    Header operator[](std::size_t index) const {
        return views_ ? views_[index] : Header{owned_[index].name, owned_[index].value};
    }
    /// The value of the last one of this name; nothing where there is none, or it has none.
    std::optional<std::string_view> find(std::string_view name) const {
        for (std::size_t i = size_; i > 0; --i)
            if (const Header header = (*this)[i - 1]; header.name == name) return header.value;
        return std::nullopt;
    }

  private:
    const Header* views_ = nullptr;
    const OwnedHeader* owned_ = nullptr;
    std::size_t size_ = 0;
};

struct OwnedRecord;

/// A record as it lies in the client's buffers: its key, value and headers are views, valid until the function that it
/// was passed to returns. Every boundary (shuffle, cache, window, `foreachRDD`, ...) stores an `OwnedRecord`, which
/// converts to this one, so that a function of `const kafka::Record&` takes both.
///
/// Source: Spark ConsumerRecord
struct Record {
    std::string_view topic;
    int partition = 0;
    std::int64_t offset = 0;
    /// When it was made, or (where the topic says so) when the broker got it; the epoch where it has no time.
    Time timestamp{};
    std::optional<std::string_view> key, value;
    Headers headers;

    std::string_view keyOr(std::string_view none) const { return key.value_or(none); }
    std::string_view valueOr(std::string_view none) const { return value.value_or(none); }
};

/// A record that owns its bytes.
struct OwnedRecord {
    std::string topic;
    int partition = 0;
    std::int64_t offset = 0;
    Time timestamp{};
    std::optional<std::string> key, value;
    std::vector<OwnedHeader> headers;

    operator Record() const { return {topic, partition, offset, timestamp, key, value, Headers(headers)}; }
    friend bool operator==(const OwnedRecord&, const OwnedRecord&) = default;
    template <class Archive> void serialize(Archive& archive) {
        archive(topic, partition, offset, timestamp, key, value, headers);
    }
};

} // namespace rivulet::kafka

namespace rivulet {

template <> struct owned<kafka::Record> {
    using type = kafka::OwnedRecord;
    static type make(const kafka::Record& record);
};

namespace detail {

template <> inline constexpr bool kHoldsView<kafka::OwnedRecord> = false;

/// `clicks-3@41 key=value`, and without a key `clicks-3@41 value`.
void appendKafkaText(std::string& out, const kafka::Record& record);
template <> struct TextFormat<kafka::Record> {
    static void append(std::string& out, const kafka::Record& record) { appendKafkaText(out, record); }
};
template <> struct TextFormat<kafka::OwnedRecord> {
    static void append(std::string& out, const kafka::OwnedRecord& record) { appendKafkaText(out, record); }
};

} // namespace detail
} // namespace rivulet
