#include "durable/checkpoint_store.h"

#include "durable/files.h"
#include "durable/pages/page_access.h"
#include "durable/rocks_logger.h"
#include "durable/witness.h"
#include "rivulet/log.h"
#include "rivulet/serialization/stored.h"

#include <array>
#include <atomic>
#include <random>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/file_system.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

namespace rivulet::detail {
namespace {

constexpr std::array<const char*, 3> kFamilies = {"meta", "plan", "state"};
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

template <class T> std::string written(const T& x) {
    ByteWriter out;
    out(x);
    return std::move(out).text();
}
template <class T> T readAs(std::string_view payload) {
    T x{};
    ByteReader in(payload);
    in(x);
    in.finish();
    return x;
}

/// RocksDB works on in the background; what fails there must not be found out by the next process.
class BackgroundErrors final : public rocksdb::EventListener {
  public:
    void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
        if (!failed_.exchange(true)) logError("checkpoint: background work failed: " + status->ToString());
    }
    bool failed() const { return failed_; }

  private:
    std::atomic<bool> failed_ = false;
};

rocksdb::Options optionsFor(rocksdb::Env* env) {
    rocksdb::Options options;
    options.env = env;
    options.info_log = rocksLogger();
    options.paranoid_checks = true;
    options.recycle_log_file_num = 0; // a reused log has old records behind its end
    options.avoid_flush_during_recovery = false;
    options.max_open_files = 512;
    options.max_total_wal_size = 16 << 20;
    options.max_manifest_file_size = 4 << 20;
    options.max_background_jobs = 2;
    options.stats_dump_period_sec = 0;
    options.stats_persist_period_sec = 0;
    return options;
}

/// Pieces of states are large, and never overwritten, only erased, the oldest first: they are written to files of their
/// own, which go as a whole, and what RocksDB merges is their keys alone.
void separatePieces(rocksdb::ColumnFamilyOptions& options, const std::shared_ptr<rocksdb::Cache>& pages) {
    options.write_buffer_size = 8 << 20;
    options.level0_file_num_compaction_trigger = 2; // a file that nobody needs is found by merging
    options.enable_blob_files = true;
    options.min_blob_size = 1 << 10;
    options.blob_file_size = 64 << 20;
    options.enable_blob_garbage_collection = true;
    options.blob_garbage_collection_age_cutoff = 0.5;
    options.blob_garbage_collection_force_threshold = 0.5;
    options.blob_cache = pages;
}

rocksdb::ColumnFamilyOptions familyOptions(const std::shared_ptr<rocksdb::Cache>& cache) {
    rocksdb::ColumnFamilyOptions options;
    options.write_buffer_size = 1 << 20;
    options.compression = rocksdb::kNoCompression;
    options.level_compaction_dynamic_level_bytes = true; // what was overwritten goes soon
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = cache;
    table.cache_index_and_filter_blocks = true;
    table.format_version = 5;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    return options;
}

} // namespace

struct CheckpointStore::Impl {
    std::string directory;
    std::unique_ptr<rocksdb::Env> ownEnv;
    rocksdb::Env* env = rocksdb::Env::Default();
    std::unique_ptr<DirectoryLock> lock;
    Identity identity;
    std::optional<Witness> witness;
    std::shared_ptr<BackgroundErrors> background = std::make_shared<BackgroundErrors>();
    std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(8 << 20);
    std::shared_ptr<rocksdb::Cache> pageCache = rocksdb::NewLRUCache(8 << 20);
    std::shared_ptr<PageAccess> pages; // once it is open
    std::unique_ptr<rocksdb::DB> db;
    std::vector<rocksdb::ColumnFamilyHandle*> handles; // of kFamilies, then the default one
    BatchRecord last;
    std::uint64_t epoch = 0;
    bool failed = false;

    ~Impl() { close(); }

    std::string path(const char* name) const { return directory + "/" + name; }
    bool exists(const std::string& file) const {
        const auto status = env->FileExists(file);
        if (!status.IsNotFound()) require(status, "look for", file);
        return status.ok();
    }
    [[noreturn]] void refuse(const std::string& why) const {
        throw RecoveryError("checkpoint: directory '" + directory + "' " + why);
    }

    void close() noexcept {
        if (pages) pages->close();
        for (auto* handle : handles) static_cast<void>(db->DestroyColumnFamilyHandle(handle).ok());
        handles.clear();
        db.reset();
    }
    bool hasFailed() const { return failed || background->failed() || (pages && pages->failed()); }
    void requireUsable() const {
        if (hasFailed())
            throw IoError("checkpoint: a write to '" + directory +
                          "' has failed, and whether it has happened is unknown; start the program again, which goes "
                          "on with what is on the disk");
    }
    rocksdb::ColumnFamilyHandle* handle(Family family) const { return handles[std::size_t(family)]; }

    // ---- opening

    rocksdb::Status open(const std::string& at, rocksdb::WALRecoveryMode mode, bool create, bool readOnly) {
        auto options = optionsFor(env);
        options.wal_recovery_mode = mode;
        options.create_if_missing = options.create_missing_column_families = create;
        if (!readOnly) options.listeners.push_back(background);
        std::vector<rocksdb::ColumnFamilyDescriptor> families;
        for (const char* family : kFamilies) families.emplace_back(family, familyOptions(cache));
        separatePieces(families[std::size_t(Family::state)].options, pageCache);
        families.emplace_back(rocksdb::kDefaultColumnFamilyName, familyOptions(cache));
        rocksdb::DB* opened = nullptr;
        auto status = readOnly ? rocksdb::DB::OpenForReadOnly(options, at, families, &handles, &opened)
                               : rocksdb::DB::Open(options, at, families, &handles, &opened);
        db.reset(opened);
        return status;
    }

    std::optional<std::string> read(Family family, std::string_view key, Stored kind) const {
        std::string value;
        const auto status = db->Get({}, handle(family), rocksdb::Slice(key.data(), key.size()), &value);
        if (status.IsNotFound()) return std::nullopt;
        require(status, "read from", path("state"));
        return std::string(opened(kind, value, what(family, key)));
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
        if (exists(building)) removeDatabase(building);
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
    void removeDatabase(const std::string& at) {
        std::vector<std::string> names;
        require(env->GetChildren(at, &names), "list", at);
        for (const auto& name : names)
            if (name != "." && name != "..") require(env->DeleteFile(at + "/" + name), "delete", at + "/" + name);
        require(env->DeleteDir(at), "delete", at);
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
        if (!exists(path("state"))) {
            if (!exists(path("creating")))
                refuse("is not whole: it has IDENT, but not state/; restore it from a copy, or begin with an empty "
                       "directory, which loses all state");
            finishCreation(); // what a kill has left of the creation
        }
        const bool witnessed = exists(path("witness"));
        witness.emplace(*env, path("witness"));
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
        check();
        pages = std::make_shared<PageAccess>(*db, *handle(Family::state), path("state"));
        if (!witnessed && epoch > 0)
            logWarn("checkpoint: directory '" + directory + "' had no witness file; a new one is written");
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
        if (last.id < seen->batch || epoch < seen->epoch || sequence < seen->sequence)
            refuse("has lost what was committed: its database is at batch " + std::to_string(last.id) + " (epoch " +
                   std::to_string(epoch) + ", write " + std::to_string(sequence) + "), and batch " +
                   std::to_string(seen->batch) + " (epoch " + std::to_string(seen->epoch) + ", write " +
                   std::to_string(seen->sequence) +
                   ") was there before; restore it from a copy. To go on without what is lost, delete the file "
                   "witness");
    }

    // ---- writing

    void write(const Changes& changes, bool synced) {
        std::size_t bytes = 0;
        for (const auto& change : changes.all())
            bytes += change.key.size() + (change.value ? change.value->size() : 0) + 32;
        rocksdb::WriteBatch batch(bytes);
        for (const auto& change : changes.all()) {
            if (change.value)
                require(batch.Put(handle(change.family), change.key, *change.value), "prepare a write to",
                        path("state"));
            else
                require(batch.Delete(handle(change.family), change.key), "prepare a write to", path("state"));
        }
        rocksdb::WriteOptions options;
        options.sync = synced;
        const auto status = db->Write(options, &batch);
        if (status.ok()) return;
        fail();
        throw IoError(
            "checkpoint: a write to '" + path("state") + "' failed: " + status.ToString() +
            "; whether it has happened is unknown. Start the program again when the cause is removed: it goes "
            "on with what is on the disk");
    }
    /// After it RocksDB is not to be used: it would write on behind what may be missing.
    void fail() noexcept {
        failed = true;
        close();
    }
    void testify() {
        try {
            witness->write({last.id, epoch, db->GetLatestSequenceNumber()});
        } catch (...) {
            fail();
            throw;
        }
    }
};

CheckpointStore::CheckpointStore(std::string directory, std::string application,
                                 std::shared_ptr<rocksdb::FileSystem> fileSystem)
    : impl_(std::make_unique<Impl>()) {
    Impl& impl = *impl_;
    while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
    impl.directory = std::move(directory);
    if (fileSystem) {
        impl.ownEnv = rocksdb::NewCompositeEnv(fileSystem);
        impl.env = impl.ownEnv.get();
    }
    createDirectories(*impl.env, impl.directory);
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
const BatchRecord& CheckpointStore::last() const { return impl_->last; }
std::uint64_t CheckpointStore::epoch() const { return impl_->epoch; }
bool CheckpointStore::failed() const { return impl_->hasFailed(); }
std::shared_ptr<PageAccess> CheckpointStore::pages() const { return impl_->pages; }
void CheckpointStore::setPageCache(std::size_t bytes) { impl_->pageCache->SetCapacity(bytes); }

std::optional<std::string> CheckpointStore::read(Family family, std::string_view key, Stored kind) const {
    impl_->requireUsable();
    return impl_->read(family, key, kind);
}

namespace {

/// RocksDB's iterator over the keys with a prefix.
template <class Visit>
void eachWithPrefix(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, std::string_view prefix,
                    const std::string& path, const Visit& visit) {
    rocksdb::ReadOptions options;
    options.fill_cache = false; // values are read once
    options.readahead_size = 2 << 20;
    const std::unique_ptr<rocksdb::Iterator> at(db.NewIterator(options, family));
    const rocksdb::Slice begin(prefix.data(), prefix.size());
    for (at->Seek(begin); at->Valid() && at->key().starts_with(begin); at->Next())
        visit(at->key().ToStringView(), at->value().ToStringView());
    require(at->status(), "read from", path);
}

} // namespace

void CheckpointStore::each(Family family, std::string_view prefix, Stored kind,
                           const std::function<void(std::string_view, std::string_view)>& visit) const {
    impl_->requireUsable();
    eachWithPrefix(*impl_->db, impl_->handle(family), prefix, impl_->path("state"),
                   [&](std::string_view key, std::string_view value) {
                       visit(key, opened(kind, value, impl_->what(family, key)));
                   });
}

std::vector<std::string> CheckpointStore::keys(Family family, std::string_view prefix) const {
    impl_->requireUsable();
    std::vector<std::string> keys;
    eachWithPrefix(*impl_->db, impl_->handle(family), prefix, impl_->path("state"),
                   [&](std::string_view key, std::string_view) { keys.emplace_back(key); });
    return keys;
}

void CheckpointStore::beginEpoch(Changes changes) {
    impl_->requireUsable();
    changes.put(Family::meta, "epoch", Stored::epoch, written(impl_->epoch + 1));
    impl_->write(changes, true);
    ++impl_->epoch;
    impl_->testify();
}

void CheckpointStore::commit(Changes changes, const BatchRecord& record) {
    impl_->requireUsable();
    if (record.id != impl_->last.id + 1)
        throw Error("checkpoint: batch " + std::to_string(record.id) + " was to be committed after batch " +
                    std::to_string(impl_->last.id) + "; this is a mistake of the library's");
    changes.put(Family::meta, "batch", Stored::batch,
                written(StoredBatch{record.id, record.time, record.zero, record.batchDuration}));
    impl_->write(changes, true);
    impl_->last = record;
    impl_->testify();
}

void CheckpointStore::write(Changes changes, bool synced) {
    impl_->requireUsable();
    impl_->write(changes, synced);
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

} // namespace rivulet::detail
