#pragma once

#include "durable/database/family.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/listener.h>
#include <string>
#include <vector>

namespace rivulet::detail {

/// Whether a write has failed for want of room.
bool isFull(const rocksdb::Status& status);

/// RocksDB works on in the background; what fails there must not be found out by the next process.
class BackgroundErrors final : public rocksdb::EventListener {
  public:
    void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override;
    bool failed() const { return failed_; }
    /// What failed first.
    rocksdb::Status status() const;
    /// The database is closed, and is about to be opened anew.
    void forget();

  private:
    std::atomic<bool> failed_ = false;
    mutable std::mutex mutex_;
    rocksdb::Status first_; // guarded by mutex_
};

/// The database of a checkpoint: how RocksDB is set, opened and closed.
///
/// Threads: as of CheckpointStore, which it is a part of
struct Database {
    rocksdb::Env* env = rocksdb::Env::Default();
    std::shared_ptr<BackgroundErrors> background = std::make_shared<BackgroundErrors>();
    std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(8 << 20);
    std::shared_ptr<rocksdb::Cache> pageCache = rocksdb::NewLRUCache(8 << 20);
    std::unique_ptr<rocksdb::DB> db;
    std::vector<rocksdb::ColumnFamilyHandle*> handles; // of kFamilies, then the default one

    rocksdb::ColumnFamilyHandle* handle(Family family) const { return handles[std::size_t(family)]; }
    rocksdb::Status open(const std::string& at, rocksdb::WALRecoveryMode mode, bool create, bool readOnly);
    void close() noexcept;
};

} // namespace rivulet::detail
