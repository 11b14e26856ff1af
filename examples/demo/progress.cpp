#include "progress.h"

#include <algorithm>

namespace {

using Microseconds = Progress::Microseconds;

/// The value that `share` of all are not above.
Microseconds quantile(std::vector<Microseconds> values, double share) {
    if (values.empty()) return {};
    const auto at = values.begin() + long(share * double(values.size() - 1) + 0.5);
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

} // namespace

void Progress::onBatchCompleted(const rivulet::BatchInfo& batch) {
    const auto now = std::chrono::steady_clock::now();
    std::lock_guard lock(mutex_);
    ++batches_;
    records_ += batch.numRecords();
    processing_.push_back(batch.processingDelay);
    longestDelay_ = std::max(longestDelay_, batch.schedulingDelay);
    lastSecond_.push_back({now, batch.numRecords(), batch.processingDelay, batch.schedulingDelay});
    // One batch of before stays: the records of the others came in since then.
    while (lastSecond_.size() > 2 && lastSecond_[1].completed < now - std::chrono::seconds(1)) lastSecond_.pop_front();
}

void Progress::setWindowTop(std::vector<WordCount> top) {
    std::lock_guard lock(mutex_);
    windowTop_ = std::move(top);
}

void Progress::setTotals(long words, long distinct) {
    std::lock_guard lock(mutex_);
    totals_.words = words;
    totals_.distinct = distinct;
}

void Progress::setTotalsTop(std::vector<WordCount> top) {
    std::lock_guard lock(mutex_);
    totals_.top = std::move(top);
    totalsTopSet_ = std::chrono::steady_clock::now();
}

bool Progress::isTotalsTopDue(std::chrono::milliseconds interval) const {
    std::lock_guard lock(mutex_);
    return std::chrono::steady_clock::now() - totalsTopSet_ >= interval;
}

Progress::Shown Progress::shown() const {
    std::lock_guard lock(mutex_);
    Shown shown{batches_, records_, windowTop_, totals_, {}};
    if (lastSecond_.size() < 2) return shown;
    long records = 0;
    std::vector<Microseconds> processing;
    for (auto batch = lastSecond_.begin() + 1; batch != lastSecond_.end(); ++batch) {
        records += batch->records;
        processing.push_back(batch->processing);
        shown.recent.delay = std::max(shown.recent.delay, batch->delay);
    }
    const std::chrono::duration<double> span = lastSecond_.back().completed - lastSecond_.front().completed;
    if (span.count() > 0) shown.recent.recordsPerSecond = double(records) / span.count();
    shown.recent.processing = quantile(std::move(processing), 0.5);
    return shown;
}

long Progress::records() const {
    std::lock_guard lock(mutex_);
    return records_;
}

Progress::Times Progress::times() const {
    std::lock_guard lock(mutex_);
    return {quantile(processing_, 0.5), quantile(processing_, 0.99), longestDelay_};
}
