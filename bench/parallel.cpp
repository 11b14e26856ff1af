#include "parallel.h"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace bench {
namespace {

class Team {
  public:
    void run(int count, const std::function<void(int)>& work) {
        while (static_cast<int>(threads_.size()) < count - 1)
            threads_.emplace_back([this, index = static_cast<int>(threads_.size()) + 1,
                                   round = round_](std::stop_token stop) { serve(stop, index, round); });
        {
            std::lock_guard lock(mutex_);
            work_ = &work;
            count_ = count;
            running_ = count - 1;
            ++round_;
        }
        begun_.notify_all();
        work(0);
        std::unique_lock lock(mutex_);
        finished_.wait(lock, [this] { return running_ == 0; });
    }

  private:
    void serve(const std::stop_token& stop, int index, unsigned seen) {
        std::unique_lock lock(mutex_);
        while (begun_.wait(lock, stop, [&] { return round_ != seen; })) {
            seen = round_;
            if (index >= count_) continue;
            const auto& work = *work_;
            lock.unlock();
            work(index);
            lock.lock();
            if (--running_ == 0) finished_.notify_one();
        }
    }

    std::mutex mutex_; // guards the following up to the next empty line
    const std::function<void(int)>* work_ = nullptr;
    int count_ = 0;
    int running_ = 0;
    unsigned round_ = 0; // changed by the caller of `run` alone

    std::condition_variable_any begun_;
    std::condition_variable finished_;
    std::vector<std::jthread> threads_;
};

} // namespace

void parallel(int count, const std::function<void(int)>& work) {
    static Team team;
    team.run(count, work);
}

} // namespace bench
