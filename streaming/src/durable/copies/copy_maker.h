#pragma once

#include "durable/copies/saved_copy.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace rivulet::detail {

/// Makes savepoints and copies of links that were taken between two batches, on a thread of its own, so that no batch
/// waits for a disk.
///
/// Threads: `add` and `isBusy` by the thread that runs the batches
class CopyMaker {
  public:
    struct Task {
        CopySource source;
        std::string path;   // of the copy; where it is there already, it is replaced if `retained` is set
        std::string folder; // where not empty, the newest `retained` in it are kept
        std::size_t retained = 0;
        bool follows = false; // one of a series: what did not change is linked from the one before
        std::function<void(std::exception_ptr)> done;
    };

    explicit CopyMaker(rocksdb::Env& env) : env_(env) {}
    /// Waits for the copies that were added.
    ~CopyMaker();
    void add(Task task);
    /// Whether one of a series is waiting or being made.
    bool isFollowing() const;

  private:
    void run(const std::stop_token& stop);
    void make(const Task& task);
    void giveUp(const Task& task) noexcept;

    rocksdb::Env& env_;
    std::string before_;           // the last one of the series
    SavedContents beforeContents_; // for its thread alone, as before_

    mutable std::mutex mutex_; // guards the following
    std::condition_variable_any changed_;
    std::deque<Task> waiting_; // as many as were asked for, each by a caller that waits or by a batch
    int following_ = 0;
    std::jthread thread_;
};

} // namespace rivulet::detail
