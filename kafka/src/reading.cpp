#include "rivulet/kafka/reading.h"

#include "rivulet/log.h"

#include <algorithm>

namespace rivulet::detail {
namespace {

constexpr std::size_t kLossesKept = 1000;
constexpr std::chrono::seconds kPatience{10}; // without a record, before that is reported

constexpr const char* kKafkaKind = "KafkaRDD";

/// The lineage of a Kafka RDD knows its ranges, and through it all RDDs that are made of it partition by partition.
class KafkaLineage final : public Lineage {
  public:
    KafkaLineage(std::weak_ptr<Engine> engine, CallSite site, KafkaPipe::Ranges ranges)
        : Lineage(std::move(engine), kKafkaKind, site),
          ranges_(std::move(ranges)) {}
    const std::vector<kafka::OffsetRange>& ranges() const { return *ranges_; }

  private:
    const KafkaPipe::Ranges ranges_;
};

} // namespace

// ---- what was seen

void KafkaSeen::read(std::int64_t records, std::int64_t bytes) {
    constexpr double kMost = 1e6; // what was long ago counts less and less
    std::lock_guard lock(mutex_);
    records_ += double(records);
    bytes_ += double(bytes);
    if (records_ > kMost) {
        bytes_ *= kMost / 2 / records_;
        records_ = kMost / 2;
    }
}

void KafkaSeen::reached(const kafka::TopicPartition& partition, Mark mark) {
    std::lock_guard lock(mutex_);
    Mark& known = marks_[partition];
    if (mark.offset > known.offset) known = mark;
}

void KafkaSeen::lost(const kafka::OffsetRange& range) {
    std::lock_guard lock(mutex_);
    if (std::find(losses_.begin(), losses_.end(), range) != losses_.end()) return;
    if (losses_.size() >= kLossesKept) losses_.erase(losses_.begin());
    losses_.push_back(range);
    lostOffsets_ += range.count();
}

std::optional<KafkaSeen::Mark> KafkaSeen::markOf(const kafka::TopicPartition& partition) const {
    std::lock_guard lock(mutex_);
    const auto found = marks_.find(partition);
    return found == marks_.end() || found->second.offset < 0 ? std::nullopt : std::optional(found->second);
}

double KafkaSeen::meanBytes() const {
    std::lock_guard lock(mutex_);
    return records_ > 0 ? bytes_ / records_ : 0;
}

std::vector<kafka::OffsetRange> KafkaSeen::losses() const {
    std::lock_guard lock(mutex_);
    return losses_;
}

std::int64_t KafkaSeen::lostOffsets() const {
    std::lock_guard lock(mutex_);
    return lostOffsets_;
}

void KafkaSeen::restore(std::map<kafka::TopicPartition, Mark> marks, std::vector<kafka::OffsetRange> losses) {
    std::lock_guard lock(mutex_);
    marks_ = std::move(marks);
    losses_ = std::move(losses);
    lostOffsets_ = 0;
    for (const auto& range : losses_) lostOffsets_ += range.count();
}

// ---- a range

KafkaCursor::KafkaCursor(std::shared_ptr<const KafkaReading> reading, const kafka::OffsetRange& range)
    : reading_(std::move(reading)),
      range_(range),
      fetch_(reading_->broker->fetch(range, reading_->continues)),
      last_(Steady::now()) {}

bool KafkaCursor::next(std::span<const kafka::Record>& block) {
    block = {};
    bool more = false;
    try {
        more = fetch_->next(block);
    } catch (const KafkaOutOfRange&) {
        skipLost();
        if (range_.count() <= 0) {
            finish();
            return false;
        }
        fetch_.reset(); // gives its place back first
        fetch_ = reading_->broker->fetch(range_, reading_->continues);
        return true;
    }
    if (!block.empty()) {
        last_ = Steady::now();
        warned_ = false;
        records_ += std::int64_t(block.size());
        for (const kafka::Record& record : block)
            bytes_ += std::int64_t(record.keyOr({}).size() + record.valueOr({}).size());
        mark_ = {block.back().offset, block.back().timestamp};
        range_.fromOffset = mark_.offset + 1;
    } else if (more) {
        waited();
    }
    if (!more) finish();
    return more;
}

/// The broker has deleted what was to be read: up to its first record, or all.
void KafkaCursor::skipLost() {
    const KafkaBounds bounds = reading_->broker->bounds({range_.topicPartition()}, reading_->timeout).front();
    kafka::OffsetRange lost = range_;
    lost.untilOffset = std::clamp(bounds.begin, range_.fromOffset, range_.untilOffset);
    if (lost.count() == 0)
        throw IoError("kafka: " + range_.toText() + " was refused by " + reading_->broker->name() +
                      " as out of range, though it has the offsets from " + std::to_string(bounds.begin) + " up to " +
                      std::to_string(bounds.end) + ": another attempt may succeed");
    if (reading_->onDataLoss == kafka::OnDataLoss::fail)
        throw kafka::DataLossError("kafka: lost " + lost.toText() +
                                       ": deleted by the broker after the batch was planned; let topics keep their "
                                       "records longer, or set onDataLoss to skip",
                                   {lost});
    logWarn("kafka: lost " + lost.toText() + ": deleted by the broker after the batch was planned");
    reading_->seen->lost(lost);
    range_.fromOffset = lost.untilOffset;
}

/// No record for a while, though there should be one.
void KafkaCursor::waited() {
    const auto silence = Steady::now() - last_;
    const auto seconds = std::to_string(std::chrono::duration_cast<std::chrono::seconds>(silence).count());
    const std::string text =
        "kafka: no progress for " + seconds + " s in " + range_.toText() + " of " + reading_->broker->name();
    if (silence >= reading_->timeout)
        throw KafkaUnreachable(text + ": the broker does not send what it has; is it there, and the leader of the "
                                      "partition?");
    if (reading_->isStopping && reading_->isStopping() && silence >= std::chrono::seconds(1))
        throw KafkaUnreachable(text + ", and a stop was requested: the next start reads it");
    if (!warned_ && silence >= kPatience) {
        warned_ = true;
        logWarn(text + ", although it is planned for the batch that runs");
    }
}

void KafkaCursor::finish() {
    reading_->seen->read(records_, bytes_);
    if (mark_.offset >= 0) reading_->seen->reached(range_.topicPartition(), mark_);
    records_ = bytes_ = 0;
}

// ---- the RDD

KafkaRdd kafkaRdd(const std::shared_ptr<Engine>& engine, CallSite site, std::shared_ptr<const KafkaReading> reading,
                  std::vector<kafka::OffsetRange> ranges) {
    const bool hasElements =
        std::any_of(ranges.begin(), ranges.end(), [](const kafka::OffsetRange& range) { return range.count() > 0; });
    auto shared = std::make_shared<const std::vector<kafka::OffsetRange>>(std::move(ranges));
    auto made = std::make_shared<KafkaLineage>(engine, site, shared);
    made->setHasElements(hasElements);
    return KafkaRdd(std::move(made), KafkaPipe(std::move(reading), std::move(shared)));
}

std::vector<kafka::OffsetRange> kafkaRangesOf(const LineagePtr& lineage, std::source_location where) {
    const Lineage* at = &checkedLineage(lineage);
    while (at->kind() != kKafkaKind && at->dependencies().size() == 1 && !at->dependencies().front().shuffle)
        at = at->dependencies().front().parent.get();
    if (at->kind() != kKafkaKind)
        throw UsageError("offsetRanges: " + lineage->text() +
                             " is not made of a Kafka RDD partition by partition; ask the RDD of the direct stream, or "
                             "one that narrow operations have made of it",
                         where);
    return static_cast<const KafkaLineage*>(at)->ranges();
}

} // namespace rivulet::detail
