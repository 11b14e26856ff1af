#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <rocksdb/db.h>
#include <shared_mutex>
#include <string>
#include <string_view>

namespace rivulet::detail {

/// A column family of an open database, for tasks and for RDDs that may outlive it: after `close` every call throws.
///
/// Threads: any
class PageAccess : public std::enable_shared_from_this<PageAccess> {
  public:
    /// `path` is for messages.
    PageAccess(rocksdb::DB& db, rocksdb::ColumnFamilyHandle& family, std::string path);
    ~PageAccess();
    PageAccess(const PageAccess&) = delete;
    PageAccess& operator=(const PageAccess&) = delete;

    /// Before the database is closed; waits for calls that run.
    void close() noexcept;
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
    void check(const rocksdb::Status& status);

    const std::string path_;
    std::atomic<bool> failed_ = false;

    mutable std::shared_mutex mutex_; // held by calls while they last, and by `close`
    rocksdb::DB* db_;                 // null after close
    rocksdb::ColumnFamilyHandle* family_;
    mutable std::mutex snapshotsMutex_;     // guards the following
    mutable Snapshot* snapshots_ = nullptr; // a list
};

} // namespace rivulet::detail
