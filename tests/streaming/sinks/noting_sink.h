#pragma once

#include "support/stream_harness.h"
#include "support/temporary_directory.h"

namespace rivulet::test {

/// What outlives the processes that write to it: batches that are visible, and what was done, as text.
struct Place {
    std::map<std::uint64_t, std::string> visible;
    std::string steps; // since it was last asked for
    std::function<void(std::uint64_t)> atPrepare, atFinalize;
    std::string form = "notes";

    std::string taken() { return std::exchange(steps, {}); }
};

/// Notes all that is asked of it. What it prepares says which process has prepared it.
class NotingSink final : public TransactionalSink<int> {
  public:
    explicit NotingSink(Place& place) : place_(place) {}
    std::string form() const override { return place_.form; }
    void open(const SinkStart& start) override {
        epoch_ = start.epoch;
        place_.steps += "open " + start.uid + " epoch " + std::to_string(start.epoch) + " last " +
                        std::to_string(start.lastBatch) + " finalized " + std::to_string(start.finalizedBatch);
        for (const auto& [batch, prepared] : start.prepared)
            place_.steps += " " + std::to_string(batch) + "=" + prepared;
        place_.steps += "\n";
    }
    std::string prepare(const RDD<int>& rdd, const BatchContext& batch) override {
        place_.steps += "prepare " + std::to_string(batch.id) + "\n";
        if (place_.atPrepare) place_.atPrepare(batch.id);
        std::string text;
        for (const int x : rdd.collect()) text += std::to_string(x) + "@" + std::to_string(epoch_) + ",";
        return text;
    }
    void finalize(std::uint64_t batch, std::string_view prepared) override {
        place_.steps += "finalize " + std::to_string(batch) + "\n";
        if (place_.atFinalize) place_.atFinalize(batch);
        place_.visible[batch] = prepared;
    }
    void abort(std::uint64_t batch) noexcept override { place_.steps += "abort " + std::to_string(batch) + "\n"; }

  private:
    Place& place_;
    std::uint64_t epoch_ = 0;
};

} // namespace rivulet::test
