#pragma once

#include "durable/checkpoint_store.h"
#include "rivulet/sinks/sink.h"

#include <deque>

namespace rivulet::detail {

/// What was committed for sinks and is not known to be visible: stored with each batch, and erased with the first
/// commit after it was finalized.
///
/// Threads: the one that runs the batches
class Outbox {
  public:
    struct Limits {
        std::size_t batches = 100, bytes = 256 << 20;
    };
    void setLimits(const Limits& limits) { limits_ = limits; }
    void add(std::uint32_t number, SinkOutput& output) { sinks_.push_back({number, &output}); }

    /// Erases what is stored for a sink that is no more.
    static void forget(Changes& changes, const CheckpointStore& store, std::uint32_t number);
    /// Opens the sinks, and finalizes what an earlier process has left. The epoch has begun.
    void recover(const CheckpointStore& store);
    /// Adds to a commit what was prepared for the batch, and takes away what is finalized. In force by `committed`.
    void save(Changes& changes, std::uint64_t batch);
    void committed();
    /// What was prepared for the batch is of no use.
    void abort(std::uint64_t batch) noexcept;
    /// Finalizes what can be. What a sink does not take stays, and everything after it of the same sink; a sink that
    /// fails again and again is asked less often, unless it has to be.
    ///
    /// Errors: FencedError
    void deliver(bool ask = false);

    /// Whether so much waits that no batch is to follow before some of it was taken.
    bool isFull() const;
    /// Which sinks do not take what is committed for them, and why; empty where all do.
    std::string waiting() const;

  private:
    struct Entry {
        std::uint64_t batch;
        std::string prepared;
    };
    struct Bound {
        std::uint32_t number;
        SinkOutput* output;
        std::deque<Entry> entries = {};           // committed and not finalized, in the order of their batches
        std::vector<std::uint64_t> finished = {}; // finalized and still stored
        std::string saving = {};                  // of the batch that is being committed
        std::string failure = {};                 // why the first entry was not taken
        int failures = 0, pause = 0;              // in a row; deliveries that pass before the next attempt
    };
    void finalizeFirst(Bound& sink);

    Limits limits_;
    std::vector<Bound> sinks_;
    std::uint64_t saving_ = 0; // the batch
};

} // namespace rivulet::detail
