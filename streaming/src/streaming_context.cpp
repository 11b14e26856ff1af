#include "rivulet/streaming_context.h"

#include "rivulet/testing.h"
#include "signal_stop.h"

#include <algorithm>
#include <filesystem>

namespace rivulet {
namespace {

Duration positive(Duration batchDuration, std::source_location where) {
    if (batchDuration <= Duration::zero())
        throw UsageError("StreamingContext: the batch duration (" + detail::durationText(batchDuration) +
                             ") must be positive, for example 1s",
                         where);
    return batchDuration;
}

} // namespace

StreamingContext::StreamingContext(const Context& context, Duration batchDuration, Where where)
    : StreamingContext(context, batchDuration, std::make_shared<SystemClock>(), where) {}

StreamingContext::StreamingContext(const Conf& conf, Duration batchDuration, Where where)
    : StreamingContext(Context(conf, where), batchDuration, where) {}

StreamingContext::StreamingContext(const Context& context, Duration batchDuration, std::shared_ptr<Clock> clock,
                                   Where where)
    : handle_(
          new Handle{std::make_shared<detail::StreamCore>(context, positive(batchDuration, where), std::move(clock))}) {
    core()->setOwner(handle_);
}

std::optional<StreamingContext> StreamingContext::getActive() {
    const auto core = detail::StreamCore::active();
    if (!core) return std::nullopt;
    auto handle = std::static_pointer_cast<const Handle>(core->owner());
    if (!handle) return std::nullopt; // the last one has just gone
    return StreamingContext(std::move(handle));
}

void StreamingContext::requireDirectory(const StreamingContext& ssc, const std::string& directory, Where where) {
    const auto normal = [](const std::string& path) {
        auto absolute = std::filesystem::absolute(path).lexically_normal();
        return absolute.has_filename() ? absolute : absolute.parent_path(); // without a slash at the end
    };
    const std::string& set = ssc.core()->checkpointDirectory();
    if (set.empty())
        throw UsageError("getOrCreate: the function has set no checkpoint directory; call ssc.checkpoint(\"" +
                             directory + "\") in it",
                         where);
    if (normal(set) != normal(directory))
        throw UsageError("getOrCreate: the directory is '" + directory + "', and the function has set '" + set +
                             "'; give both the same",
                         where);
}

DStream<std::pair<long, double>> StreamingContext::rateStream(long recordsPerSecond, std::uint64_t seed,
                                                              Where where) const {
    return rateStream(recordsPerSecond, detail::SeededValue{seed}, where);
}

StreamingContextState StreamingContext::getState() const { return StreamingContextState(core()->state()); }

void StreamingContext::stop() const { stop(context().conf().getBool("rivulet.streaming.stopContextByDefault"), false); }

void StreamingContext::stopOnSignal(bool gracefully) const { detail::stopOnSignal(core(), gracefully); }

// ---- for tests

namespace {

Conf testConf(std::string_view master) {
    Conf conf(master, "test");
    if (master == "local") conf.set("rivulet.executor", "serial");
    return conf;
}

/// Backpressure goes by how long batches really take, which would make a test depend on the machine.
Conf withoutBackpressure(Conf conf) { return conf.setIfMissing("rivulet.streaming.backpressure.enabled", "false"); }

} // namespace

TestStreamingContext::TestStreamingContext(Duration batchDuration, std::string_view master)
    : TestStreamingContext(testConf(master), batchDuration) {}

TestStreamingContext::TestStreamingContext(const Conf& conf, Duration batchDuration)
    : TestStreamingContext(Context(withoutBackpressure(conf)), batchDuration, std::make_shared<ManualClock>()) {}

TestStreamingContext::TestStreamingContext(const Context& context, Duration batchDuration,
                                           std::shared_ptr<ManualClock> clock)
    : StreamingContext(context, batchDuration, clock),
      clock_(std::move(clock)) {}

void TestStreamingContext::advanceBatch(int count, Where where) {
    if (getState() == StreamingContextState::INITIALIZED) {
        core()->start(false, where);
        // One that goes on from a checkpoint: the clock is where it was when the last batch ran.
        if (const Time last = core()->lastBatchTime(); last > clock_->now())
            clock_->advance(last + core()->slack() - clock_->now());
    }
    for (int i = 0; i < count; ++i) {
        if (getState() == StreamingContextState::STOPPED)
            throw UsageError("advanceBatch: this StreamingContext was stopped", where);
        clock_->advance(batchDuration());
        core()->runBatchIfDue();
        core()->stopIfRequested();
    }
}

} // namespace rivulet
