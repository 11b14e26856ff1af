#pragma once

#include "rivulet/time.h"

#include <cstdint>
#include <string>

namespace rivulet {

/// What an output is told of the batch that it is for: `foreachRDD([](const RDD<T>& rdd, const BatchContext& batch) {
/// ... })`.
///
/// With a checkpoint directory a batch that an earlier process has begun is run again with the same id, time and input.
/// So a database that keeps the id in the transaction that has the rows, and skips a batch that it has already, has
/// each once; where it is asked only `if (batch.isReplay || batch.attempt > 0)`, nobody pays for the question.
struct BatchContext {
    Time time{};
    /// Counts batches from 1: those of all processes that have gone on from the checkpoint directory; without one,
    /// those of this process.
    std::uint64_t id = 0;
    /// An earlier process has begun this batch, and may have run its outputs.
    bool isReplay = false;
    /// How often this process has tried it before: 0, unless failed batches are repeated.
    int attempt = 0;
    /// Counts the processes that have gone on from the checkpoint directory, from 1; 0 without one.
    std::uint64_t epoch = 0;
    /// Identifies the checkpoint directory, and its copies; empty without one.
    std::string application;
};

} // namespace rivulet
