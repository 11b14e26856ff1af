#pragma once

#include "planned_ranges.h"
#include "rivulet/kafka.h"
#include "rivulet/stream/core.h"
#include "stream_pace.h"
#include "stream_position.h"

#include <map>
#include <mutex>
#include <regex>
#include <set>

namespace rivulet::detail {

/// The source of a direct stream: knows where each partition is read from, and fixes up to where each batch reads.
///
/// Threads: `rangesAt` and `forgetRanges` from any; all else by the thread that runs the batches
class KafkaInput : public Input {
  public:
    KafkaInput(const std::shared_ptr<StreamCore>& core, const kafka::DirectStreamOptions& options,
               std::shared_ptr<KafkaBroker> broker, CallSite site);

    std::string kind() const override { return "Kafka direct stream"; }
    /// Finds the topics and where to begin.
    void start() override;
    long allocate(Time time) override;
    long allocateAgain(Time time, std::string_view position) override;
    std::string position() const override;
    void restore(std::string_view position) override;
    std::string pace() const override { return pace_ ? pace_->stored() : std::string(); }
    void restorePace(std::string_view pace) override {
        if (pace_) pace_->restore(pace);
    }
    std::string describe(Time time) const override;
    /// Nothing is taken in before a batch has it: what is not read yet is the broker's.
    bool hasMore() const override { return false; }
    long dropped() const override { return long(reading_->seen->lostOffsets()); }

    const std::shared_ptr<const KafkaReading>& reading() const { return reading_; }
    const std::shared_ptr<KafkaPace>& paceControl() const { return pace_; }
    /// The ranges of a batch as tasks read them.
    std::vector<kafka::OffsetRange> rangesAt(Time time) const;
    void forgetRanges(Time upTo);

  private:
    using Ranges = std::vector<kafka::OffsetRange>;

    KafkaBroker& broker() const { return *reading_->broker; }
    std::vector<KafkaTopic> findTopics(Duration timeout) const;
    void discover(Duration timeout, bool isStart);
    void discoverIfDue(Time time);
    void begin(const KafkaBroker::Partitions& partitions, const kafka::StartingOffsets& from, Duration timeout);
    Ranges plan(Time time);
    std::vector<KafkaLag> lags(const KafkaBroker::Partitions& partitions);
    void requireSameRecords();
    void lose(const Ranges& ranges, const std::string& why);
    long keep(Time time, Ranges ranges);

    const std::weak_ptr<StreamCore> core_;
    const kafka::DirectStreamOptions options_;
    const CallSite site_;
    const std::optional<std::regex> pattern_;
    const std::shared_ptr<const KafkaReading> reading_;
    std::shared_ptr<KafkaPace> pace_; // null without backpressure

    std::string clusterId_;
    std::map<kafka::TopicPartition, KafkaPlace> places_;
    std::map<std::string, int> partitions_; // of each topic, when it was looked at last
    Time discovered_{};
    Time last_{};
    bool isAway_ = false;

    mutable std::mutex mutex_; // guards the following
    std::map<Time, Ranges> ranges_;
};

} // namespace rivulet::detail
