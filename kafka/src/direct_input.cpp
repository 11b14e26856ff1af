#include "direct_input.h"

#include "rivulet/clock.h"
#include "rivulet/log.h"

#include <algorithm>

namespace rivulet::detail {
namespace {

constexpr double kAssumedBytes = 1024; // of a record, before one was read
constexpr int kQueries = 3;            // before offsets that went back are believed

std::string listed(const std::vector<kafka::OffsetRange>& ranges) {
    std::string text;
    for (const auto& range : ranges) text += (text.empty() ? "" : ", ") + range.toText();
    return text;
}

std::shared_ptr<const KafkaReading> readingOf(const std::shared_ptr<StreamCore>& core,
                                              const kafka::DirectStreamOptions& options,
                                              std::shared_ptr<KafkaBroker> broker) {
    auto reading = std::make_shared<KafkaReading>();
    reading->broker = std::move(broker);
    reading->onDataLoss = options.onDataLoss;
    reading->timeout = options.fetchTimeout;
    reading->continues = true;
    reading->isStopping = [weak = std::weak_ptr<StreamCore>(core)] {
        const auto alive = weak.lock();
        return !alive || alive->isStopping();
    };
    return reading;
}

std::shared_ptr<KafkaPace> paceOf(const StreamCore& core) {
    const Conf& conf = core.context().conf();
    if (!conf.getBool("rivulet.streaming.backpressure.enabled")) return nullptr;
    const auto gain = [&](const char* name) {
        return conf.getDouble(std::string("rivulet.streaming.backpressure.pid.") + name);
    };
    return std::make_shared<KafkaPace>(
        core.batchDuration(), double(conf.getInt("rivulet.streaming.backpressure.initialRate")),
        PidRateEstimator::Gains{gain("proportional"), gain("integral"), gain("derived"), gain("minRate")});
}

} // namespace

KafkaInput::KafkaInput(const std::shared_ptr<StreamCore>& core, const kafka::DirectStreamOptions& options,
                       std::shared_ptr<KafkaBroker> broker, CallSite site)
    : core_(core),
      options_(options),
      site_(site),
      pattern_(options.topicPattern.empty() ? std::nullopt : std::optional<std::regex>(options.topicPattern)),
      reading_(readingOf(core, options, std::move(broker))),
      pace_(paceOf(*core)) {}

// ---- topics and partitions

std::vector<KafkaTopic> KafkaInput::findTopics(Duration timeout) const {
    if (pattern_) {
        auto all = broker().topics({}, timeout);
        std::erase_if(all, [this](const KafkaTopic& topic) { return !std::regex_match(topic.name, *pattern_); });
        return all;
    }
    std::vector<std::string> names = options_.topics;
    for (const auto& [topic, partition] : options_.partitions)
        if (std::find(names.begin(), names.end(), topic) == names.end()) names.push_back(topic);
    return broker().topics(names, timeout);
}

/// Looks at the topics: takes partitions in that are new, and misses those that are gone.
void KafkaInput::discover(Duration timeout, bool isStart) {
    auto topics = findTopics(timeout);
    const auto isBad = [](const KafkaTopic& topic) { return !topic.error.empty(); };
    if (!isStart && std::any_of(topics.begin(), topics.end(), isBad)) topics = findTopics(timeout); // is it so?
    KafkaBroker::Partitions fresh;
    std::map<std::string, int> found;
    for (const KafkaTopic& topic : topics) {
        if (isBad(topic)) {
            if (!isStart) continue; // it is gone
            throw IoError(site_.text() + ": the topic '" + topic.name + "' cannot be read from " + broker().name() +
                          ": " + topic.error + "; create it, or correct its name");
        }
        found[topic.name] = topic.partitions;
        if (options_.partitions.empty()) {
            for (int i = 0; i < topic.partitions; ++i)
                if (!places_.contains({topic.name, i})) fresh.push_back({topic.name, i});
            continue;
        }
        for (const auto& wanted : options_.partitions) {
            if (wanted.topic != topic.name || places_.contains(wanted)) continue;
            if (wanted.partition >= topic.partitions)
                throw IoError(site_.text() + ": " + wanted.toText() + " is to be read, and the topic has " +
                              std::to_string(topic.partitions) + " partitions, counted from 0");
            fresh.push_back(wanted);
        }
    }
    Ranges gone;
    for (const auto& [partition, place] : places_)
        if (const auto topic = found.find(partition.topic);
            topic == found.end() || partition.partition >= topic->second)
            gone.push_back({partition.topic, partition.partition, place.end, place.end});
    if (!gone.empty()) lose(gone, "the topic is gone, or was made anew with fewer partitions");
    for (const auto& range : gone) places_.erase(range.topicPartition());
    partitions_ = std::move(found);
    // All of what appears later is new: where it begins, nothing was read.
    if (!fresh.empty()) begin(fresh, isStart ? options_.startingOffsets : kafka::earliest, timeout);
    if (!isStart && !fresh.empty()) {
        std::string names;
        for (const auto& partition : fresh) names += (names.empty() ? "" : ", ") + partition.toText();
        logInfo("kafka: new partitions: " + names);
    }
}

void KafkaInput::begin(const KafkaBroker::Partitions& partitions, const kafka::StartingOffsets& from,
                       Duration timeout) {
    const auto bounds = broker().bounds(partitions, timeout);
    std::vector<std::int64_t> timed;
    if (from.at == kafka::StartingOffsets::At::time) timed = broker().offsetsAt(partitions, from.time, timeout);
    for (std::size_t i = 0; i < partitions.size(); ++i) {
        std::int64_t offset = bounds[i].end;
        if (const auto given = from.offsets.find(partitions[i]); given != from.offsets.end())
            offset = given->second;
        else if (from.at == kafka::StartingOffsets::At::earliest)
            offset = bounds[i].begin;
        else if (from.at == kafka::StartingOffsets::At::time && timed[i] >= 0)
            offset = timed[i];
        places_[partitions[i]] = {offset, offset, {}};
    }
}

void KafkaInput::start() {
    const auto core = core_.lock();
    if (pace_) pace_->setInput(id());
    clusterId_ = broker().clusterId(options_.startTimeout);
    discover(options_.startTimeout, true);
    discovered_ = core->clock().now();
    last_ = core->zeroTime();
}

void KafkaInput::discoverIfDue(Time time) {
    if (time < discovered_ + options_.discoveryInterval) return;
    discover(options_.planTimeout, false);
    discovered_ = time;
}

// ---- batches

/// What is lost is told, or ends the batch.
void KafkaInput::lose(const Ranges& ranges, const std::string& why) {
    const std::string text = "kafka: lost " + listed(ranges) + " of " + broker().name() + ": " + why;
    if (options_.onDataLoss == kafka::OnDataLoss::fail)
        throw kafka::DataLossError(text + "; set onDataLoss to skip to go on with what is there", ranges);
    logWarn(text);
    for (const auto& range : ranges)
        if (range.count() > 0) reading_->seen->lost(range);
}

/// How far each partition is behind. Offsets that went back are asked for again: a broker that has just become the
/// leader may not know better for a moment.
std::vector<KafkaLag> KafkaInput::lags(const KafkaBroker::Partitions& partitions) {
    std::vector<KafkaBounds> bounds;
    for (int query = 0; query < kQueries; ++query) {
        bounds = broker().bounds(partitions, options_.planTimeout);
        bool wentBack = false;
        for (std::size_t i = 0; i < partitions.size(); ++i)
            wentBack = wentBack || bounds[i].end < places_[partitions[i]].end;
        if (!wentBack) break;
    }
    Ranges deleted, truncated;
    for (std::size_t i = 0; i < partitions.size(); ++i) {
        const std::int64_t at = places_[partitions[i]].end;
        const auto& [topic, number] = partitions[i];
        if (bounds[i].end < at)
            truncated.push_back({topic, number, bounds[i].end, at});
        else if (bounds[i].begin > at)
            deleted.push_back({topic, number, at, bounds[i].begin});
    }
    if (!deleted.empty()) lose(deleted, "the broker has deleted them before they were read");
    if (!truncated.empty())
        lose(truncated, "the partition ends before what was read of it, so the topic was made anew or truncated");
    std::vector<KafkaLag> lags;
    for (std::size_t i = 0; i < partitions.size(); ++i) {
        std::int64_t at = places_[partitions[i]].end;
        if (bounds[i].end < at || bounds[i].begin > at) at = bounds[i].begin;
        lags.push_back({at, bounds[i].end});
    }
    return lags;
}

KafkaInput::Ranges KafkaInput::plan(Time time) {
    discoverIfDue(time);
    KafkaBroker::Partitions partitions;
    for (const auto& [partition, place] : places_) partitions.push_back(partition);
    const auto behind = lags(partitions);
    KafkaCaps caps;
    caps.rate = pace_ ? pace_->rate() : 0;
    caps.ratePerPartition = options_.maxRatePerPartition;
    caps.seconds = std::chrono::duration<double>(core_.lock()->batchDuration()).count();
    caps.least = options_.minRatePerPartition;
    caps.records = options_.maxRecordsPerBatch;
    if (options_.maxBytesPerBatch > 0) {
        const double mean = reading_->seen->meanBytes();
        const auto most =
            std::int64_t(double(options_.maxBytesPerBatch) / std::max(1.0, mean > 0 ? mean : kAssumedBytes));
        caps.records = caps.records > 0 ? std::min(caps.records, most) : most;
        caps.records = std::max<std::int64_t>(caps.records, 1);
    }
    const auto ends = plannedEnds(behind, caps);
    Ranges ranges;
    for (std::size_t i = 0; i < partitions.size(); ++i)
        ranges.push_back({partitions[i].topic, partitions[i].partition, behind[i].position, ends[i]});
    return ranges;
}

long KafkaInput::allocate(Time time) {
    Ranges ranges;
    try {
        ranges = plan(time);
        if (isAway_) logInfo("kafka: " + broker().name() + " answers again");
        isAway_ = false;
    } catch (const KafkaUnreachable& error) {
        if (!isAway_) logWarn(std::string(error.what()) + "; batches are empty until it answers");
        isAway_ = true;
        for (const auto& [partition, place] : places_)
            ranges.push_back({partition.topic, partition.partition, place.end, place.end});
    }
    return keep(time, std::move(ranges));
}

long KafkaInput::allocateAgain(Time time, std::string_view position) {
    Ranges ranges;
    for (const auto& [partition, place] : KafkaPosition::ofBytes(position).places)
        ranges.push_back({partition.topic, partition.partition, place.begin, place.end});
    return keep(time, std::move(ranges));
}

long KafkaInput::keep(Time time, Ranges ranges) {
    long records = 0;
    for (const auto& range : ranges) {
        KafkaPlace& place = places_[range.topicPartition()];
        place.begin = range.fromOffset;
        place.end = range.untilOffset;
        records += long(range.count());
    }
    last_ = time;
    std::lock_guard lock(mutex_);
    ranges_.insert_or_assign(time, std::move(ranges));
    return records;
}

std::vector<kafka::OffsetRange> KafkaInput::rangesAt(Time time) const {
    std::lock_guard lock(mutex_);
    const auto found = ranges_.find(time);
    return found == ranges_.end() ? Ranges()
                                  : cutRanges(found->second, options_.maxRecordsPerTask, options_.minPartitions);
}

void KafkaInput::forgetRanges(Time upTo) {
    std::lock_guard lock(mutex_);
    ranges_.erase(ranges_.begin(), ranges_.upper_bound(upTo));
}

std::string KafkaInput::describe(Time time) const {
    Ranges ranges;
    {
        std::lock_guard lock(mutex_);
        if (const auto found = ranges_.find(time); found != ranges_.end()) ranges = found->second;
    }
    std::erase_if(ranges, [](const kafka::OffsetRange& range) { return range.count() == 0; });
    std::sort(ranges.begin(), ranges.end(), [](const kafka::OffsetRange& a, const kafka::OffsetRange& b) {
        return a.count() != b.count() ? a.count() > b.count() : a.topicPartition() < b.topicPartition();
    });
    std::string text;
    for (const auto& range : ranges) {
        if (!text.empty()) text += '\n';
        text.append("topic: ").append(range.topic);
        text.append("\tpartition: ").append(std::to_string(range.partition));
        text.append("\toffsets: ").append(std::to_string(range.fromOffset));
        text.append(" to ").append(std::to_string(range.untilOffset));
        text.append("\tcount: ").append(std::to_string(range.count()));
    }
    return text;
}

// ---- the position

std::string KafkaInput::position() const {
    KafkaPosition position{clusterId_, places_, reading_->seen->losses()};
    for (auto& [partition, place] : position.places)
        if (const auto mark = reading_->seen->markOf(partition); mark && mark->offset < place.end) place.mark = *mark;
    return position.toBytes();
}

void KafkaInput::restore(std::string_view bytes) {
    KafkaPosition position = KafkaPosition::ofBytes(bytes);
    if (!position.clusterId.empty() && !clusterId_.empty() && position.clusterId != clusterId_)
        throw RecoveryError(site_.text() + ": the checkpoint is of the cluster '" + position.clusterId + "', and " +
                            broker().name() + " belongs to '" + clusterId_ +
                            "', where offsets mean other records; correct bootstrapServers, or forget the position "
                            "with checkpoint()'s option dropState");
    std::map<kafka::TopicPartition, KafkaSeen::Mark> marks;
    std::map<std::string, bool> known;
    for (const auto& [partition, place] : position.places) {
        known[partition.topic] = true;
        if (place.mark.offset >= 0) marks[partition] = place.mark;
    }
    KafkaBroker::Partitions appeared;
    for (auto at = places_.begin(); at != places_.end(); ++at)
        if (!position.places.contains(at->first) && (pattern_ || known.contains(at->first.topic)))
            appeared.push_back(at->first);
    Ranges gone;
    for (const auto& [partition, place] : position.places) {
        const bool wanted = places_.contains(partition);
        if (wanted)
            places_[partition] = place;
        else if (partitions_.contains(partition.topic) && options_.partitions.empty())
            gone.push_back({partition.topic, partition.partition, place.end, place.end});
        else
            logWarn("kafka: " + partition.toText() + " was read up to " + std::to_string(place.end) +
                    ", and is not asked for any more");
    }
    reading_->seen->restore(std::move(marks), std::move(position.losses));
    try {
        if (!gone.empty()) lose(gone, "the topic has fewer partitions than it had, so it was made anew");
        if (!appeared.empty()) begin(appeared, kafka::earliest, options_.startTimeout);
        requireSameRecords();
    } catch (const kafka::DataLossError& error) {
        throw RecoveryError(site_.text() + ": " + error.what());
    }
}

/// A topic that was deleted and made anew may have as many records as before. The last record that was read tells: it
/// has the time that it had, where it is still there.
void KafkaInput::requireSameRecords() {
    KafkaBroker::Partitions marked;
    for (const auto& [partition, place] : places_)
        if (place.mark.offset >= 0) marked.push_back(partition);
    if (marked.empty()) return;
    const auto bounds = broker().bounds(marked, options_.startTimeout);
    Ranges other;
    for (std::size_t i = 0; i < marked.size(); ++i) {
        KafkaPlace& place = places_[marked[i]];
        const auto& [topic, number] = marked[i];
        if (bounds[i].end < place.end) { // as a batch would find
            other.push_back({topic, number, bounds[i].end, place.end});
            continue;
        }
        if (place.mark.offset < bounds[i].begin) continue;
        const kafka::OffsetRange one{topic, number, place.mark.offset, place.mark.offset + 1};
        const auto fetch = broker().fetch(one, false);
        const auto begun = std::chrono::steady_clock::now();
        bool same = true;
        for (bool more = true; more && same;) {
            std::span<const kafka::Record> block;
            more = fetch->next(block);
            for (const kafka::Record& record : block) same = same && record.timestamp == place.mark.timestamp;
            if (more && std::chrono::steady_clock::now() - begun > options_.startTimeout)
                throw KafkaUnreachable("kafka: " + one.toText() + " did not come from " + broker().name() + " within " +
                                       durationText(options_.startTimeout));
        }
        if (!same) other.push_back({topic, number, 0, place.end});
    }
    if (other.empty()) return;
    lose(other, "the topic was made anew since they were read, or truncated");
    for (const auto& range : other) {
        const auto found = std::find(marked.begin(), marked.end(), range.topicPartition());
        const std::int64_t first = bounds[std::size_t(found - marked.begin())].begin;
        places_[range.topicPartition()] = {first, first, {}};
    }
}

} // namespace rivulet::detail
