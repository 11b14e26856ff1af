#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string>

namespace rivulet {

namespace detail {

class Engine;

/// An action on a thread of its own.
class AsyncAction {
  public:
    /// Begins `body` with the calling thread's job group, tags and properties.
    static std::shared_ptr<AsyncAction> start(const std::shared_ptr<Engine>& engine, std::function<void()> body);
    ~AsyncAction();

    void wait() const;
    bool waitFor(std::chrono::nanoseconds time) const;
    bool isCompleted() const;
    void cancel(const std::string& reason);
    /// Waits, and throws what the action threw.
    void finish() const;

  private:
    struct State;
    explicit AsyncAction(std::shared_ptr<State> state) : state_(std::move(state)) {}
    std::shared_ptr<State> state_;
};

} // namespace detail

/// The result to be of an action that runs on a thread of its own: what `collectAsync` and the like give.
///
/// The action goes on when the future is dropped, and ends with the context.
///
/// Threads: copies are the same action and may be used from any thread
/// Source:  Spark FutureAction
template <class R> class [[nodiscard]] JobFuture {
  public:
    JobFuture(std::shared_ptr<detail::AsyncAction> action, std::shared_ptr<const R> result)
        : action_(std::move(action)),
          result_(std::move(result)) {}

    /// Waits for the action and returns its result, as often as it is called.
    ///
    /// Errors: what the action throws; CancelledError after `cancel`
    R get() const {
        action_->finish();
        return *result_;
    }
    void wait() const { action_->wait(); }
    /// Whether the action ends within this time.
    bool waitFor(std::chrono::nanoseconds time) const { return action_->waitFor(time); }
    bool isCompleted() const { return action_->isCompleted(); }
    /// Stops the action's jobs: tasks look for it between blocks. Does nothing once it is complete.
    void cancel(const std::string& reason = "") const { action_->cancel(reason); }

  private:
    std::shared_ptr<detail::AsyncAction> action_;
    std::shared_ptr<const R> result_;
};

template <> class [[nodiscard]] JobFuture<void> {
  public:
    explicit JobFuture(std::shared_ptr<detail::AsyncAction> action) : action_(std::move(action)) {}
    void get() const { action_->finish(); }
    void wait() const { action_->wait(); }
    bool waitFor(std::chrono::nanoseconds time) const { return action_->waitFor(time); }
    bool isCompleted() const { return action_->isCompleted(); }
    void cancel(const std::string& reason = "") const { action_->cancel(reason); }

  private:
    std::shared_ptr<detail::AsyncAction> action_;
};

} // namespace rivulet
