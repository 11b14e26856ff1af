#pragma once

#include <memory>
#include <optional>
#include <rocksdb/env.h>
#include <string>
#include <string_view>
#include <vector>

/// The few files beside RocksDB's. They go through RocksDB's Env, so that a test that lets its writes fail reaches
/// these too.
namespace rivulet::detail {

/// Throws where the status is not ok: CorruptionError for bad bytes, IoError for the rest.
void require(const rocksdb::Status& status, std::string_view verb, const std::string& path);

/// Creates a directory that is still there after a power cut, and those above it.
void createDirectories(rocksdb::Env& env, const std::string& path);
/// Has the names in a directory (what was created, renamed, deleted there) survive a power cut.
void syncDirectory(rocksdb::Env& env, const std::string& path);
/// The whole content, or nothing where there is no such file.
std::optional<std::string> readFile(rocksdb::Env& env, const std::string& path);
/// Either the old content or the new one is there at any time, whatever happens.
void writeAtomically(rocksdb::Env& env, const std::string& path, std::string_view content);

/// Deletes a directory with all that is in it.
void removeFolder(rocksdb::Env& env, const std::string& path);
/// The names in a directory, sorted, without those that begin with a dot.
std::vector<std::string> namesIn(rocksdb::Env& env, const std::string& path);
/// Who holds the lock of a directory, as text; empty where nobody is known to.
std::string holderOf(const std::string& directory);

/// Keeps every other process out of a directory, by a lock on its file LOCK, as long as this lives. The lock goes with
/// the process, however that ends.
class DirectoryLock {
  public:
    /// Errors: IoError that names the holder
    explicit DirectoryLock(const std::string& directory);
    DirectoryLock(const DirectoryLock&) = delete;
    DirectoryLock& operator=(const DirectoryLock&) = delete;
    ~DirectoryLock();

  private:
    int descriptor_ = -1;
};

} // namespace rivulet::detail
