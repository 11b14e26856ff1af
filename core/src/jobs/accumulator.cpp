#include "rivulet/jobs/accumulator.h"

#include "rivulet/error.h"
#include "rivulet/jobs/broadcast.h"

namespace rivulet::detail {

AccumulatorPart::~AccumulatorPart() = default;
AccumulatorCore::~AccumulatorCore() = default;

void AccumulatorCore::markRegistered(std::string name, std::source_location where) {
    std::lock_guard lock(mutex_);
    if (registered_.exchange(true))
        throw UsageError("registerAccumulator: the accumulator '" + name_ +
                             "' is registered already: register it once, or make another one",
                         where);
    name_ = std::move(name);
}

void AccumulatorCore::requireRegistered() const {
    if (!registered_.load())
        throw UsageError("an accumulator was used in a task before it was registered: call "
                         "Context::registerAccumulator first");
}

std::string AccumulatorCore::name() const {
    std::lock_guard lock(mutex_);
    return name_;
}

int nextBroadcastId() {
    static std::atomic<int> next = 0;
    return next.fetch_add(1);
}

bool BroadcastState::destroy(std::source_location where) {
    if (claimed_.exchange(true)) return false;
    where_ = where;
    destroyed_.store(&where_, std::memory_order_release);
    return true;
}

void BroadcastState::throwDestroyed(std::source_location where) const {
    throw UsageError("attempted to use broadcast " + std::to_string(id_) + " after it was destroyed (" +
                         CallSite{"destroy", *destroyed()}.text() + "): destroy it when no job needs it any more",
                     where);
}

} // namespace rivulet::detail

template class rivulet::Accumulator<rivulet::NumberSum<long>>;
template class rivulet::Accumulator<rivulet::NumberSum<double>>;
