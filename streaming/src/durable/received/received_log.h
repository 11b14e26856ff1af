#pragma once

#include "durable/checkpoint_store.h"
#include "rivulet/input/received.h"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace rivulet::detail {

/// Writes what receivers get into a checkpoint directory, before a batch may have it: what has gathered of all of them
/// while the last sync went on is one write with one sync.
///
/// Holds no blocks but those that it is writing: the others wait in their `ReceivedBlocks`, which is bounded.
///
/// Threads: one of its own writes; all else is for the one that starts the context, then for the one that runs the
/// batches
class ReceivedLog {
  public:
    explicit ReceivedLog(CheckpointStore& store) : store_(store) {}
    /// Ends; what is not written stays so.
    ~ReceivedLog();
    ReceivedLog(const ReceivedLog&) = delete;
    ReceivedLog& operator=(const ReceivedLog&) = delete;

    /// Gives a receiver what was written after `position` and is in no batch that was finished, and has it write ahead
    /// unless it is told not to. `planned` is the position after a batch that was begun, or empty.
    void add(std::uint32_t number, ReceivedInput& input, std::string_view position, std::string_view planned);
    /// Begins to write.
    void begin();
    /// Waits until all that was received is written, or cannot be.
    void flush();
    /// Nothing more is written: a write has failed.
    bool failed() const;
    /// Throws why it has failed.
    void requireWorking() const;

    /// Adds to the commit of a batch that the blocks between the positions are used.
    static void eraseUsed(Changes& changes, std::uint32_t number, std::string_view before, std::string_view after);
    /// Adds that all is to go that was stored of a receiver.
    static void eraseAll(Changes& changes, std::uint32_t number);

  private:
    struct Source {
        std::uint32_t number;
        ReceivedInput* input;
        std::shared_ptr<ReceivedBlocks> blocks;
    };
    struct Gathered {
        const Source* source;
        std::vector<ReceivedBlock> blocks;
    };

    void wake();
    void run() noexcept;
    std::vector<Gathered> gather();
    void write(const std::vector<Gathered>& group);
    void fail(std::exception_ptr error) noexcept;

    CheckpointStore& store_;
    std::vector<Source> sources_; // those that write ahead; fixed once it has begun
    std::size_t turn_ = 0;        // who is asked first

    mutable std::mutex mutex_; // guards the following up to the next empty line
    std::condition_variable changed_;
    bool awake_ = false, writing_ = false, stopping_ = false;
    std::exception_ptr failure_;

    std::thread thread_;
};

} // namespace rivulet::detail
