#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <rocksdb/env.h>
#include <string>

namespace rivulet::detail {

/// What a commit has reached.
struct WitnessRecord {
    std::uint64_t batch = 0, epoch = 0, sequence = 0; // RocksDB's number of the last write
};

/// A second record of the last commit, outside of RocksDB: with it a tail of commits that was lost is seen, which
/// RocksDB by itself takes for the end of its log. Written after each commit and not synced, so it survives the process
/// and only lags after a power cut.
///
///     two slots, at bytes 0 and 4096:  batch u64 | epoch u64 | sequence u64 | crc32c u32 | 0 u32
///
/// They are written in turn, so that one is whole whenever the other is being written.
class Witness {
  public:
    /// Opens the file, or creates it, with both slots empty and synced.
    Witness(rocksdb::Env& env, const std::string& path);
    /// Of the two records the later one; nothing where there is none. A record that is damaged counts as none.
    std::optional<WitnessRecord> last() const { return last_; }
    rocksdb::Status write(const WitnessRecord& record);

    /// What the file at this path says, which need not be there, and is not made.
    static std::optional<WitnessRecord> lastOf(rocksdb::Env& env, const std::string& path);
    /// The content of a file that has this record alone.
    static std::string textOf(const WitnessRecord& record);

    static constexpr std::size_t kSlotBytes = 4096, kRecordBytes = 32;

  private:
    std::unique_ptr<rocksdb::RandomRWFile> file_;
    std::optional<WitnessRecord> last_;
    std::size_t next_ = 0; // slot
};

} // namespace rivulet::detail
