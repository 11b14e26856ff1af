#include "io_pool.h"

#include "rivulet/error.h"
#include "rivulet/log.h"

#include <mutex>

namespace rivulet::detail {

std::shared_ptr<IoPool> IoPool::shared(int threads) {
    static std::mutex mutex;
    static std::weak_ptr<IoPool> inUse;
    std::lock_guard lock(mutex);
    auto pool = inUse.lock();
    if (!pool) inUse = pool = std::make_shared<IoPool>(threads);
    return pool;
}

IoPool::IoPool(int threads) : context_(threads), work_(context_.get_executor()) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

void IoPool::run() noexcept {
    for (;;) {
        try {
            context_.run();
            return;
        } catch (...) { // must not take the other connections with it
            logError("an I/O handler threw: " + messageOf(std::current_exception()));
        }
    }
}

IoPool::~IoPool() {
    work_.reset();
    context_.stop();
    threads_.clear(); // joins; handlers that did not run are destroyed with the io_context
}

} // namespace rivulet::detail
