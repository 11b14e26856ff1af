#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

namespace rivulet::detail {

/// Runs the tasks of a stage. The one place where Rivulet's compute threads come from.
///
/// Threads: several callers may run at once; each takes part in its own tasks
class Executor {
  public:
    virtual ~Executor() = default;
    /// Calls `task(0)` ... `task(count - 1)`, the lowest not yet started first, and returns when all have returned.
    /// `task` must not throw.
    virtual void run(std::size_t count, const std::function<void(std::size_t)>& task) = 0;
    virtual int threads() const = 0;
};

/// `kind` is "tbb" (work-stealing, the default), "threads" (a plain pool, which sanitizers understand) or "serial" (on
/// the caller's thread).
std::unique_ptr<Executor> makeExecutor(std::string_view kind, int threads);

} // namespace rivulet::detail
