#pragma once

#include "rivulet/stream/graph.h"

#include <mutex>

namespace rivulet::detail {

/// What the program declared: inputs, the nodes between, outputs; and which of it the outputs need.
///
/// Threads: changed before the start alone
class StreamGraph {
  public:
    void add(Output output) { outputs_.push_back(std::move(output)); }
    /// Gives it the next id.
    void add(std::shared_ptr<Input> input);
    /// At the start: finds what the outputs need, and has each node remember as long as is needed, the outputs' at
    /// least for `remembered`. Not `durable`: warns of the states that a crash loses.
    void freeze(Duration remembered, bool durable);
    /// Errors: UsageError that names an output that takes part in commits, of which there are none
    void requireNoSinks() const;
    /// Errors: UsageError that names states which are to lie in a checkpoint directory
    void requireNoPages(std::source_location where) const;
    /// Starts the inputs. Where one throws, it and those that follow are taken out: they need no stop.
    void startInputs();

    const std::vector<std::shared_ptr<Input>>& declaredInputs() const { return declaredInputs_; }
    const std::vector<Output>& outputs() const { return outputs_; }

    // Since `freeze`.
    const std::vector<std::shared_ptr<Input>>& inputs() const { return inputs_; } // those that outputs need
    const std::shared_ptr<const std::map<int, std::string>>& inputNames() const { return inputNames_; }
    const std::vector<StreamNodePtr>& nodes() const { return nodes_; }     // all that outputs need, parents first
    const std::vector<StreamNodePtr>& derived() const { return derived_; } // of those, all but the inputs
    const std::vector<KeptByBatch*>& kept() const { return kept_; }        // of those, what lasts from batch to batch
    /// Whether a version of a state may hang on what nodes remember.
    bool hasState() const;
    /// How much later than their times batches have to run.
    Duration slack() const;
    /// The slides of nodes that are longer than a batch.
    std::vector<Duration> slidesOver(Duration batch) const;
    /// Whether a graceful stop has to run another batch.
    bool hasMore() const;
    /// Records that were received, belong to no batch, and are not stored.
    long unallocated() const;

  private:
    void collectNodes();
    void collectInputs();
    void warnOfState() const;

    std::vector<std::shared_ptr<Input>> declaredInputs_, inputs_;
    std::shared_ptr<const std::map<int, std::string>> inputNames_;
    std::vector<Output> outputs_;
    std::vector<StreamNodePtr> nodes_, derived_;
    std::vector<KeptByBatch*> kept_;
};

} // namespace rivulet::detail
