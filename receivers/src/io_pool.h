#pragma once

#include "rivulet/stream/core.h"

#include <memory>
#include <thread>
#include <vector>

namespace boost::asio {
class io_context;
} // namespace boost::asio

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
    boost::asio::io_context& context();

  private:
    struct Impl;
    void run() noexcept;

    const std::unique_ptr<Impl> impl_;
    std::vector<std::jthread> threads_;
};

/// Makes something that runs on the pool of a context; the pool lives as long as the pointer, which handlers must not
/// hold.
template <class Make> auto withPool(StreamCore& core, const Make& make) {
    const auto pool = IoPool::shared(int(core.context().conf().getInt("rivulet.streaming.io.threads")));
    auto made = make(*pool);
    struct Owner {
        std::shared_ptr<IoPool> pool;
        decltype(made) held;
    };
    auto* const raw = made.get();
    const auto owner = std::make_shared<Owner>(Owner{pool, std::move(made)});
    using Made = std::remove_pointer_t<decltype(raw)>;
    return std::shared_ptr<Made>(owner, raw);
}

} // namespace rivulet::detail
