#pragma once

#include "durable/envelope.h"
#include "rivulet/stream/durable/checkpoint.h"
#include "rivulet/time.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rocksdb {
class FileSystem;
} // namespace rocksdb

namespace rivulet::detail {

/// Where a value lies: each family is a column family of RocksDB.
enum class Family { meta, plan, state, received, senders };

/// What was committed last.
struct BatchRecord {
    std::uint64_t id = 0; // counts the batches of all processes; 0: none was committed
    Time time{}, zero{};  // the batch's, and that from which batch times are counted
    Duration batchDuration{};
};

/// Changes that come into force together.
class Changes {
  public:
    struct Change {
        Family family;
        std::string key;
        std::optional<std::string> value; // nothing: the key goes
        std::string end = {};             // with it, all keys from `key` to before it go
    };
    void put(Family family, std::string key, Stored kind, std::string_view payload) {
        changes_.push_back({family, std::move(key), enveloped(kind, payload)});
    }
    void erase(Family family, std::string key) { changes_.push_back({family, std::move(key), std::nullopt}); }
    void eraseRange(Family family, std::string begin, std::string end) {
        changes_.push_back({family, std::move(begin), std::nullopt, std::move(end)});
    }
    const std::vector<Change>& all() const { return changes_; }

  private:
    std::vector<Change> changes_;
};

/// A value that is written ahead; its payload has two parts, which are not copied.
struct AheadValue {
    Family family;
    std::string key;
    Stored kind;
    std::string head;
    std::string_view body = {};
};

/// A checkpoint directory: one RocksDB database, in which a batch ends in one synced write.
///
///     LOCK      held by the process that uses the directory
///     IDENT     which format, which database; written once, when the directory is complete
///     witness   what the last commit has reached (`Witness`)
///     state/    the database
///
/// A write that fails is neither done nor undone: it may be there after a restart. So after the first one nothing more
/// is written, every call throws, and the next process goes by what is on the disk (F18, F19).
///
/// Errors:  IoError, CorruptionError; RecoveryError from the constructor
/// Threads: one at a time; `writeAhead` from another
class CheckpointStore {
  public:
    static constexpr std::uint32_t kFormat = 1;

    /// Opens the directory, or makes it where there is none. `fileSystem` is for tests: one that fails.
    CheckpointStore(std::string directory, std::string application,
                    std::shared_ptr<rocksdb::FileSystem> fileSystem = nullptr);
    ~CheckpointStore();
    CheckpointStore(const CheckpointStore&) = delete;
    CheckpointStore& operator=(const CheckpointStore&) = delete;

    const std::string& directory() const;
    /// Of this database; a copy has the same.
    const std::string& uuid() const;
    const BatchRecord& last() const;
    /// How many processes have used it, this one included once it has begun its epoch.
    std::uint64_t epoch() const;
    /// A write has failed.
    bool failed() const;

    /// The payload of a value.
    std::optional<std::string> read(Family family, std::string_view key, Stored kind) const;
    /// Calls `visit(key, payload)` for all keys with this prefix, in order. May be called by several threads at once.
    void each(Family family, std::string_view prefix, Stored kind,
              const std::function<void(std::string_view key, std::string_view payload)>& visit) const;
    /// The same for the keys from `begin` on.
    void each(Family family, std::string_view prefix, std::string_view begin, Stored kind,
              const std::function<void(std::string_view key, std::string_view payload)>& visit) const;
    /// Calls `visit(key, size of the value)`, which reads no values.
    std::vector<std::string> keys(Family family, std::string_view prefix) const;

    /// Counts this process, together with what it changes before its first batch.
    void beginEpoch(Changes changes);
    /// Makes a batch durable with all that it changed: the one commit point. `record.id` is the last one's + 1.
    void commit(Changes changes, const BatchRecord& record);
    /// Changes that belong to no commit, as the plan of a batch that is yet to run.
    void write(Changes changes, bool synced);
    /// What was received, synced: it belongs to no batch yet.
    void writeAhead(const std::vector<AheadValue>& values);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Keys sort as their numbers do.
std::string keyOf(std::uint32_t first);
std::string keyOf(std::uint32_t first, std::uint32_t second);
std::string keyOf(std::uint32_t first, std::uint32_t second, std::uint64_t third, std::uint32_t fourth);
/// Of a block that was received.
std::string blockKey(std::uint32_t receiver, std::uint64_t sequence);

} // namespace rivulet::detail
