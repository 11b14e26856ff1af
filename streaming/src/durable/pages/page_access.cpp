#include "durable/pages/page_access.h"

#include "durable/files.h"
#include "rivulet/error.h"

#include <vector>

namespace rivulet::detail {

/// RocksDB's, which has to be given back before the database is closed, whoever still holds it.
struct PageAccess::Snapshot {
    std::shared_ptr<const PageAccess> access;
    const rocksdb::Snapshot* snapshot = nullptr; // null once the database was closed
    Snapshot *previous = nullptr, *next = nullptr;

    ~Snapshot() {
        const std::shared_lock open(access->mutex_);
        const std::lock_guard lock(access->snapshotsMutex_);
        if (!snapshot) return;
        (previous ? previous->next : access->snapshots_) = next;
        if (next) next->previous = previous;
        access->db_->ReleaseSnapshot(snapshot);
    }
};

PageAccess::PageAccess(rocksdb::DB& db, rocksdb::ColumnFamilyHandle& family, std::string path, AwaitRoom awaitRoom)
    : path_(std::move(path)),
      awaitRoom_(std::move(awaitRoom)),
      db_(&db),
      family_(&family) {}

PageAccess::~PageAccess() = default;

void PageAccess::close() noexcept { static_cast<void>(suspend()); }

std::unique_lock<std::shared_mutex> PageAccess::suspend() noexcept {
    std::unique_lock closed(mutex_);
    if (db_)
        for (Snapshot* at = snapshots_; at; at = at->next) {
            db_->ReleaseSnapshot(at->snapshot);
            at->snapshot = nullptr;
        }
    snapshots_ = nullptr;
    db_ = nullptr;
    return closed;
}

void PageAccess::resume(rocksdb::DB& db, rocksdb::ColumnFamilyHandle& family) noexcept {
    db_ = &db;
    family_ = &family;
    ++opening_;
}

void PageAccess::requireOpen() const {
    if (!db_)
        throw IoError("checkpoint: states in '" + path_ +
                      "' cannot be read any more: the streaming has ended, and with it the use of its directory; look "
                      "them up while it runs");
}

/// Makes a write, again when the disk was full and has room.
void PageAccess::change(const std::function<rocksdb::Status()>& write) {
    for (;;) {
        rocksdb::Status status;
        std::uint64_t opening = 0;
        {
            const std::shared_lock open(mutex_);
            requireOpen();
            opening = opening_;
            status = write();
        }
        if (status.ok()) return;
        if (awaitRoom_(opening, status)) continue;
        failed_ = true;
        throw IoError("checkpoint: a write to '" + path_ + "' failed: " + status.ToString() +
                      "; start the program again when the cause is removed: it goes on with what is on the disk");
    }
}

void PageAccess::put(std::string_view key, std::string_view value) {
    change([&] {
        return db_->Put({}, family_, rocksdb::Slice(key.data(), key.size()),
                        rocksdb::Slice(value.data(), value.size()));
    });
}

void PageAccess::erase(std::string_view key) {
    change([&] { return db_->Delete({}, family_, rocksdb::Slice(key.data(), key.size())); });
}

void PageAccess::eraseRange(std::string_view begin, std::string_view end) {
    std::vector<std::string> keys;
    {
        const std::shared_lock open(mutex_);
        requireOpen();
        const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator({}, family_));
        for (at->Seek(rocksdb::Slice(begin.data(), begin.size())); at->Valid() && at->key().ToStringView() < end;
             at->Next())
            keys.push_back(at->key().ToString());
        require(at->status(), "read from", path_);
    }
    for (const auto& key : keys) erase(key);
}

PageAccess::Moment PageAccess::now() const {
    const auto made = std::make_shared<Snapshot>();
    made->access = shared_from_this();
    const std::shared_lock open(mutex_);
    requireOpen();
    const std::lock_guard lock(snapshotsMutex_);
    made->snapshot = db_->GetSnapshot();
    made->next = snapshots_;
    if (made->next) made->next->previous = made.get();
    snapshots_ = made.get();
    return made;
}

bool PageAccess::read(std::string_view key, const Moment& moment,
                      const std::function<void(std::string_view)>& use) const {
    const std::shared_lock open(mutex_);
    requireOpen();
    rocksdb::ReadOptions options;
    bool isLost = false; // the moment: the database was opened anew since
    if (moment) {
        options.snapshot = static_cast<const Snapshot*>(moment.get())->snapshot;
        isLost = !options.snapshot;
    }
    rocksdb::PinnableSlice value;
    const auto status = db_->Get(options, family_, rocksdb::Slice(key.data(), key.size()), &value);
    if (status.IsNotFound() && isLost)
        throw IoError("checkpoint: states of an earlier batch in '" + path_ +
                      "' cannot be read any more: the disk was full since then; read those of the last one");
    if (status.IsNotFound()) return false;
    require(status, "read from", path_);
    use(value.ToStringView());
    return true;
}

} // namespace rivulet::detail
