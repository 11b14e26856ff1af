#include "rivulet/memory_account.h"

#include "rivulet/error.h"

#include <utility>

namespace rivulet {

struct MemoryAccount::Consumer {
    std::string name;
    Counter counter;
};

void MemoryAccount::Counter::add(std::int64_t deltaBytes) noexcept {
    const std::int64_t now = bytes.fetch_add(deltaBytes, std::memory_order_relaxed) + deltaBytes;
    std::int64_t peak = peakBytes.load(std::memory_order_relaxed);
    while (now > peak && !peakBytes.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {}
}

MemoryAccount::MemoryAccount() : consumers_(std::make_unique<std::unique_ptr<Consumer>[]>(kMaxConsumers)) {}

MemoryAccount::~MemoryAccount() = default;

MemoryAccount::ConsumerId MemoryAccount::consumer(std::string_view name) {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < consumerCount_; ++i) {
        if (consumers_[i]->name == name) return ConsumerId(i);
    }
    // The last place is for all that come too late: their sum and the total stay right.
    if (consumerCount_ == kMaxConsumers) return ConsumerId(kMaxConsumers - 1);
    const bool isLast = consumerCount_ == kMaxConsumers - 1;
    consumers_[consumerCount_] = std::make_unique<Consumer>();
    consumers_[consumerCount_]->name = isLast ? "others" : std::string(name);
    return ConsumerId(consumerCount_++);
}

void MemoryAccount::add(ConsumerId consumer, std::int64_t deltaBytes) noexcept {
    consumers_[consumer.index_]->counter.add(deltaBytes);
    total_.add(deltaBytes);
}

void MemoryAccount::add(std::string_view name, std::int64_t deltaBytes) { add(consumer(name), deltaBytes); }

std::vector<MemoryAccount::Usage> MemoryAccount::snapshot() const {
    const std::lock_guard lock(mutex_);
    std::vector<Usage> usages;
    for (std::size_t i = 0; i < consumerCount_; ++i) {
        const Counter& counter = consumers_[i]->counter;
        usages.push_back({consumers_[i]->name, counter.bytes.load(std::memory_order_relaxed),
                          counter.peakBytes.load(std::memory_order_relaxed)});
    }
    return usages;
}

MemoryReservation::MemoryReservation(std::shared_ptr<MemoryAccount> account, MemoryAccount::ConsumerId consumer,
                                     std::int64_t bytes)
    : account_(std::move(account)),
      consumer_(consumer) {
    resize(bytes);
}

MemoryReservation::MemoryReservation(MemoryReservation&& other) noexcept
    : account_(std::move(other.account_)),
      consumer_(std::exchange(other.consumer_, std::nullopt)),
      bytes_(std::exchange(other.bytes_, 0)) {}

MemoryReservation& MemoryReservation::operator=(MemoryReservation&& other) noexcept {
    if (this != &other) {
        release();
        account_ = std::move(other.account_);
        consumer_ = std::exchange(other.consumer_, std::nullopt);
        bytes_ = std::exchange(other.bytes_, 0);
    }
    return *this;
}

MemoryReservation::~MemoryReservation() { release(); }

void MemoryReservation::resize(std::int64_t bytes) {
    if (bytes < 0)
        throw UsageError("a memory reservation of " + std::to_string(bytes) + " bytes: the size must be 0 or more");
    if (!account_ && bytes != 0)
        throw UsageError("a memory reservation without an account cannot hold " + std::to_string(bytes) +
                         " bytes; construct it with an account and a consumer");
    if (account_ && bytes != bytes_) account_->add(*consumer_, bytes - bytes_);
    bytes_ = bytes;
}

void MemoryReservation::release() noexcept {
    if (account_ && bytes_ != 0) account_->add(*consumer_, -bytes_);
    bytes_ = 0;
}

} // namespace rivulet
