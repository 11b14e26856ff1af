#include "io_pool.h"

#include "rivulet/error.h"
#include "rivulet/log.h"

#include <utility> // Asio needs it first

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <mutex>

namespace rivulet::detail {

struct IoPool::Impl {
    explicit Impl(int threads) : context(threads), work(context.get_executor()) {}
    boost::asio::io_context context;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
};

boost::asio::io_context& IoPool::context() { return impl_->context; }

std::shared_ptr<IoPool> IoPool::shared(int threads) {
    static std::mutex mutex;
    static std::weak_ptr<IoPool> inUse;
    std::lock_guard lock(mutex);
    auto pool = inUse.lock();
    if (!pool) inUse = pool = std::make_shared<IoPool>(threads);
    return pool;
}

IoPool::IoPool(int threads) : impl_(std::make_unique<Impl>(threads)) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

void IoPool::run() noexcept {
    for (;;) {
        try {
            impl_->context.run();
            return;
        } catch (...) { // must not take the other connections with it
            logError("an I/O handler threw: " + messageOf(std::current_exception()));
        }
    }
}

IoPool::~IoPool() {
    impl_->work.reset();
    impl_->context.stop();
    threads_.clear(); // joins; handlers that did not run are destroyed with the io_context
}

} // namespace rivulet::detail
