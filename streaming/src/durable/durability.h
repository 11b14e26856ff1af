#pragma once

#include "batches/stream_graph.h"
#include "durable/batch_plan.h"
#include "durable/checkpoint_store.h"
#include "durable/copies/copy_maker.h"
#include "durable/operator_table.h"
#include "durable/received/received_log.h"
#include "rivulet/stream/durable/durable_state.h"
#include "sinks/outbox.h"

namespace rivulet::detail {

/// What a StreamingContext has to do with its checkpoint directory: binds operators and sources to what is stored of
/// them, has them go on from there, and commits each batch.
///
/// A batch: `begun` when its input is fixed, so that its outputs are those of this input whoever runs it (synced where
/// an output relies on that), `commit` when all of it has succeeded, before anything of it comes into force.
///
/// Threads: the one that starts the context, then the one that runs the batches
class Durability {
  public:
    /// Opens the directory and compares it with the graph, which is frozen. Changes nothing where that throws.
    ///
    /// `syncPlans`: for the outputs that need it. Without, the batch that a power cut interrupts may be another one
    /// when it is run again.
    ///
    /// Errors: UsageError where names are missing; RecoveryError where the directory does not fit
    Durability(const std::string& directory, const CheckpointOptions& options, const std::string& application,
               const StreamGraph& graph, Duration batchDuration, bool syncPlans = true);

    /// Whether another process has committed or begun a batch.
    bool goesOn() const { return store_.last().id > 0 || planned_; }
    /// Where it does not, batch times are counted from here.
    void beginAt(Time zero);
    /// From which batch times are counted, and the last batch that is over.
    Time zeroTime() const { return zero_; }
    Time lastTime() const { return last_; }
    /// What outputs are told of a batch, but for the number of its attempt.
    BatchContext contextOf(Time time) const;
    /// A batch that an earlier process has begun and not finished, which is to be run first.
    std::optional<Time> planned() const { return planned_ ? std::optional(planned_->time) : std::nullopt; }

    /// Counts the process, puts the states where they were, gives receivers what they had.
    /// States in pages keep so many bytes in memory.
    void recoverStates(std::size_t cacheBytes);
    /// Opens the sinks, and has them finalize what was committed.
    void recoverSinks() { outbox_.recover(store_); }
    /// What was committed for sinks and is not visible.
    Outbox& outbox() { return outbox_; }
    /// The sources' positions; they have started.
    void restorePositions();

    /// Fixes what belongs to a batch, and gives the number of its records for an input.
    long allocate(Input& input, Time time) const;
    /// All inputs have allocated what belongs to this batch.
    void begun(Time time);
    void commit(Time time);
    /// An attempt at the next batch has failed. What sinks have staged for it stays where the commit itself has failed:
    /// it may be there, and then the next process needs what it names.
    void undo() noexcept {
        if (!failed()) outbox_.abort(store_.last().id + 1);
    }
    /// The batch has failed and is skipped: its input is not to come again.
    void commitSkipped(Time time);
    /// Begins a savepoint of now, between two batches. `done(path, failure)` is called when it is complete, or has
    /// failed, maybe by another thread.
    struct Savepoint {
        std::string path; // empty: it gets a name in `folder`, of which the newest `retained` are kept
        std::string folder;
        std::size_t retained = 0;
        std::function<void(const std::string& path, std::exception_ptr failure)> done;
    };
    void beginSavepoint(Savepoint savepoint);
    /// From now on a full disk is waited for, and what is received is written ahead.
    void beginToWrite(FullDisk fullDisk) {
        store_.setFullDisk(std::move(fullDisk));
        log_.begin();
    }
    /// A write has failed: nothing more can be committed, so no more batches are to be run.
    bool failed() const { return store_.failed() || log_.failed(); }
    /// The receivers have stopped: what they had is written when this returns.
    void flushReceived() { log_.flush(); }

  private:
    struct Bound {
        std::uint32_t number = 0; // in the table
        std::string uid = {};
        Input* input = nullptr; // one of these three
        DurableState* state = nullptr;
        SinkOutput* sink = nullptr;
        ReceivedInput* received = nullptr;    // the input, where it is of a receiver
        std::string position = {}, pace = {}; // as they are stored
    };
    class Writer;
    class Reader;
    class Pages;

    void bind(const StreamGraph& graph);
    void compare(const CheckpointOptions& options);
    void migrate(const std::vector<Migrated>& migrated);
    void commit(Time time, bool withStates);
    CopySource linkNow();
    void copyIfDue();

    const Duration batchDuration_;
    const std::string copyTo_;
    const long copyEvery_;
    const int copies_;
    std::vector<Bound> bound_;
    std::vector<OperatorRow> program_; // in the order of bound_
    CheckpointStore store_;
    ReceivedLog log_{store_};
    Changes prepared_;                                         // by what was compared, for the beginning of the epoch
    std::map<std::string, std::string, std::less<>> migrated_; // pieces that are in prepared_, until they are stored
    std::optional<BatchPlan> planned_;
    Time zero_{}, last_{};
    Outbox outbox_;
    bool syncsPlans_ = false;

    long links_ = 0;
    long sinceCopy_;                       // batches
    std::unique_ptr<CopyMaker> copyMaker_; // after the store, whose links it copies
};

} // namespace rivulet::detail
