#include "sinks/outbox.h"

#include "rivulet/log.h"
#include "rivulet/serialization/stored.h"

#include <algorithm>

namespace rivulet::detail {
namespace {

constexpr int kLongestPause = 64;

std::string entryKey(std::uint32_t number, std::uint64_t batch) { return keyOf(number, 0, batch, 0); }
std::string finalizedKey(std::uint32_t number) { return "finalized" + keyOf(number); }

std::uint64_t batchAt(std::string_view key) {
    std::uint64_t batch = 0;
    for (const char byte : key.substr(8, 8)) batch = batch << 8 | std::uint8_t(byte);
    return batch;
}
std::string writtenBatch(std::uint64_t batch) {
    ByteWriter out;
    out(batch);
    return std::move(out).text();
}
std::uint64_t readBatch(std::string_view payload) {
    std::uint64_t batch = 0;
    ByteReader in(payload);
    in(batch);
    in.finish();
    return batch;
}

} // namespace

SinkOutput::SinkOutput(const char* operation, std::string uid, std::shared_ptr<SinkSteps> steps,
                       std::source_location where)
    : uid_(std::move(uid)),
      steps_(std::move(steps)) {
    if (!steps_) throw UsageError(std::string(operation) + ": the sink is null; give it one", where);
    if (uid_.empty())
        throw UsageError(std::string(operation) +
                             ": the sink has no uid; give it one, by which a later process finds what was committed "
                             "for it",
                         where);
}

void Outbox::forget(Changes& changes, const CheckpointStore& store, std::uint32_t number) {
    for (auto& key : store.keys(Family::outbox, keyOf(number))) changes.erase(Family::outbox, std::move(key));
    changes.erase(Family::meta, finalizedKey(number));
}

void Outbox::recover(const CheckpointStore& store) {
    for (Bound& sink : sinks_) {
        SinkStart start{store.uuid(), sink.output->uid(), store.epoch(), store.last().id, 0, {}};
        if (const auto finalized = store.read(Family::meta, finalizedKey(sink.number), Stored::finalized))
            start.finalizedBatch = readBatch(*finalized);
        store.each(Family::outbox, keyOf(sink.number), Stored::prepared,
                   [&](std::string_view key, std::string_view prepared) {
                       start.prepared.emplace(batchAt(key), std::string(prepared));
                   });
        sink.output->steps().open(start);
        for (auto& [batch, prepared] : start.prepared) sink.entries.push_back({batch, std::move(prepared)});
    }
    for (Bound& sink : sinks_) try {
            while (!sink.entries.empty()) finalizeFirst(sink);
        } catch (...) { // is a reason not to start
            sink.failure = messageOf(std::current_exception());
            throw;
        }
}

void Outbox::finalizeFirst(Bound& sink) {
    const Entry& entry = sink.entries.front();
    sink.output->steps().finalize(entry.batch, entry.prepared);
    sink.finished.push_back(entry.batch);
    sink.entries.pop_front();
    sink.failures = sink.pause = 0;
    sink.failure.clear();
}

void Outbox::save(Changes& changes, std::uint64_t batch) {
    saving_ = batch;
    for (Bound& sink : sinks_) {
        sink.saving = sink.output->prepared();
        if (!sink.saving.empty())
            changes.put(Family::outbox, entryKey(sink.number, batch), Stored::prepared, sink.saving);
        if (sink.finished.empty()) continue;
        for (const std::uint64_t finished : sink.finished)
            changes.erase(Family::outbox, entryKey(sink.number, finished));
        changes.put(Family::meta, finalizedKey(sink.number), Stored::finalized, writtenBatch(sink.finished.back()));
    }
}

void Outbox::committed() {
    for (Bound& sink : sinks_) {
        sink.finished.clear();
        sink.output->forgetPrepared();
        if (!sink.saving.empty()) sink.entries.push_back({saving_, std::move(sink.saving)});
        sink.saving.clear();
    }
}

void Outbox::abort(std::uint64_t batch) noexcept {
    for (Bound& sink : sinks_) {
        sink.output->forgetPrepared();
        sink.output->steps().abort(batch);
    }
}

void Outbox::deliver(bool ask) {
    for (Bound& sink : sinks_) {
        if (!ask && sink.pause > 0 && --sink.pause > 0) continue;
        try {
            while (!sink.entries.empty()) finalizeFirst(sink);
        } catch (const FencedError& error) {
            sink.failure = error.what();
            throw;
        } catch (...) {
            sink.failure = messageOf(std::current_exception());
            sink.pause = std::min(1 << std::min(sink.failures++, 16), kLongestPause);
            logWarn("sink '" + sink.output->uid() + "': batch " + std::to_string(sink.entries.front().batch) +
                    " is committed and could not be made visible yet, which is tried again (batches that wait: " +
                    std::to_string(sink.entries.size()) + "): " + sink.failure);
        }
    }
}

bool Outbox::isFull() const {
    std::size_t batches = 0, bytes = 0;
    for (const Bound& sink : sinks_) {
        batches = std::max(batches, sink.entries.size());
        for (const Entry& entry : sink.entries) bytes += entry.prepared.size();
    }
    return batches >= limits_.batches || (batches > 0 && bytes >= limits_.bytes);
}

std::string Outbox::waiting() const {
    std::string text;
    for (const Bound& sink : sinks_)
        if (!sink.entries.empty())
            text += (text.empty() ? "" : "; ") + std::string("batches that wait for sink '") + sink.output->uid() +
                    "': " + std::to_string(sink.entries.size()) + ", because " + sink.failure;
    return text;
}

} // namespace rivulet::detail
