#include "rivulet/jobs/job_future.h"

#include "rivulet/jobs/job_scope.h"
#include "rivulet/rdd/engine.h"

#include <condition_variable>
#include <mutex>

namespace rivulet::detail {

struct AsyncAction::State {
    std::weak_ptr<Engine> engine;
    int future;
    std::mutex mutex;
    std::condition_variable changed;
    bool isCompleted = false; // guarded by mutex, as the following
    std::exception_ptr error;
    std::string cancelled; // empty: it is not
};

AsyncAction::~AsyncAction() = default;

std::shared_ptr<AsyncAction> AsyncAction::start(const std::shared_ptr<Engine>& engine, std::function<void()> body) {
    engine->checkUsable();
    auto state = std::make_shared<State>();
    state->engine = engine;
    state->future = engine->nextFuture();
    engine->startThread(state->future, [state, body = std::move(body)]() mutable {
        std::exception_ptr error;
        try {
            std::string cancelled;
            {
                std::lock_guard lock(state->mutex);
                cancelled = state->cancelled;
            }
            if (!cancelled.empty()) throw CancelledError("the action was cancelled before it began " + cancelled);
            body();
        } catch (...) {
            error = std::current_exception();
        }
        body = nullptr; // its RDD may be the last one
        std::lock_guard lock(state->mutex);
        state->error = error;
        state->isCompleted = true;
        state->changed.notify_all();
    });
    return std::shared_ptr<AsyncAction>(new AsyncAction(std::move(state)));
}

void AsyncAction::wait() const {
    std::unique_lock lock(state_->mutex);
    state_->changed.wait(lock, [this] { return state_->isCompleted; });
}

bool AsyncAction::waitFor(std::chrono::nanoseconds time) const {
    std::unique_lock lock(state_->mutex);
    return state_->changed.wait_for(lock, time, [this] { return state_->isCompleted; });
}

bool AsyncAction::isCompleted() const {
    std::lock_guard lock(state_->mutex);
    return state_->isCompleted;
}

void AsyncAction::cancel(const std::string& reason) {
    const std::string why = "because its future was cancelled" + (reason.empty() ? "" : ": " + reason);
    {
        std::lock_guard lock(state_->mutex);
        if (state_->isCompleted) return;
        state_->cancelled = why;
    }
    if (const auto engine = state_->engine.lock()) engine->cancelFuture(state_->future, why);
}

void AsyncAction::finish() const {
    wait();
    if (state_->error) std::rethrow_exception(state_->error);
}

} // namespace rivulet::detail
