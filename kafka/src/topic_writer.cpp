#include "rivulet/kafka/sink.h"
#include "rivulet/log.h"
#include "rivulet/serialization/stored.h"

namespace rivulet::detail {
namespace {

constexpr int kAttempts = 3; // in a row, before the batch waits for its next turn

/// Key, value, headers, partition; what may be missing has a byte before it that says whether it is there.
void writeBytes(ByteWriter& out, const std::optional<std::string>& bytes) {
    out(bytes.has_value());
    if (bytes) out(*bytes);
}
void readBytes(ByteReader& in, std::optional<std::string>& bytes) {
    bool isThere = false;
    in(isThere);
    if (isThere) in(bytes.emplace());
}

} // namespace

std::string sentRows(std::span<const kafka::ToSend> records) {
    ByteWriter out;
    for (const kafka::ToSend& record : records) {
        writeBytes(out, record.key);
        writeBytes(out, record.value);
        out(std::uint32_t(record.headers.size()));
        for (const kafka::OwnedHeader& header : record.headers) {
            out(header.name);
            writeBytes(out, header.value);
        }
        out(record.partition.value_or(-1));
    }
    return std::move(out).text();
}

std::vector<kafka::ToSend> readSentRows(std::string_view rows) {
    std::vector<kafka::ToSend> records;
    ByteReader in(rows);
    while (in.left() > 0) {
        kafka::ToSend& record = records.emplace_back();
        readBytes(in, record.key);
        readBytes(in, record.value);
        for (std::size_t headers = in.count(1); headers > 0; --headers) {
            kafka::OwnedHeader& header = record.headers.emplace_back();
            in(header.name);
            readBytes(in, header.value);
        }
        int partition = -1;
        in(partition);
        if (partition >= 0) record.partition = partition;
    }
    return records;
}

TopicWriter::TopicWriter(MakeProducer make, std::string topic) : make_(std::move(make)), topic_(std::move(topic)) {}
TopicWriter::~TopicWriter() = default;

void TopicWriter::open(const SinkStart& start) {
    start_ = start;
    last_ = 0;
    takeOver();
    const std::string sink = "sink '" + start.uid + "': the topic '" + topic_ + "' has batch " + std::to_string(last_);
    if (last_ > start.lastBatch)
        throw RecoveryError(sink + ", and the checkpoint is at batch " + std::to_string(start.lastBatch) +
                            ": it is an older copy. Go on from a later one; or with another uid, which writes the "
                            "batches since then once more");
    if (last_ < start.finalizedBatch)
        throw RecoveryError(sink + ", and batch " + std::to_string(start.finalizedBatch) +
                            " was there before: the topic was made anew, or the broker has forgotten the marker "
                            "(offsets.retention.minutes) while nobody ran. With another uid the batches that wait are "
                            "written, maybe once more");
    // From here on an earlier process finds that it has been followed, also where it makes its producer anew.
    producer_->commit({}, {last_, start.epoch});
}

/// Makes a producer, and learns what the topic has: after doubt that says whether the transaction has happened.
void TopicWriter::takeOver() {
    producer_.reset(); // first, so that no two are connected
    auto producer = make_(start_);
    const auto isFollowed = [&](const std::optional<KafkaMarker>& marker) {
        return marker && marker->epoch > start_.epoch;
    };
    auto marker = producer->marker(false);
    if (!isFollowed(marker)) { // who was followed must not disturb the one who follows
        producer->open();
        marker = producer->marker(true); // what was open is decided now
    }
    if (isFollowed(marker))
        throw FencedError("sink '" + start_.uid + "': another process has taken over the topic '" + topic_ +
                          "', so what waits is left to it, and this process ends");
    if (marker) last_ = marker->batch;
    producer_ = std::move(producer);
}

void TopicWriter::finalize(std::uint64_t batch, std::string_view rows) {
    const auto records = readSentRows(rows);
    for (int tried = 1;; ++tried) {
        try {
            if (!producer_) takeOver();
            if (last_ >= batch) return;
            producer_->commit(records, {batch, start_.epoch});
            last_ = batch;
            return;
        } catch (const FencedError&) {
            producer_.reset();
            throw;
        } catch (const IoError& error) {
            producer_.reset();
            if (tried == kAttempts) throw;
            logWarn(std::string(error.what()) + "; the producer is made anew");
        } catch (...) {
            producer_.reset();
            throw;
        }
    }
}

} // namespace rivulet::detail
