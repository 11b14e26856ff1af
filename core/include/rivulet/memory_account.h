#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rivulet {

/// Who holds how many bytes: the one place that shuffles, caches and receivers report their memory to.
///
/// It counts and does not limit. Limits belong here when spilling and eviction come: a consumer will then ask before it
/// grows, and the account will answer with what it may have.
///
/// Cost:    a change is two atomic additions (and two maxima that rarely write); a consumer's first registration takes
/// a lock Threads: any
class MemoryAccount {
  public:
    /// Names a consumer; valid as long as its account.
    class ConsumerId {
      public:
        friend bool operator==(ConsumerId, ConsumerId) = default;

      private:
        friend class MemoryAccount;
        explicit ConsumerId(std::size_t index) : index_(index) {}
        std::size_t index_;
    };

    struct Usage {
        std::string consumer;
        std::int64_t bytes = 0;
        std::int64_t peakBytes = 0;
    };

    MemoryAccount();
    ~MemoryAccount();
    MemoryAccount(const MemoryAccount&) = delete;
    MemoryAccount& operator=(const MemoryAccount&) = delete;

    /// Registers `name` at its first use and returns the same id ever after.
    ConsumerId consumer(std::string_view name);
    /// Adds `deltaBytes`, which is negative for memory given back.
    void add(ConsumerId consumer, std::int64_t deltaBytes) noexcept;
    /// The same by name, for those that report seldom: looks the name up under a lock.
    void add(std::string_view consumer, std::int64_t deltaBytes);

    std::int64_t totalBytes() const noexcept { return total_.bytes.load(std::memory_order_relaxed); }
    std::int64_t peakTotalBytes() const noexcept { return total_.peakBytes.load(std::memory_order_relaxed); }
    /// Every consumer in the order of registration. Each row is exact; the rows are not of the same instant.
    std::vector<Usage> snapshot() const;

  private:
    // Two consumers that report from two threads must not share a cache line.
    struct alignas(64) Counter {
        std::atomic<std::int64_t> bytes = 0;
        std::atomic<std::int64_t> peakBytes = 0;

        void add(std::int64_t deltaBytes) noexcept;
    };
    struct Consumer;
    static constexpr std::size_t kMaxConsumers = 256;

    Counter total_;
    // Entries below consumerCount_ never move or change, so `add` reads them without the lock.
    const std::unique_ptr<std::unique_ptr<Consumer>[]> consumers_;

    mutable std::mutex mutex_;
    std::size_t consumerCount_ = 0; // guarded by mutex_
};

/// Bytes held by one owner, given back when it is destroyed.
///
/// Threads: one at a time; the account behind it is shared
class MemoryReservation {
  public:
    /// Holds nothing.
    MemoryReservation() = default;
    MemoryReservation(std::shared_ptr<MemoryAccount> account, MemoryAccount::ConsumerId consumer,
                      std::int64_t bytes = 0);
    MemoryReservation(MemoryReservation&& other) noexcept;
    MemoryReservation& operator=(MemoryReservation&& other) noexcept;
    ~MemoryReservation();

    /// Makes the reservation `bytes` large.
    ///
    /// Errors:  UsageError for a negative size, or for a size other than 0 where there is no account
    void resize(std::int64_t bytes);
    /// Gives all back; the reservation may grow again.
    void release() noexcept;
    std::int64_t bytes() const noexcept { return bytes_; }

  private:
    std::shared_ptr<MemoryAccount> account_;
    std::optional<MemoryAccount::ConsumerId> consumer_;
    std::int64_t bytes_ = 0;
};

} // namespace rivulet
