#include "durable/database/database.h"

#include "durable/database/rocks_logger.h"
#include "rivulet/log.h"

#include <rocksdb/file_system.h>
#include <rocksdb/table.h>

namespace rivulet::detail {
namespace {

// A block goes when its batch is done; as long as it is in memory, it then is never written to a file of the database,
// but to the log alone.
constexpr std::size_t kReceivedBytes = 64 << 20, kStateBytes = 32 << 20, kOtherBytes = 1 << 20;

std::size_t bufferBytes(Family family) {
    if (family == Family::received) return kReceivedBytes;
    return family == Family::state || family == Family::outbox ? kStateBytes : kOtherBytes;
}

rocksdb::Options optionsFor(rocksdb::Env* env) {
    rocksdb::Options options;
    options.env = env;
    options.info_log = rocksLogger();
    options.paranoid_checks = true;
    options.recycle_log_file_num = 0; // a reused log has old records behind its end
    options.max_open_files = 512;
    options.max_file_opening_threads = 1; // it would make as many threads for each family, a hundred in all
    options.max_total_wal_size = 16 << 20;
    options.max_manifest_file_size = 4 << 20;
    options.max_background_jobs = 2;
    options.stats_dump_period_sec = 0;
    options.stats_persist_period_sec = 0;
    return options;
}

/// Pieces of states are large, and never overwritten, only erased: they are written to files of their own, and what
/// RocksDB merges is their keys alone. A file of which nothing is needed any more is found by merging, and goes as a
/// whole; what is left in the oldest files is copied, so that a file is not kept for a single piece.
void separatePieces(rocksdb::ColumnFamilyOptions& options) {
    options.enable_blob_files = true;
    options.min_blob_size = 1 << 10;
    options.blob_file_size = 64 << 20;
    options.enable_blob_garbage_collection = true;
    options.blob_garbage_collection_age_cutoff = 0.25;
    options.blob_garbage_collection_force_threshold = 0.5;
}
/// Logs of states go the oldest first, so there is little to copy, and much that goes early when files are small.
void setForLogs(rocksdb::ColumnFamilyOptions& options) {
    separatePieces(options);
    options.write_buffer_size = 4 << 20;
    options.level0_file_num_compaction_trigger = 2;
}
/// Pages go in any order, and there are many: merging their keys is what costs.
void setForPages(rocksdb::ColumnFamilyOptions& options, const std::shared_ptr<rocksdb::Cache>& pages) {
    separatePieces(options);
    options.write_buffer_size = 16 << 20;
    options.level0_file_num_compaction_trigger = 4;
    options.blob_cache = pages;
}

rocksdb::ColumnFamilyOptions familyOptions(const std::shared_ptr<rocksdb::Cache>& cache, std::size_t bufferBytes) {
    rocksdb::ColumnFamilyOptions options;
    options.write_buffer_size = bufferBytes;
    options.compression = rocksdb::kNoCompression;
    options.level_compaction_dynamic_level_bytes = true; // what was overwritten goes soon
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = cache;
    table.cache_index_and_filter_blocks = true;
    table.format_version = 5;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    return options;
}

/// The logs that earlier processes have left.
rocksdb::Status findLogs(rocksdb::Env& env, const std::string& at, std::vector<std::string>& logs) {
    std::vector<std::string> names;
    auto status = env.GetChildren(at, &names);
    for (const auto& name : names)
        if (name.ends_with(".log")) logs.push_back(at + "/" + name);
    return status;
}

/// What comes after them must not be on the disk without them.
rocksdb::Status syncLogs(rocksdb::Env& env, const std::vector<std::string>& logs) {
    rocksdb::Status status;
    for (const auto& log : logs) {
        std::unique_ptr<rocksdb::WritableFile> file;
        if (status.ok()) status = env.ReopenWritableFile(log, &file, rocksdb::EnvOptions());
        if (status.ok()) status = file->Sync();
        if (status.ok()) status = file->Close();
    }
    return status;
}

} // namespace

bool isFull(const rocksdb::Status& status) {
    return status.IsNoSpace() || (status.IsIOError() && status.ToString().find("No space left") != std::string::npos);
}

void BackgroundErrors::OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) {
    const std::lock_guard lock(mutex_);
    if (!failed_) first_ = *status;
    if (!failed_.exchange(true) && !isFull(*status))
        logError("checkpoint: background work failed: " + status->ToString());
}

rocksdb::Status BackgroundErrors::status() const {
    const std::lock_guard lock(mutex_);
    return first_;
}

void BackgroundErrors::forget() {
    const std::lock_guard lock(mutex_);
    first_ = rocksdb::Status();
    failed_ = false;
}

rocksdb::Status Database::open(const std::string& at, rocksdb::WALRecoveryMode mode, bool create, bool readOnly) {
    auto options = optionsFor(env);
    options.wal_recovery_mode = mode;
    // What the logs have goes to memory and stays in them: to write it to tables first would make a start wait for
    // several syncs. A log whose end is damaged is left behind, though, and so are many, of a program that has been
    // started again and again.
    constexpr std::size_t kMostLogs = 16;
    std::vector<std::string> logs;
    if (mode == rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords && !create && !readOnly)
        if (auto status = findLogs(*env, at, logs); !status.ok()) return status;
    options.avoid_flush_during_recovery = !logs.empty() && logs.size() <= kMostLogs;
    options.create_if_missing = create;
    options.create_missing_column_families = !readOnly; // there are more of them than there were
    if (!readOnly) options.listeners.push_back(background);
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (std::size_t i = 0; i < kFamilies.size(); ++i)
        families.emplace_back(kFamilies[i], familyOptions(cache, bufferBytes(Family(i))));
    setForLogs(families[std::size_t(Family::state)].options);
    setForPages(families[std::size_t(Family::pages)].options, pageCache);
    families.emplace_back(rocksdb::kDefaultColumnFamilyName, familyOptions(cache, kOtherBytes));
    if (options.avoid_flush_during_recovery)
        if (auto status = syncLogs(*env, logs); !status.ok()) return status;
    rocksdb::DB* opened = nullptr;
    auto status = readOnly ? rocksdb::DB::OpenForReadOnly(options, at, families, &handles, &opened)
                           : rocksdb::DB::Open(options, at, families, &handles, &opened);
    db.reset(opened);
    return status;
}

void Database::close() noexcept {
    for (auto* handle : handles) static_cast<void>(db->DestroyColumnFamilyHandle(handle).ok());
    handles.clear();
    db.reset();
}

} // namespace rivulet::detail
