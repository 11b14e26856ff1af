#include "client/rd_readers.h"

#include <algorithm>
#include <array>

namespace rivulet::detail {
namespace {

constexpr std::size_t kBlockRecords = 1000;
constexpr int kMomentMs = 100, kShortMs = 20;

} // namespace

// ---- readers

/// Has a client know who leads the partitions of a topic. Asked to read before it is connected it would look again
/// after a second.
void RdReaders::learn(rd_kafka_topic_t* topic, RdClient& client) {
    {
        std::lock_guard lock(mutex_);
        if (!learned_.insert(topic).second) return;
    }
    constexpr int kPatienceMs = 1000; // without an answer it looks by itself, again and again
    const rd_kafka_metadata_t* answer = nullptr;
    if (!rd_kafka_metadata(client.handle(), 0, topic, &answer, kPatienceMs)) rd_kafka_metadata_destroy(answer);
}

RdReaders::RdReaders(RdSettings settings, std::size_t clients, std::size_t prefetchBytes)
    : settings_(std::move(settings)),
      clientCount_(std::max<std::size_t>(1, clients)),
      prefetchBytes_(prefetchBytes) {}

RdReaders::~RdReaders() {
    for (auto& [partition, readers] : readers_)
        for (auto& reader : readers) stop(*reader);
}

void RdReaders::expect(std::size_t partitions) {
    std::lock_guard lock(mutex_);
    partitions_ = std::max(partitions_, partitions);
}

RdClient& RdReaders::clientOf(const RdReader& reader) {
    std::lock_guard lock(mutex_);
    return clients_[reader.client];
}

/// On a client that does not read the partition yet.
RdReader& RdReaders::add(const kafka::TopicPartition& partition) {
    auto& readers = readers_[partition];
    const std::size_t first = std::size_t(partition.partition) % clientCount_;
    std::size_t client = first;
    const auto isUsed = [&] {
        return std::any_of(readers.begin(), readers.end(), [&](const auto& other) { return other->client == client; });
    };
    for (std::size_t tried = 0; isUsed(); ++tried)
        client = tried < clientCount_ ? (first + tried) % clientCount_ : tried;
    while (clients_.size() <= client) {
        constexpr std::size_t kLeast = 1024, kMost = 2097151;
        const std::size_t kilobytes = std::clamp(prefetchBytes_ / 1024 / partitions_, kLeast, kMost);
        RdSettings settings = settings_;
        settings.emplace_back("queued.max.messages.kbytes", std::to_string(kilobytes));
        clients_.emplace_back(settings);
    }
    readers.push_back(std::make_unique<RdReader>());
    RdReader& reader = *readers.back();
    reader.partition = partition;
    reader.client = client;
    reader.topic = clients_[client].topic(partition.topic);
    return reader;
}

RdReader* RdReaders::take(const kafka::TopicPartition& partition, std::int64_t offset) {
    RdReader* reader = nullptr;
    {
        std::lock_guard lock(mutex_);
        for (auto& known : readers_[partition])
            if (!known->isInUse && known->isStarted && known->position == offset) reader = known.get();
        if (!reader) reader = &add(partition);
        reader->isInUse = true;
    }
    if (reader->isStarted) return reader;
    learn(reader->topic, clientOf(*reader));
    if (rd_kafka_consume_start(reader->topic, partition.partition, offset) != 0) {
        const std::string reason = rd_kafka_err2str(rd_kafka_last_error());
        giveBack(reader, false);
        throw IoError("kafka: cannot read " + partition.toText() + " from " + std::to_string(offset) + ": " + reason);
    }
    reader->isStarted = true;
    reader->position = offset;
    return reader;
}

void RdReaders::giveBack(RdReader* reader, bool keep) {
    std::unique_ptr<RdReader> gone;
    {
        std::lock_guard lock(mutex_);
        auto& readers = readers_[reader->partition];
        // One is enough to go on from there; others were needed because it was read twice, or in pieces.
        for (const auto& other : readers)
            if (other.get() != reader && !other->isInUse && other->position >= reader->position) keep = false;
        if (keep) {
            reader->isInUse = false;
            const auto behind = std::find_if(readers.begin(), readers.end(), [&](const auto& other) {
                return other.get() != reader && !other->isInUse;
            });
            if (behind == readers.end()) return;
            reader = behind->get();
            reader->isInUse = true;
        }
    }
    stop(*reader); // before another one may begin on this client
    std::lock_guard lock(mutex_);
    auto& readers = readers_[reader->partition];
    const auto found = std::find_if(readers.begin(), readers.end(), [&](const auto& r) { return r.get() == reader; });
    gone = std::move(*found);
    readers.erase(found);
}

void RdReaders::stop(RdReader& reader) {
    for (rd_kafka_message_t* message : reader.ahead) rd_kafka_message_destroy(message);
    reader.ahead.clear();
    if (reader.isStarted) rd_kafka_consume_stop(reader.topic, reader.partition.partition);
    reader.isStarted = false;
}

// ---- a range

RdFetch::RdFetch(RdReaders& readers, const kafka::OffsetRange& range, bool continues)
    : readers_(readers),
      range_(range),
      continues_(continues),
      reader_(readers.take(range.topicPartition(), range.fromOffset)),
      at_(range.fromOffset) {
    records_.reserve(kBlockRecords);
    given_.reserve(kBlockRecords);
}

RdFetch::~RdFetch() {
    release();
    reader_->position = isDone_ ? range_.untilOffset : at_;
    readers_.giveBack(reader_, continues_ && isDone_ && !isBroken_);
}

void RdFetch::release() {
    for (rd_kafka_message_t* message : given_) rd_kafka_message_destroy(message);
    given_.clear();
    records_.clear();
    headers_.clear();
    headerPlaces_.clear();
}

bool RdFetch::next(std::span<const kafka::Record>& block) {
    release();
    block = {};
    if (isDone_ || at_ >= range_.untilOffset) {
        isDone_ = true;
        return false;
    }
    if (reader_->ahead.empty()) receive();
    while (!isDone_ && !reader_->ahead.empty() && records_.size() < kBlockRecords) {
        rd_kafka_message_t* const message = reader_->ahead.front();
        if (!take(message)) break;
        reader_->ahead.pop_front();
    }
    for (const HeaderPlace& place : headerPlaces_)
        records_[place.record].headers = kafka::Headers(headers_.data() + place.first, place.count);
    block = records_;
    isDone_ = isDone_ || at_ >= range_.untilOffset;
    return !isDone_;
}

/// What is there, or the first that comes within a moment: with a time to wait, librdkafka waits until it has as many
/// as are asked for.
void RdFetch::receive() {
    std::array<rd_kafka_message_t*, kBlockRecords> messages;
    const int partition = range_.partition;
    ssize_t count = rd_kafka_consume_batch(reader_->topic, partition, 0, messages.data(), messages.size());
    RdClient& client = readers_.clientOf(*reader_);
    if (count == 0) count = rd_kafka_consume_batch(reader_->topic, partition, kShortMs, messages.data(), 1);
    if (count == 0) {
        client.poll();
        // A partition that is new to a connection's thread, or whose queue was full, it may notice after a second; any
        // request wakes it.
        std::int64_t begin = 0, end = 0;
        rd_kafka_query_watermark_offsets(client.handle(), range_.topic.c_str(), partition, &begin, &end, kMomentMs);
        count = rd_kafka_consume_batch(reader_->topic, partition, kMomentMs, messages.data(), 1);
    }
    if (count < 0) {
        isBroken_ = true;
        throw IoError("kafka: cannot read " + range_.toText() + ": " + rd_kafka_err2str(rd_kafka_last_error()));
    }
    reader_->ahead.insert(reader_->ahead.end(), messages.begin(), messages.begin() + count);
}

/// Whether the message belongs to what was read of this range; one of the next range stays for it.
bool RdFetch::take(rd_kafka_message_t* message) {
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (message->offset >= range_.untilOffset) {
            isDone_ = true;
            return false;
        }
        if (message->offset < at_) { // it was there before: a repetition of the client's (F36)
            rd_kafka_message_destroy(message);
            return true;
        }
        given_.push_back(message);
        add(message);
        at_ = message->offset + 1;
        return true;
    }
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (message->offset >= range_.untilOffset) isDone_ = true; // what is left of the range has no records
        rd_kafka_message_destroy(message);
        return true;
    }
    fail(message);
}

void RdFetch::add(const rd_kafka_message_t* message) {
    kafka::Record& record = records_.emplace_back();
    record.topic = range_.topic;
    record.partition = range_.partition;
    record.offset = message->offset;
    rd_kafka_timestamp_type_t kind;
    if (const std::int64_t ms = rd_kafka_message_timestamp(message, &kind); ms >= 0)
        record.timestamp = Time(Duration(ms));
    if (message->key) record.key.emplace(static_cast<const char*>(message->key), message->key_len);
    if (message->payload) record.value.emplace(static_cast<const char*>(message->payload), message->len);
    addHeaders(message);
}

void RdFetch::addHeaders(const rd_kafka_message_t* message) {
    rd_kafka_headers_t* headers = nullptr;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
    const std::size_t first = headers_.size();
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i)
        headers_.push_back(
            {name, value ? std::optional(std::string_view(static_cast<const char*>(value), size)) : std::nullopt});
    headerPlaces_.push_back({records_.size() - 1, first, headers_.size() - first});
}

void RdFetch::fail(const rd_kafka_message_t* message) {
    isBroken_ = true;
    const std::string text = "kafka: cannot read " + range_.toText() + " at " + std::to_string(at_) + ": " +
                             rd_kafka_message_errstr(message);
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE)
        throw KafkaOutOfRange(text);
    throw IoError(text);
}

} // namespace rivulet::detail
