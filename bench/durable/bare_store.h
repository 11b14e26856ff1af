#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

/// What durability costs by itself: a file that is synced, and a RocksDB without a library around it.
namespace bench {

/// A directory that begins empty and goes with its owner.
class ScratchDirectory {
  public:
    ScratchDirectory(const std::filesystem::path& parent, const char* name);
    ~ScratchDirectory();
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;

    const std::filesystem::path& path() const { return path_; }
    /// Of all files in it, as they are allocated on the disk.
    std::uintmax_t sizeBytes() const;

  private:
    std::filesystem::path path_;
};

/// Appends to a file, each piece synced: the least that a commit can cost.
class SyncedFile {
  public:
    explicit SyncedFile(const std::filesystem::path& file);
    ~SyncedFile();
    SyncedFile(const SyncedFile&) = delete;
    SyncedFile& operator=(const SyncedFile&) = delete;

    void append(std::string_view bytes);
    /// Seconds that it takes.
    double timeAppend(std::string_view bytes);

  private:
    int descriptor_;
};

/// A table of `keys` numbers to numbers in RocksDB, in values of 1 MiB.
void writeBareTable(const std::filesystem::path& directory, std::size_t keys);
/// Reads it into two tables, a thread for each, and returns how many keys there are.
std::size_t readBareTable(const std::filesystem::path& directory);

} // namespace bench
