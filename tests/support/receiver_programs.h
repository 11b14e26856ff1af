#pragma once

#include "support/stream_harness.h"

#include <atomic>
#include <functional>
#include <map>

/// Programs with receivers of their own, for tests.
namespace rivulet::test {

/// Does what a function says.
class LambdaReceiver : public Receiver<long> {
  public:
    using Run = std::function<void(Store&, const std::stop_token&)>;
    explicit LambdaReceiver(Run run) : run_(std::move(run)) {}
    void run(Store& store, std::stop_token stop) override { run_(store, stop); }

  private:
    Run run_;
};

/// A context of its own loop whose clock stands still until it is told to go on.
struct Standing {
    explicit Standing(const Conf& conf = serialConf()) : sc(conf), ssc(sc, std::chrono::seconds(1), clock) {}

    std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>();
    Context sc;
    StreamingContext ssc;
};

inline constexpr std::int64_t kSmallBuffer = 128 << 10;
/// With a buffer that is the only limit.
inline Conf smallBuffers() {
    return serialConf()
        .set("rivulet.streaming.receiver.bufferBytes", kSmallBuffer)
        .set("rivulet.streaming.backpressure.initialRate", 0);
}

/// What receivers hold, and the most that they ever held.
inline MemoryAccount::Usage receivedMemory(const Context& context) {
    for (const auto& usage : context.memory().snapshot())
        if (usage.consumer == "received") return usage;
    return {};
}

/// Runs batches until the condition holds.
template <class Condition> bool runUntil(TestStreamingContext& ssc, const Condition& condition) {
    return eventually([&] {
        if (condition()) return true;
        ssc.advanceBatch();
        return false;
    });
}
/// Runs batches on a clock that stands still until a listener was told so much.
template <class Log> bool runUntilTold(TestStreamingContext& ssc, const Log& log, std::size_t events) {
    return eventually([&] {
        if (log.events.size() >= events) return true;
        ssc.core()->runBatch(ssc.clock().now());
        return false;
    });
}

template <class T> std::vector<T> flattened(const CollectedBatches<T>& batches) {
    std::vector<T> all;
    for (const auto& batch : batches.all()) all.insert(all.end(), batch.begin(), batch.end());
    return all;
}
template <class T> std::size_t totalSize(const CollectedBatches<T>& batches) {
    std::size_t total = 0;
    for (const auto& batch : batches.all()) total += batch.size();
    return total;
}
/// Whether these are 0, 1, 2, ... in this order.
inline bool isCountedUp(const std::vector<long>& numbers) {
    for (std::size_t i = 0; i < numbers.size(); ++i)
        if (numbers[i] != long(i)) return false;
    return true;
}

} // namespace rivulet::test
