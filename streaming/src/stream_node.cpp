#include "rivulet/stream/core.h"
#include "rivulet/stream/operations.h"

#include <algorithm>
#include <cstdio>

namespace rivulet::detail {

StreamNodeBase::StreamNodeBase(std::weak_ptr<StreamCore> core, CallSite site, Duration slide,
                               std::vector<std::shared_ptr<StreamNodeBase>> parents)
    : core_(std::move(core)),
      site_(site),
      slide_(slide),
      parents_(std::move(parents)) {}

StreamNodeBase::~StreamNodeBase() = default;

std::shared_ptr<StreamCore> StreamNodeBase::core() const {
    auto core = core_.lock();
    if (!core)
        throw UsageError("this stream (" + site_.text() +
                         ") has outlived its StreamingContext: keep the context alive as long as its streams are used");
    return core;
}

void StreamNodeBase::remember(Duration atLeast) {
    const Duration needed = std::max(slide_, atLeast);
    if (remembered_ >= needed) return;
    remembered_ = needed;
    for (const auto& parent : parents_) parent->remember(neededOfParents(remembered_));
}

StreamNodeBase::Making::Making(StreamNodeBase& node, Time time) : node_(node), time_(time) {
    const auto self = std::this_thread::get_id();
    std::unique_lock lock(node_.mutex_);
    for (;;) {
        if (const auto found = node_.made_.find(time); found != node_.made_.end()) made_ = found->second.rdd;
        const auto other = std::find_if(node_.inProgress_.begin(), node_.inProgress_.end(),
                                        [time](const InProgress& making) { return making.time == time; });
        if (made_ || other == node_.inProgress_.end()) break;
        if (other->maker == self)
            throw UsageError(node_.site_.text() + ": the RDD of " + std::to_string(time.time_since_epoch().count()) +
                             " ms is needed to make itself; a function of transform may take slices of streams that "
                             "do not come from it, and of earlier times");
        node_.changed_.wait(lock);
    }
    if (!made_) node_.inProgress_.push_back({time, self});
}

StreamNodeBase::Making::~Making() {
    if (made_) return;
    std::lock_guard lock(node_.mutex_);
    std::erase_if(node_.inProgress_, [this](const InProgress& making) { return making.time == time_; });
    node_.changed_.notify_all();
}

std::shared_ptr<const void> StreamNodeBase::made(Time time) const {
    std::lock_guard lock(mutex_);
    const auto found = made_.find(time);
    return found == made_.end() ? nullptr : found->second.rdd;
}

void StreamNodeBase::keep(Time time, Made made) {
    std::lock_guard lock(mutex_);
    std::swap(made_[time], made); // what was there is destroyed outside of the lock
}

void StreamNodeBase::drop(Time time) {
    Made dropped;
    {
        std::lock_guard lock(mutex_);
        const auto found = made_.find(time);
        if (found == made_.end()) return;
        dropped = std::move(found->second);
        made_.erase(found);
    }
    if (dropped.persistedHere) unpersist(dropped.rdd.get());
}

void StreamNodeBase::forget(Time upTo, Forgotten& forgotten) {
    std::vector<std::shared_ptr<const void>> persisted; // to be given back outside of the lock
    {
        std::lock_guard lock(mutex_);
        while (!made_.empty() && made_.begin()->first <= upTo) {
            Made& made = made_.begin()->second;
            if (made.persistedHere) persisted.push_back(made.rdd);
            forgotten.push_back(std::move(made.rdd));
            made_.erase(made_.begin());
        }
    }
    for (const auto& rdd : persisted) unpersist(rdd.get());
}

void requireCombinable(const StreamNodeBase& first, const StreamNodeBase& second, const char* operation,
                       std::source_location where) {
    if (first.core() != second.core())
        throw UsageError(std::string(operation) +
                             ": the two streams belong to different StreamingContexts; make both with the same one",
                         where);
    if (first.slide() != second.slide())
        throw UsageError(std::string(operation) + ": the two streams have different slides (" +
                             durationText(first.slide()) + " and " + durationText(second.slide()) +
                             "); give both the same, with window(length, slide) for example",
                         where);
}

std::shared_ptr<StreamRecord> newRecord() { return std::make_shared<StreamRecord>(); }

bool isValidTime(const StreamCore& core, Time time, Duration slide) {
    return time > core.zeroTime() && isMultipleOf(time, slide, core.zeroTime());
}

void throwNoRdd(const CallSite& site, Time time) {
    throw UsageError(site.text() + ": a stream that it reads has no RDD at time " +
                     std::to_string(time.time_since_epoch().count()) +
                     " ms; give an empty RDD where there are no data");
}

void requireSlack(Duration slack, std::source_location where) {
    if (slack < Duration::zero())
        throw UsageError(
            "withEventTime: the slack (" + durationText(slack) + ") must not be negative; 0ms waits for nobody", where);
}

RDD<long> sumOfCounts(const RDD<std::pair<char, long>>& counts, std::source_location where) {
    const auto zero = RDD<std::pair<char, long>>(
        Context(counts.lineagePtr()->engine()).parallelize(std::vector<std::pair<char, long>>{{char(), 0L}}, 1, where));
    return counts.unionWith(zero, where).reduceByKey(std::plus<>(), 1, where).values(where);
}

void printBatch(Time time, const std::vector<std::string>& elements, bool more) {
    std::string text =
        "-------------------------------------------\nTime: " + std::to_string(time.time_since_epoch().count()) +
        " ms\n-------------------------------------------\n";
    for (const std::string& element : elements) text += element + '\n';
    if (more) text += "...\n";
    text += '\n';
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

std::string batchDirectory(const std::string& prefix, const std::string& suffix, Time time) {
    return (prefix.empty() ? "" : prefix + "-") + std::to_string(time.time_since_epoch().count()) +
           (suffix.empty() ? "" : "." + suffix);
}

} // namespace rivulet::detail
