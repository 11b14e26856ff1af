#include "rivulet/stream/core.h"
#include "rivulet/stream/operations.h"

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

StreamNodeBase::Made StreamNodeBase::made(Time time) const {
    const auto found = made_.find(time);
    return found == made_.end() ? Made{} : found->second;
}

void StreamNodeBase::forget(Time upTo) {
    const auto end = made_.upper_bound(upTo);
    for (auto at = made_.begin(); at != end; ++at)
        if (at->second.persistedHere) unpersist(at->second.rdd.get());
    made_.erase(made_.begin(), end);
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
