#include "durable/checkpoint_store.h"

#include "durable/copies/saved_copy.h"
#include "durable/database/database.h"
#include "durable/envelope.h"
#include "durable/files.h"
#include "durable/pages/page_access.h"
#include "rivulet/log.h"
#include "rivulet/serialization/stored.h"
#include "rivulet/stream/durable/packed_rows.h"

#include <array>
#include <atomic>
#include <mutex>
#include <random>
#include <rocksdb/file_system.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>
#include <shared_mutex>

namespace rivulet::detail {
namespace {

constexpr std::size_t kMostKeptBytes = 16 << 20; // of a write's memory
constexpr std::string_view kMagic("RVCHECKP", 8);

/// What IDENT and the database both say, so that a database of another directory is seen.
struct Identity {
    std::uint32_t format = CheckpointStore::kFormat;
    std::string uuid, application, library;
    template <class Archive> void serialize(Archive& archive) { archive(format, uuid, application, library); }
};

struct StoredBatch {
    std::uint64_t id = 0;
    Time time{}, zero{};
    Duration batchDuration{};
    template <class Archive> void serialize(Archive& archive) { archive(id, time, zero, batchDuration); }
};

std::string newUuid() {
    std::random_device random;
    std::string uuid;
    for (int i = 0; i < 4; ++i) {
        char part[9];
        std::snprintf(part, sizeof part, "%08x", unsigned(random()));
        uuid += (i == 0 ? "" : "-") + std::string(part);
    }
    return uuid;
}

} // namespace

struct CheckpointStore::Impl : Database {
    std::string directory;
    std::unique_ptr<rocksdb::Env> ownEnv;
    std::unique_ptr<DirectoryLock> lock;
    std::string holder;
    Settings settings;
    FullDisk fullDisk;
    Identity identity;
    std::optional<Witness> witness;
    std::shared_ptr<PageAccess> pages; // once it is open
    BatchRecord last;
    std::uint64_t epoch = 0;
    std::atomic<bool> failed = false;
    // Held while one writes and the witness tells of it, so that it tells of what is synced and of nothing else. A
    // second writer would wait inside of RocksDB all the same, for the sync.
    std::mutex writing;
    // Held by who reads, and by who opens the database anew after the disk was full, from the closing on. With
    // `writing` held, or before there are other threads, nothing needs it.
    mutable std::shared_mutex reading;
    std::atomic<int> commitsWaiting = 0;
    rocksdb::WriteBatch
        batch; // guarded by `writing`: its memory is used again, for fresh memory costs as much as a copy

    /// For the batches, who are let in first: a log that writes on and on would not leave them a gap.
    std::unique_lock<std::mutex> lockForBatch() {
        ++commitsWaiting;
        std::unique_lock lock(writing);
        --commitsWaiting;
        commitsWaiting.notify_all();
        return lock;
    }
    std::unique_lock<std::mutex> lockForLog() {
        for (int waiting; (waiting = commitsWaiting) > 0;) commitsWaiting.wait(waiting);
        return std::unique_lock(writing);
    }

    ~Impl() {
        if (pages) pages->close();
        close();
    }

    std::string path(const char* name) const { return directory + "/" + name; }
    bool exists(const std::string& file) const {
        const auto status = env->FileExists(file);
        if (!status.IsNotFound()) require(status, "look for", file);
        return status.ok();
    }
    [[noreturn]] void refuse(const std::string& why) const {
        throw RecoveryError("checkpoint: directory '" + directory + "' " + why);
    }

    bool hasFailed() const {
        return failed || (background->failed() && !awaitsRoom(background->status())) || (pages && pages->failed());
    }
    void requireUsable() const {
        if (hasFailed())
            throw IoError("checkpoint: a write to '" + directory +
                          "' has failed, and whether it has happened is unknown; start the program again, which goes "
                          "on with what is on the disk");
    }
    /// Whether there may be another attempt after a write that failed so.
    bool awaitsRoom(const rocksdb::Status& status) const { return fullDisk.wait && isFull(status); }

    // ---- opening

    std::optional<std::string> read(Family family, std::string_view key, Stored kind) const {
        std::string value;
        const auto status = db->Get({}, handle(family), rocksdb::Slice(key.data(), key.size()), &value);
        if (status.IsNotFound()) return std::nullopt;
        require(status, "read from", path("state"));
        std::string unpacked;
        return std::string(payloadOf(kind, value, family, key, unpacked));
    }
    std::string_view payloadOf(Stored kind, std::string_view value, Family family, std::string_view key,
                               std::string& unpacked) const {
        if (kind != Stored::state || kindOf(value) != Stored::packed) return opened(kind, value, what(family, key));
        unpackRows(opened(Stored::packed, value, what(family, key)), unpacked);
        return unpacked;
    }
    std::string what(Family family, std::string_view key) const {
        return "checkpoint: a value in '" + path("state") + "' (" + kFamilies[std::size_t(family)] + " " +
               rocksdb::Slice(key.data(), key.size()).ToString(true) + ")";
    }
    template <class T> T required(std::string_view key, Stored kind) const {
        const auto payload = read(Family::meta, key, kind);
        if (!payload)
            refuse("is not whole: its database has no '" + std::string(key) +
                   "'; restore it from a copy, or begin with an empty directory, which loses all state");
        return readAs<T>(*payload);
    }

    /// A new database, complete before it gets its name: what a kill leaves half-done is thrown away by the next start.
    void create(std::string application) {
        const std::string building = path("creating");
        if (exists(building)) removeFolder(*env, building);
        if (!settings.from.empty()) return restore(building);
        identity = {kFormat, newUuid(), std::move(application), "0.1"};
        require(open(building, rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords, true, false), "create",
                building);
        Changes changes;
        changes.put(Family::meta, "identity", Stored::identity, written(identity));
        changes.put(Family::meta, "epoch", Stored::epoch, written(epoch));
        changes.put(Family::meta, "batch", Stored::batch, written(StoredBatch{}));
        write(changes, true);
        close();
        writeAtomically(*env, path("IDENT"), std::string(kMagic) + enveloped(Stored::identity, written(identity)));
        finishCreation();
    }
    void finishCreation() {
        require(env->RenameFile(path("creating"), path("state")), "rename to", path("state"));
        syncDirectory(*env, directory);
    }
    /// The content of a savepoint instead, in the same steps.
    void restore(const std::string& building) {
        const std::string saved = newestSavedCopy(*env, settings.from);
        const SavedContents contents = restoreSavedCopy(*env, saved, building);
        writeAtomically(*env, path("IDENT"), *readFile(*env, saved + "/IDENT"));
        writeAtomically(*env, path("witness"), Witness::textOf(contents.witness));
        finishCreation();
        logInfo("checkpoint: directory '" + directory + "' begins with batch " +
                std::to_string(contents.witness.batch) + ", from '" + saved + "'");
    }

    void readIdentity() {
        const auto text = readFile(*env, path("IDENT"));
        if (!text || std::string_view(*text).substr(0, kMagic.size()) != kMagic)
            throw CorruptionError("checkpoint: '" + path("IDENT") +
                                  "' is damaged: expected the header of a checkpoint; restore it from a copy");
        const auto payload = opened(Stored::identity, std::string_view(*text).substr(kMagic.size()),
                                    "checkpoint: '" + path("IDENT") + "'");
        std::uint32_t format = 0; // the first member in every format
        ByteReader{payload}(format);
        if (format > kFormat)
            refuse("has format " + std::to_string(format) + ", and this version of the library knows formats up to " +
                   std::to_string(kFormat) + "; run it with the version that has written it, or a later one");
        identity = readAs<Identity>(payload);
    }

    void openExisting() {
        readIdentity();
        if (settings.use == Use::look || settings.use == Use::inspect) return look();
        if (!exists(path("state"))) {
            if (!exists(path("creating")))
                refuse("is not whole: it has IDENT, but not state/; restore it from a copy, or begin with an empty "
                       "directory, which loses all state");
            finishCreation(); // what a kill has left of the creation
        }
        if (exists(path(kContentsName))) // it was a savepoint, and is about to become another directory
            require(env->DeleteFile(path(kContentsName)), "delete", path(kContentsName));
        if (exists(path(kLinkedName))) removeFolder(*env, path(kLinkedName)); // a copy was being made
        const bool witnessed = exists(path("witness"));
        witness.emplace(*env, path("witness"));
        openDatabase(witnessed);
        check();
        if (!witnessed && epoch > 0)
            logWarn("checkpoint: directory '" + directory + "' had no witness file; a new one is written");
    }
    void openDatabase(bool witnessed) {
        using Mode = rocksdb::WALRecoveryMode;
        auto status = open(path("state"), Mode::kTolerateCorruptedTailRecords, false, false);
        if (status.IsCorruption()) {
            // Tolerant of more, RocksDB drops all that follows a damaged record without a word. Only the witness can
            // tell whether that was acknowledged, so it is asked before anything is written.
            const std::string why = status.ToString();
            if (!witnessed || !witness->last()) refuse("has a damaged log, and no witness of what it had: " + why);
            close();
            require(open(path("state"), Mode::kPointInTimeRecovery, false, true), "open", path("state"));
            check();
            close();
            status = open(path("state"), Mode::kPointInTimeRecovery, false, false);
            logWarn("checkpoint: the log of '" + directory +
                    "' had a damaged end, of writes that were never acknowledged");
        }
        require(status, "open", path("state"));
    }
    /// Beside a program that goes on: files that it deletes meanwhile make the attempt fail, so there are some more.
    void look() {
        const auto seen = Witness::lastOf(*env, path("witness"));
        rocksdb::Status status;
        for (int tried = 0; tried < 10; ++tried) {
            close();
            status = open(path("state"), rocksdb::WALRecoveryMode::kPointInTimeRecovery, false, true);
            if (status.ok()) break;
        }
        require(status, "open", path("state"));
        check();
        if (seen && (last.id < seen->batch || epoch < seen->epoch)) refuseLoss(*seen, db->GetLatestSequenceNumber());
    }
    /// Reads what the database has reached, and compares it with what is known of it from outside.
    void check() {
        const auto stored = required<Identity>("identity", Stored::identity);
        if (stored.uuid != identity.uuid)
            refuse("has a database that does not belong to it: IDENT says " + identity.uuid + ", the database " +
                   stored.uuid + "; restore both from the same copy");
        epoch = required<std::uint64_t>("epoch", Stored::epoch);
        const auto batch = required<StoredBatch>("batch", Stored::batch);
        last = {batch.id, batch.time, batch.zero, batch.batchDuration};
        const auto seen = witness ? witness->last() : std::nullopt;
        if (!seen) return;
        const std::uint64_t sequence = db->GetLatestSequenceNumber();
        if (last.id < seen->batch || epoch < seen->epoch || sequence < seen->sequence) refuseLoss(*seen, sequence);
    }
    [[noreturn]] void refuseLoss(const WitnessRecord& seen, std::uint64_t sequence) const {
        refuse("has lost what was committed: its database is at batch " + std::to_string(last.id) + " (epoch " +
               std::to_string(epoch) + ", write " + std::to_string(sequence) + "), and batch " +
               std::to_string(seen.batch) + " (epoch " + std::to_string(seen.epoch) + ", write " +
               std::to_string(seen.sequence) +
               ") was there before; restore it from a copy. To go on without what is lost, delete the file "
               "witness");
    }

    // ---- writing

    /// Puts what is to be written into a batch; called again for another attempt.
    using Fill = std::function<void(rocksdb::WriteBatch& batch)>;

    /// A value of several parts, which are brought together in the batch.
    void put(rocksdb::WriteBatch& batch, Family family, const std::string& key, const Envelope& around,
             std::string_view first, std::string_view second) const {
        const rocksdb::Slice name = key;
        const std::array<rocksdb::Slice, 4> parts = {around.before, rocksdb::Slice(first.data(), first.size()),
                                                     rocksdb::Slice(second.data(), second.size()), around.after};
        require(batch.Put(handle(family), rocksdb::SliceParts(&name, 1),
                          rocksdb::SliceParts(parts.data(), int(parts.size()))),
                "prepare a write to", path("state"));
    }
    void add(const Changes& changes, rocksdb::WriteBatch& batch) const {
        for (const auto& change : changes.all()) {
            if (change.isLent)
                put(batch, change.family, change.key, change.around, change.lent, {});
            else if (change.value)
                require(batch.Put(handle(change.family), change.key, *change.value), "prepare a write to",
                        path("state"));
            else if (!change.end.empty())
                require(batch.DeleteRange(handle(change.family), change.key, change.end), "prepare a write to",
                        path("state"));
            else
                require(batch.Delete(handle(change.family), change.key), "prepare a write to", path("state"));
        }
    }
    rocksdb::Status tryWrite(const Fill& fill, std::size_t bytes, bool synced) {
        if (bytes > batch.Data().capacity()) batch = rocksdb::WriteBatch(bytes);
        batch.Clear();
        fill(batch);
        rocksdb::WriteOptions options;
        options.sync = synced;
        auto status = db->Write(options, &batch);
        if (batch.Data().capacity() > kMostKeptBytes) batch = rocksdb::WriteBatch();
        return status;
    }
    /// Not ok where the disk is still full.
    rocksdb::Status openAgain() {
        try {
            background->forget();
            auto status = open(path("state"), rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords, false, false);
            if (isFull(status)) return status;
            if (!status.ok()) {
                close();
                openDatabase(true);
            }
            check();
            return rocksdb::Status::OK();
        } catch (...) {
            fail();
            throw;
        }
    }
    /// Makes a write, with the disk full as often as is needed. `isThere` says of the database, opened anew, whether
    /// the write has happened.
    void write(
        const Fill& fill, std::size_t bytes, bool synced, const std::function<bool()>& isThere = [] { return false; }) {
        auto status = background->failed() ? background->status() : tryWrite(fill, bytes, synced);
        if (!status.ok())
            status =
                awaitRoom(status, [&] { return isThere() ? rocksdb::Status::OK() : tryWrite(fill, bytes, synced); });
        if (status.ok()) return;
        fail();
        throw IoError(
            "checkpoint: a write to '" + path("state") + "' failed: " + status.ToString() +
            "; whether it has happened is unknown. Start the program again when the cause is removed: it goes "
            "on with what is on the disk");
    }
    /// After a write that failed: waits as long as the disk is full, opens the database anew, and does `again`.
    rocksdb::Status awaitRoom(rocksdb::Status status, const std::function<rocksdb::Status()>& again) {
        const std::unique_lock nobodyReads(reading);
        std::unique_lock<std::shared_mutex> noPages; // are read or staged
        if (pages && awaitsRoom(status)) noPages = pages->suspend();
        bool told = false;
        while (awaitsRoom(status)) {
            close(); // what it has in memory may be behind what is missing
            if (!std::exchange(told, true))
                logWarn("checkpoint: the disk of '" + directory + "' is full: " + status.ToString() + ". Batch " +
                        std::to_string(last.id + 1) + " waits for room, and receivers wait for it; nothing is lost");
            if (!fullDisk.wait()) break;
            status = openAgain();
            if (status.ok()) status = again();
            if (!status.ok()) continue;
            if (pages) pages->resume(*db, *handle(Family::pages));
            logWarn("checkpoint: there is room again on the disk of '" + directory + "', and the program goes on");
            fullDisk.over();
        }
        return status;
    }
    /// For a task that stages pages: what was staged before is in the log.
    bool awaitRoomForPages(std::uint64_t opening, const rocksdb::Status& status) {
        const auto lock = lockForBatch();
        if (failed) return false;
        if (pages->opening() != opening) return true; // another task has waited
        if (awaitRoom(status, [] { return rocksdb::Status::OK(); }).ok()) return true;
        fail();
        return false;
    }
    void write(const Changes& changes, bool synced, const std::function<bool()>& isThere = [] { return false; }) {
        std::size_t bytes = 0;
        for (const auto& change : changes.all())
            bytes += change.key.size() + (change.value ? change.value->size() : change.lent.size()) + 32;
        write([&](rocksdb::WriteBatch& batch) { add(changes, batch); }, bytes, synced, isThere);
    }
    /// After it RocksDB is not to be written to: it would write on behind what may be missing. It is closed with the
    /// store, for other threads may be reading.
    void fail() noexcept { failed = true; }
    void testify() {
        const WitnessRecord record{last.id, epoch, db->GetLatestSequenceNumber()};
        auto status = witness->write(record);
        while (!status.ok() && awaitsRoom(status) && fullDisk.wait()) {
            status = witness->write(record);
            if (status.ok()) fullDisk.over();
        }
        if (status.ok()) return;
        fail();
        require(status, "write", path("witness"));
    }
};

namespace {
std::shared_ptr<rocksdb::FileSystem> usedDisk;
} // namespace

void useDisk(std::shared_ptr<rocksdb::FileSystem> disk) { usedDisk = std::move(disk); }

CheckpointStore::CheckpointStore(std::string directory, std::string application,
                                 std::shared_ptr<rocksdb::FileSystem> fileSystem)
    : CheckpointStore(std::move(directory), std::move(application), Settings{.fileSystem = std::move(fileSystem)}) {}

CheckpointStore::CheckpointStore(std::string directory, std::string application, Settings settings)
    : impl_(std::make_unique<Impl>()) {
    Impl& impl = *impl_;
    while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
    impl.directory = std::move(directory);
    impl.settings = std::move(settings);
    if (!impl.settings.fileSystem) impl.settings.fileSystem = usedDisk;
    if (impl.settings.fileSystem) {
        impl.ownEnv = rocksdb::NewCompositeEnv(impl.settings.fileSystem);
        impl.env = impl.ownEnv.get();
    }
    if (impl.settings.use == Use::program)
        createDirectories(*impl.env, impl.directory);
    else if (!impl.exists(impl.path("IDENT")))
        impl.refuse("has no checkpoint: there is no file IDENT in it");
    if (impl.settings.use == Use::look)
        impl.holder = holderOf(impl.directory);
    else
        impl.lock = std::make_unique<DirectoryLock>(impl.directory);
    if (!impl.exists(impl.path("IDENT"))) {
        for (const char* name : {"state", "witness"})
            if (impl.exists(impl.path(name)))
                impl.refuse("is not whole: it has " + std::string(name) +
                            ", but not IDENT; restore it from a copy, or begin with an empty directory, which loses "
                            "all state");
        impl.create(std::move(application));
    }
    impl.openExisting();
}

CheckpointStore::~CheckpointStore() = default;

const std::string& CheckpointStore::directory() const { return impl_->directory; }
const std::string& CheckpointStore::uuid() const { return impl_->identity.uuid; }
const std::string& CheckpointStore::application() const { return impl_->identity.application; }
const std::string& CheckpointStore::library() const { return impl_->identity.library; }
const std::string& CheckpointStore::holder() const { return impl_->holder; }
rocksdb::Env& CheckpointStore::env() const { return *impl_->env; }
const BatchRecord& CheckpointStore::last() const { return impl_->last; }
std::uint64_t CheckpointStore::epoch() const { return impl_->epoch; }
bool CheckpointStore::failed() const { return impl_->hasFailed(); }
void CheckpointStore::setFullDisk(FullDisk fullDisk) { impl_->fullDisk = std::move(fullDisk); }
std::shared_ptr<PageAccess> CheckpointStore::pages() const {
    if (!impl_->pages)
        impl_->pages =
            std::make_shared<PageAccess>(*impl_->db, *impl_->handle(Family::pages), impl_->path("state"),
                                         [impl = impl_.get()](std::uint64_t opening, const rocksdb::Status& status) {
                                             return impl->awaitRoomForPages(opening, status);
                                         });
    return impl_->pages;
}
void CheckpointStore::setPageCache(std::size_t bytes) { impl_->pageCache->SetCapacity(bytes); }

std::optional<std::string> CheckpointStore::read(Family family, std::string_view key, Stored kind) const {
    const std::shared_lock lock(impl_->reading);
    impl_->requireUsable();
    return impl_->read(family, key, kind);
}

namespace {

/// RocksDB's iterator over the keys with a prefix, from one of them on.
template <class Visit>
void eachWithPrefix(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, std::string_view prefix,
                    std::string_view begin, const std::string& path, const Visit& visit) {
    rocksdb::ReadOptions options;
    options.fill_cache = false; // values are read once
    options.readahead_size = 2 << 20;
    const std::unique_ptr<rocksdb::Iterator> at(db.NewIterator(options, family));
    for (at->Seek(rocksdb::Slice(begin.data(), begin.size()));
         at->Valid() && at->key().starts_with(rocksdb::Slice(prefix.data(), prefix.size())); at->Next())
        visit(at->key().ToStringView(), at->value().ToStringView());
    require(at->status(), "read from", path);
}

} // namespace

void CheckpointStore::each(Family family, std::string_view prefix, Stored kind,
                           const std::function<void(std::string_view, std::string_view)>& visit) const {
    each(family, prefix, prefix, kind, visit);
}

void CheckpointStore::each(Family family, std::string_view prefix, std::string_view begin, Stored kind,
                           const std::function<void(std::string_view, std::string_view)>& visit) const {
    const std::shared_lock lock(impl_->reading);
    impl_->requireUsable();
    std::string unpacked;
    eachWithPrefix(*impl_->db, impl_->handle(family), prefix, begin, impl_->path("state"),
                   [&](std::string_view key, std::string_view value) {
                       visit(key, impl_->payloadOf(kind, value, family, key, unpacked));
                   });
}

void CheckpointStore::eachPiece(std::string_view prefix,
                                const std::function<void(std::string_view, std::string_view, bool)>& visit) const {
    const std::shared_lock lock(impl_->reading);
    impl_->requireUsable();
    eachWithPrefix(
        *impl_->db, impl_->handle(Family::state), prefix, prefix, impl_->path("state"),
        [&](std::string_view key, std::string_view value) {
            const bool packed = kindOf(value) == Stored::packed;
            visit(key, opened(packed ? Stored::packed : Stored::state, value, impl_->what(Family::state, key)), packed);
        });
}

std::vector<std::string> CheckpointStore::keys(Family family, std::string_view prefix) const {
    const std::shared_lock lock(impl_->reading);
    impl_->requireUsable();
    std::vector<std::string> keys;
    eachWithPrefix(*impl_->db, impl_->handle(family), prefix, prefix, impl_->path("state"),
                   [&](std::string_view key, std::string_view) { keys.emplace_back(key); });
    return keys;
}

std::vector<std::string> CheckpointStore::families() { return {kFamilies.begin(), kFamilies.end()}; }

void CheckpointStore::eachStored(Family family,
                                 const std::function<void(std::string_view, std::string_view)>& visit) const {
    const std::shared_lock lock(impl_->reading);
    impl_->requireUsable();
    eachWithPrefix(*impl_->db, impl_->handle(family), "", "", impl_->path("state"), visit);
}

void CheckpointStore::verifyFiles() const {
    impl_->requireUsable();
    require(impl_->db->VerifyChecksum(), "verify", impl_->path("state"));
}

void CheckpointStore::compact() {
    impl_->requireUsable();
    rocksdb::CompactRangeOptions options;
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    for (auto* family : impl_->handles)
        require(impl_->db->CompactRange(options, family, nullptr, nullptr), "compact", impl_->path("state"));
}

void CheckpointStore::link(const std::string& path) {
    const std::shared_lock lock(impl_->reading);
    impl_->requireUsable();
    rocksdb::Checkpoint* made = nullptr;
    require(rocksdb::Checkpoint::Create(impl_->db.get(), &made), "copy", impl_->path("state"));
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
    require(checkpoint->CreateCheckpoint(path), "copy '" + impl_->path("state") + "' to", path);
}

WitnessRecord CheckpointStore::reached() const {
    const std::shared_lock lock(impl_->reading);
    return {impl_->last.id, impl_->epoch, impl_->db->GetLatestSequenceNumber()};
}

void CheckpointStore::beginEpoch(Changes changes) {
    const auto lock = impl_->lockForBatch();
    impl_->requireUsable();
    const std::uint64_t next = impl_->epoch + 1;
    changes.put(Family::meta, "epoch", Stored::epoch, written(next));
    impl_->write(changes, true, [&] { return impl_->epoch == next; });
    impl_->epoch = next;
    impl_->testify();
}

void CheckpointStore::commit(Changes changes, const BatchRecord& record) {
    const auto lock = impl_->lockForBatch();
    impl_->requireUsable();
    if (record.id != impl_->last.id + 1)
        throw Error("checkpoint: batch " + std::to_string(record.id) + " was to be committed after batch " +
                    std::to_string(impl_->last.id) + "; this is a mistake of the library's");
    changes.put(Family::meta, "batch", Stored::batch,
                written(StoredBatch{record.id, record.time, record.zero, record.batchDuration}));
    impl_->write(changes, true, [&] { return impl_->last.id == record.id; });
    impl_->last = record;
    impl_->testify();
}

void CheckpointStore::write(Changes changes, bool synced) {
    const auto lock = impl_->lockForBatch();
    impl_->requireUsable();
    impl_->write(changes, synced);
}

void CheckpointStore::writeAhead(const std::vector<AheadValue>& values) {
    std::size_t bytes = 0;
    std::vector<Envelope> envelopes;
    for (const AheadValue& value : values) {
        bytes += value.key.size() + value.head.size() + value.body.size() + 64;
        envelopes.push_back(envelopeOf(value.kind, value.head, value.body));
    }
    const auto fill = [&](rocksdb::WriteBatch& batch) {
        for (std::size_t i = 0; i < values.size(); ++i) {
            const AheadValue& value = values[i];
            impl_->put(batch, value.family, value.key, envelopes[i], value.head, value.body);
        }
    };
    const auto lock = impl_->lockForLog();
    impl_->requireUsable();
    impl_->write(fill, bytes, true);
    impl_->testify();
}

namespace {

template <class Number> void append(std::string& key, Number x) {
    for (int shift = 8 * int(sizeof x) - 8; shift >= 0; shift -= 8) key += char(x >> shift & 0xff);
}

} // namespace

std::string keyOf(std::uint32_t first) {
    std::string key;
    append(key, first);
    return key;
}
std::string keyOf(std::uint32_t first, std::uint32_t second) {
    std::string key = keyOf(first);
    append(key, second);
    return key;
}
std::string keyOf(std::uint32_t first, std::uint32_t second, std::uint64_t third, std::uint32_t fourth) {
    std::string key = keyOf(first, second);
    append(key, third);
    append(key, fourth);
    return key;
}
std::string blockKey(std::uint32_t receiver, std::uint64_t sequence) {
    std::string key = keyOf(receiver);
    append(key, sequence);
    return key;
}

} // namespace rivulet::detail
