#pragma once

#include "rivulet/dstream.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

/// Outputs that take part in the commit of a batch, so that each batch is there exactly once.
///
///     prepare(N)     stages what the batch gives: durable, and nobody sees it
///     commit of N    the one write of the checkpoint, which has what `prepare` returned
///     finalize(N)    makes it visible; repeated, by later processes too, until it has succeeded
///
/// A crash before the commit leaves what the next process removes; one after it leaves what the next process finalizes.
/// What the functions of the program give may differ from run to run: what was prepared is what is seen.
namespace rivulet {

/// Another process has taken over what this one writes to, so this one has to end.
class FencedError : public Error {
  public:
    using Error::Error;
};

/// What a sink is told when a process begins.
struct SinkStart {
    /// Identifies the checkpoint directory, and its copies. A sink that belongs to another must refuse.
    std::string application;
    std::string uid;
    /// Counts the processes of the checkpoint directory, from 1.
    std::uint64_t epoch = 0;
    /// The batch that was committed last, 0 before the first. A sink that has a later one must refuse: the checkpoint
    /// is an older copy.
    std::uint64_t lastBatch = 0;
    /// The last batch of which it is known that the sink has finalized it. One that has none, or an earlier one, has
    /// lost something.
    std::uint64_t finalizedBatch = 0;
    /// What was prepared and committed and may have to be finalized still, by batch; `finalize` follows for each.
    /// Anything else that is staged is of no use any more.
    std::map<std::uint64_t, std::string> prepared;
};

/// What a sink does, whatever its elements are.
///
/// Threads: one call at a time
class SinkSteps {
  public:
    virtual ~SinkSteps() = default;
    /// What it is, and what it writes: compared with what the uid was in the checkpoint.
    virtual std::string form() const = 0;
    /// Before the first batch of the process: from when it returns, an earlier process that still lives can make
    /// nothing visible, and its `finalize` throws a FencedError. Removes what is staged and not in `start.prepared`.
    ///
    /// Errors: RecoveryError where what the sink has does not fit the checkpoint
    virtual void open(const SinkStart& start) = 0;
    /// Makes visible what was prepared for a committed batch. Does nothing where it is visible already.
    ///
    /// Errors: FencedError ends the streaming; after any other the batches go on, and it is called again after one of
    ///         the next, with those that follow in their order
    virtual void finalize(std::uint64_t batch, std::string_view prepared) = 0;
    /// The batch failed or is given up: what was staged for it may go.
    virtual void abort(std::uint64_t batch) noexcept { static_cast<void>(batch); }
};

/// A place for the elements of a stream that has each batch exactly once; derive from it, and hand it to `saveToSink`.
template <class T> class TransactionalSink : public SinkSteps {
  public:
    /// Stages the elements of a batch so that they survive a power cut, and returns what `finalize` needs to find them,
    /// or the rows themselves; it is stored with the commit. Empty: there is nothing to finalize. A batch that failed
    /// is prepared again, after an `abort`.
    virtual std::string prepare(const RDD<T>& rdd, const BatchContext& batch) = 0;
};

namespace detail {

/// An output that takes part in the commit.
class SinkOutput {
  public:
    SinkOutput(const char* operation, std::string uid, std::shared_ptr<SinkSteps> steps, std::source_location where);
    const std::string& uid() const { return uid_; }
    SinkSteps& steps() const { return *steps_; }
    void setPrepared(std::string prepared) { prepared_ = std::move(prepared); }
    /// What was prepared for the batch that runs; nothing where its stream has no RDD.
    const std::string& prepared() const { return prepared_; }
    void forgetPrepared() { prepared_.clear(); }

  private:
    const std::string uid_;
    const std::shared_ptr<SinkSteps> steps_;
    std::string prepared_;
};

template <class T, class Recipe>
void addSink(const char* operation, const DStream<T, Recipe>& stream,
             std::shared_ptr<TransactionalSink<owned_t<T>>> sink, std::string uid, std::source_location where) {
    const auto root = stream.recipe().root();
    const auto core = root->core();
    core->requireOpen(operation, where);
    const auto output = std::make_shared<SinkOutput>(operation, std::move(uid), sink, where);
    core->add(Output{root, CallSite{operation, where},
                     [recipe = stream.recipe(), sink, output](const BatchContext& batch) -> std::function<void()> {
                         auto rdd = recipe(batch.time);
                         if (!rdd) return nullptr;
                         return [rdd = rdd->erased(), sink, output, batch] {
                             output->setPrepared(sink->prepare(rdd, batch));
                         };
                     },
                     false, output});
}

} // namespace detail

/// Writes every batch to a sink, exactly once: through crashes, repeated batches and failed ones. `uid` names it in the
/// checkpoint; the context needs a checkpoint directory.
///
/// Cost:   what the sink returns from `prepare` is written with the commit, and once more where it is finalized
/// Errors: UsageError where there is no sink or no uid; at the start, where there is no checkpoint directory
/// Source: Gray, The Transaction Concept, 1981; Flink TwoPhaseCommitSinkFunction
template <class T, class Recipe>
void saveToSink(const DStream<T, Recipe>& stream, std::shared_ptr<TransactionalSink<owned_t<T>>> sink, std::string uid,
                std::source_location where = std::source_location::current()) {
    detail::addSink("saveToSink", stream, std::move(sink), std::move(uid), where);
}

} // namespace rivulet
