#include "jobs/executor.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#if RIVULET_WITH_TBB
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#endif

namespace rivulet::detail {
namespace {

class SerialExecutor final : public Executor {
  public:
    void run(std::size_t count, const std::function<void(std::size_t)>& task) override {
        for (std::size_t i = 0; i < count; ++i) task(i);
    }
    int threads() const override { return 1; }
};

class ThreadPool final : public Executor {
  public:
    explicit ThreadPool(int threads) : threads_(threads) {
        for (int i = 1; i < threads; ++i) workers_.emplace_back([this](std::stop_token stop) { work(stop); });
    }
    ~ThreadPool() override {
        for (auto& worker : workers_) worker.request_stop();
        arrived_.notify_all();
    }

    void run(std::size_t count, const std::function<void(std::size_t)>& task) override {
        Batch batch{count, task};
        if (count > 1 && !workers_.empty()) {
            std::lock_guard lock(mutex_);
            batches_.push_back(&batch);
        }
        arrived_.notify_all();
        drain(batch);
        std::unique_lock lock(mutex_);
        std::erase(batches_, &batch);
        finished_.wait(lock, [&] { return batch.helpers == 0; });
    }
    int threads() const override { return threads_; }

  private:
    struct Batch {
        std::size_t count;
        const std::function<void(std::size_t)>& task;
        std::atomic<std::size_t> next = 0;
        int helpers = 0; // guarded by mutex_
    };

    static void drain(Batch& batch) {
        for (std::size_t i; (i = batch.next.fetch_add(1)) < batch.count;) batch.task(i);
    }
    void work(const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        while (arrived_.wait(lock, stop, [this] { return !batches_.empty(); })) {
            Batch& batch = *batches_.front();
            if (batch.next.load() >= batch.count) {
                std::erase(batches_, &batch);
                continue;
            }
            ++batch.helpers;
            lock.unlock();
            drain(batch);
            lock.lock();
            if (--batch.helpers == 0) finished_.notify_all();
        }
    }

    const int threads_;
    std::mutex mutex_;
    std::condition_variable_any arrived_;
    std::condition_variable finished_;
    std::deque<Batch*> batches_; // guarded by mutex_
    std::vector<std::jthread> workers_;
};

#if RIVULET_WITH_TBB
class TbbExecutor final : public Executor {
  public:
    explicit TbbExecutor(int threads) : threads_(threads), arena_(threads) {}
    void run(std::size_t count, const std::function<void(std::size_t)>& task) override {
        if (count <= 1 || threads_ == 1) {
            for (std::size_t i = 0; i < count; ++i) task(i);
            return;
        }
        arena_.execute([&] {
            std::atomic<std::size_t> next = 0;
            const auto work = [&] {
                // Isolated: a user function that uses TBB itself must not be given another of our tasks while it waits.
                oneapi::tbb::this_task_arena::isolate([&] {
                    for (std::size_t i; (i = next.fetch_add(1)) < count;) task(i);
                });
            };
            oneapi::tbb::task_group group;
            for (std::size_t i = 1; i < std::min(count, std::size_t(threads_)); ++i) group.run(work);
            work();
            group.wait();
        });
    }
    int threads() const override { return threads_; }

  private:
    const int threads_;
    oneapi::tbb::task_arena arena_;
};
#endif

} // namespace

std::unique_ptr<Executor> makeExecutor(std::string_view kind, int threads) {
    if (kind == "serial") return std::make_unique<SerialExecutor>();
#if RIVULET_WITH_TBB
    if (kind == "tbb") return std::make_unique<TbbExecutor>(threads);
#endif
    return std::make_unique<ThreadPool>(threads);
}

} // namespace rivulet::detail
