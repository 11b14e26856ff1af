#pragma once

#include "batches/stream_graph.h"
#include "durable/batch_plan.h"
#include "durable/checkpoint_store.h"
#include "durable/copies/copy_maker.h"
#include "durable/operator_table.h"
#include "rivulet/stream/durable/durable_state.h"

namespace rivulet::detail {

/// What a StreamingContext has to do with its checkpoint directory: binds operators and sources to what is stored of
/// them, has them go on from there, and commits each batch.
///
/// A batch: `begun` when its input is fixed (synced, so that its outputs are those of this input whoever runs it),
/// `commit` when all of it has succeeded, before anything of it comes into force.
///
/// Threads: the one that starts the context, then the one that runs the batches
class Durability {
  public:
    /// Opens the directory and compares it with the graph, which is frozen. Changes nothing where that throws.
    ///
    /// Errors: UsageError where names are missing; RecoveryError where the directory does not fit
    Durability(const std::string& directory, const CheckpointOptions& options, const std::string& application,
               const StreamGraph& graph, Duration batchDuration);

    /// Whether another process has committed or begun a batch.
    bool goesOn() const { return store_.last().id > 0 || planned_; }
    /// Where it does not, batch times are counted from here.
    void beginAt(Time zero);
    /// From which batch times are counted, and the last batch that is over.
    Time zeroTime() const { return zero_; }
    Time lastTime() const { return last_; }
    /// A batch that an earlier process has begun and not finished, which is to be run first.
    std::optional<Time> planned() const { return planned_ ? std::optional(planned_->time) : std::nullopt; }

    /// Counts the process, and puts the states where they were.
    void recoverStates();
    /// The sources' positions; they have started.
    void restorePositions();

    /// Fixes what belongs to a batch, and gives the number of its records for an input.
    long allocate(Input& input, Time time) const;
    /// All inputs have allocated what belongs to this batch.
    void begun(Time time);
    void commit(Time time);
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
    void setFullDisk(FullDisk fullDisk) { store_.setFullDisk(std::move(fullDisk)); }
    /// A write has failed: nothing more can be committed, so no more batches are to be run.
    bool failed() const { return store_.failed(); }

  private:
    struct Bound {
        std::uint32_t number = 0; // in the table
        std::string uid;
        Input* input = nullptr; // one of the two
        DurableState* state = nullptr;
        std::string position, pace; // as they are stored
    };
    class Writer;
    class Reader;

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
    Changes prepared_;                                         // by what was compared, for the beginning of the epoch
    std::map<std::string, std::string, std::less<>> migrated_; // pieces that are in prepared_, until they are stored
    std::optional<BatchPlan> planned_;
    Time zero_{}, last_{};

    long links_ = 0;
    long sinceCopy_;                       // batches
    std::unique_ptr<CopyMaker> copyMaker_; // after the store, whose links it copies
};

} // namespace rivulet::detail
