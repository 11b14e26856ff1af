#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <thread>
#include <vector>

namespace rivulet::detail {

/// The threads on which all receivers of the process read. They never compute.
///
/// Whoever owns the pool must not be owned by a handler that runs on it: it ends on a user's thread, which joins the
/// pool's.
class IoPool {
  public:
    /// The pool that is in use, or a new one of this many threads.
    static std::shared_ptr<IoPool> shared(int threads);

    explicit IoPool(int threads);
    ~IoPool();
    boost::asio::io_context& context() { return context_; }

  private:
    boost::asio::io_context context_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    std::vector<std::jthread> threads_;
};

} // namespace rivulet::detail
