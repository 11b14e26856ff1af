#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <rocksdb/db.h>
#include <shared_mutex>
#include <string>
#include <string_view>

namespace rivulet::detail {

/// A column family of an open database, for tasks and for RDDs that may outlive it: after `close` every call throws.
///
/// While the disk is full writes wait, and with them reads: the database is opened anew then (`suspend`, `resume`).
/// What was seen of a moment before that is what there is now, where it is still there.
///
/// Threads: any
class PageAccess : public std::enable_shared_from_this<PageAccess> {
  public:
    /// Waits until the database was opened anew after a write that failed so, `opening` being what it was opened as;
    /// false where it will not be.
    using AwaitRoom = std::function<bool(std::uint64_t opening, const rocksdb::Status& status)>;
    /// `path` is for messages.
    PageAccess(rocksdb::DB& db, rocksdb::ColumnFamilyHandle& family, std::string path, AwaitRoom awaitRoom);
    ~PageAccess();
    PageAccess(const PageAccess&) = delete;
    PageAccess& operator=(const PageAccess&) = delete;

    /// Before the database is closed; waits for calls that run.
    void close() noexcept;
    /// The same, and it will be opened anew: calls wait as long as the lock is held.
    [[nodiscard]] std::unique_lock<std::shared_mutex> suspend() noexcept;
    void resume(rocksdb::DB& db, rocksdb::ColumnFamilyHandle& family) noexcept;
    /// How often it was opened anew.
    std::uint64_t opening() const { return opening_; }
    /// A write has failed.
    bool failed() const { return failed_; }

    /// Written, and synced by the next write that is.
    void put(std::string_view key, std::string_view value);
    void erase(std::string_view key);
    void eraseRange(std::string_view begin, std::string_view end);
    using Moment = std::shared_ptr<const void>;
    Moment now() const;
    /// False where there is none.
    bool read(std::string_view key, const Moment& moment, const std::function<void(std::string_view)>& use) const;

  private:
    struct Snapshot;
    void requireOpen() const;
    void change(const std::function<rocksdb::Status()>& write);

    const std::string path_;
    const AwaitRoom awaitRoom_;
    std::atomic<bool> failed_ = false;
    std::atomic<std::uint64_t> opening_ = 0;

    mutable std::shared_mutex mutex_; // held by calls while they last, and by who closes
    rocksdb::DB* db_;                 // null after close
    rocksdb::ColumnFamilyHandle* family_;
    mutable std::mutex snapshotsMutex_;     // guards the following
    mutable Snapshot* snapshots_ = nullptr; // a list
};

} // namespace rivulet::detail
