#pragma once

#include <cstdint>
#include <limits>

/// Every setting that the library knows: a new key is one row here, and Conf checks, lists and completes it.
namespace rivulet::detail::conf {

enum class Type { String, MasterString, Choice, Integer, Number, Bool, Bytes, Duration };

constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = 1024 * kKiB;
constexpr std::int64_t kNoMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMaxInt = std::numeric_limits<int>::max();

struct Key {
    const char* name;
    Type type;
    const char* defaultValue; // nullptr: none
    const char* meaning;
    const char* example;
    std::int64_t min = 0; // of integers, bytes and milliseconds
    std::int64_t max = kNoMax;
    const char* choices = ""; // separated by blanks
};

// Sorted by name; the defaults obey their own rules (a test reads every one of them back).
constexpr Key kKeys[] = {
    {"rivulet.app.name", Type::String, nullptr, "the program's name in logs and listings", "totals"},
    {"rivulet.default.parallelism", Type::Integer, nullptr,
     "partitions of parallelize and of shuffles that are not told; without it, the threads of the master", "8", 1,
     kMaxInt},
    {"rivulet.executor", Type::Choice, "tbb", "what runs tasks: TBB, a plain thread pool, or the calling thread alone",
     "tbb", 0, kNoMax, "tbb threads serial"},
    {"rivulet.files.blockBytes", Type::Bytes, "256k", "how much textFile reads at a time", "256k", 4 * kKiB, 64 * kMiB},
    {"rivulet.files.maxLineBytes", Type::Bytes, "1g",
     "a line of a file that is longer (and than a block) fails its task", "16m", 1},
    {"rivulet.files.maxPartitionBytes", Type::Bytes, "128m", "the largest piece of a file that one partition reads",
     "128m", 1},
    {"rivulet.listenerBus.capacity", Type::Integer, "10000",
     "events that may wait for the listeners of jobs; further ones are dropped, with a warning", "10000", 1, kMaxInt},
    {"rivulet.log.level", Type::Choice, "WARN", "the least level that is logged", "INFO", 0, kNoMax,
     "ALL TRACE DEBUG INFO WARN ERROR FATAL CRITICAL OFF"},
    {"rivulet.master", Type::MasterString, nullptr,
     "threads, and attempts per task: local, local[N], local[*], local[N,F], local[*,F]", "local[*]"},
    {"rivulet.rdd.limit.initialNumPartitions", Type::Integer, "1", "partitions that take() tries first", "1", 1,
     kMaxInt},
    {"rivulet.rdd.limit.scaleUpFactor", Type::Integer, "4", "how many times more take() tries next", "4", 2, kMaxInt},
    {"rivulet.streaming.backpressure.enabled", Type::Bool, "true",
     "whether receivers are slowed down to what the batches can process", "false"},
    {"rivulet.streaming.backpressure.initialRate", Type::Integer, "10000",
     "records per second for each receiver's first batch; twice as many after each that keeps up, until backpressure "
     "knows better; 0: no limit but the buffer",
     "100000"},
    {"rivulet.streaming.backpressure.pid.derived", Type::Number, "0", "weight of the change of the error", "0.1"},
    {"rivulet.streaming.backpressure.pid.integral", Type::Number, "0.2", "weight of what has to be caught up with",
     "0.2"},
    {"rivulet.streaming.backpressure.pid.minRate", Type::Number, "100", "records per second that are always allowed",
     "100"},
    {"rivulet.streaming.backpressure.pid.proportional", Type::Number, "1",
     "weight of the error between the rate allowed and the rate processed", "1.0"},
    {"rivulet.streaming.blockInterval", Type::Duration, "200ms",
     "what a receiver gets in this time may be a partition of its own", "200ms", 1},
    {"rivulet.streaming.concurrentJobs", Type::Integer, "1", "outputs of a batch that run at the same time", "2", 1,
     1024},
    {"rivulet.streaming.failedBatches", Type::Choice, "stop",
     "what follows a batch that failed: the end of the streaming, another attempt, or the next batch", "retry", 0,
     kNoMax, "stop retry skip"},
    {"rivulet.streaming.fileStream.minRememberDuration", Type::Duration, "60s",
     "files older than this are not new to a file stream", "60s"},
    {"rivulet.streaming.gracefulStopTimeout", Type::Duration, nullptr,
     "how long a graceful stop waits for what was received; without it, 10 batches", "30s"},
    {"rivulet.streaming.io.threads", Type::Integer, "1", "threads that serve all sockets", "1", 1, 1024},
    {"rivulet.streaming.lateBatches", Type::Choice, "merge",
     "batches whose time passed during a long one: merged into one, all run, or skipped", "merge", 0, kNoMax,
     "merge all skip"},
    {"rivulet.streaming.maxBatchFailures", Type::Integer, "4",
     "attempts at a batch where failed ones are tried again; after the last the streaming ends", "4", 1, kMaxInt},
    {"rivulet.streaming.outbox.maxBatches", Type::Integer, "100",
     "committed batches that a sink may not have taken yet; with more, the streaming waits for it", "100", 1, kMaxInt},
    {"rivulet.streaming.outbox.maxBytes", Type::Bytes, "256m", "how many bytes these may have, of all sinks together",
     "256m", 1},
    {"rivulet.streaming.plan.sync", Type::Bool, "true",
     "whether a batch's plan is synced for foreachRDD and saveAsTextFiles; without, a power cut (not a kill) may have "
     "the batch that it interrupts run again with another input",
     "false"},
    {"rivulet.streaming.receiver.bufferBytes", Type::Bytes, "64m", "what one receiver may hold before it waits", "64m",
     1},
    {"rivulet.streaming.receiver.maxLineBytes", Type::Bytes, "16m", "a longer line from a socket is an error", "1m", 1},
    {"rivulet.streaming.receiver.maxRate", Type::Integer, "0", "records per second for each receiver; 0: no limit",
     "10000"},
    {"rivulet.streaming.receiver.writeAheadLog.enable", Type::Bool, "true",
     "whether receivers write what they get into the checkpoint directory, where there is one, before a batch has it",
     "false"},
    {"rivulet.streaming.receiverMaxRestartDelay", Type::Duration, "30s",
     "the longest pause before a receiver that fails again and again", "30s"},
    {"rivulet.streaming.receiverRestartDelay", Type::Duration, "2s",
     "the pause before a failed receiver starts again; it doubles each time, with jitter", "2s"},
    {"rivulet.streaming.receiverRestartSeed", Type::Integer, nullptr,
     "makes the jitter of those pauses the same in every run; without it, each run has its own", "42"},
    {"rivulet.streaming.savepoints.directory", Type::String, nullptr,
     "where savepoints lie that are given no path; without it, the checkpoint directory's name with .savepoints behind",
     "/backup/totals"},
    {"rivulet.streaming.savepoints.retained", Type::Integer, "10", "how many of those are kept, the newest", "10", 1,
     kMaxInt},
    {"rivulet.streaming.savepoints.signal", Type::Choice, "none", "the signal at which a savepoint is made", "USR1", 0,
     kNoMax, "none USR1 USR2"},
    {"rivulet.streaming.state.backend", Type::Choice, "memory",
     "where operators keep their states that are not told: in memory, or in the checkpoint directory", "rocksdb", 0,
     kNoMax, "memory rocksdb"},
    {"rivulet.streaming.state.cacheBytes", Type::Bytes, "64m",
     "what is kept in memory of states that lie in the checkpoint directory", "256m", 1},
    {"rivulet.streaming.stopContextByDefault", Type::Bool, "true",
     "whether a stop() of a StreamingContext that is not told otherwise stops its Context too", "false"},
    {"rivulet.streaming.stopGracefullyOnShutdown", Type::Bool, "false",
     "whether SIGTERM and SIGINT finish what was received before the program ends", "true"},
    {"rivulet.task.maxFailures", Type::Integer, nullptr,
     "attempts per task before its job fails; without it, the master decides: 1, or F in local[N,F]", "4", 1, kMaxInt},
};

} // namespace rivulet::detail::conf
