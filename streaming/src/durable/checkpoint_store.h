#pragma once

#include "durable/database/family.h"
#include "durable/envelope.h"
#include "durable/witness.h"
#include "rivulet/stream/durable/checkpoint.h"
#include "rivulet/time.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rivulet::detail {

/// What was committed last.
struct BatchRecord {
    std::uint64_t id = 0; // counts the batches of all processes; 0: none was committed
    Time time{}, zero{};  // the batch's, and that from which batch times are counted
    Duration batchDuration{};
};

class PageAccess;

/// Changes that come into force together.
class Changes {
  public:
    struct Change {
        Family family;
        std::string key;
        std::optional<std::string> value; // nothing: the key goes
        std::string end = {};             // with it, all keys from `key` to before it go
        Envelope around = {};             // of `lent`
        std::string_view lent = {};       // a value's payload, instead of `value`
        bool isLent = false;
    };
    void put(Family family, std::string key, Stored kind, std::string_view payload) {
        changes_.push_back({family, std::move(key), enveloped(kind, payload)});
    }
    /// The payload is not copied: it stays where it is until the changes are made.
    void lend(Family family, std::string key, Stored kind, std::string_view payload) {
        changes_.push_back({family, std::move(key), std::nullopt, {}, envelopeOf(kind, payload, {}), payload, true});
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

/// What is done while the disk is full: `wait` returns when another attempt may be made, false where none is to be;
/// `over` is called when there was room again.
struct FullDisk {
    std::function<bool()> wait;
    std::function<void()> over = [] {};
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

    enum class Use {
        program, ///< makes the directory where there is none
        change,  ///< one that is there
        inspect, ///< changes nothing, and keeps others out
        look,    ///< changes nothing, and may be beside a program that uses it
    };
    struct Settings {
        Use use = Use::program;
        /// A savepoint, or a folder of them, whose content a new directory gets; empty: it begins empty.
        std::string from = {};
        /// For tests: one that fails.
        std::shared_ptr<rocksdb::FileSystem> fileSystem = nullptr;
    };
    CheckpointStore(std::string directory, std::string application, Settings settings);
    /// Opens the directory, or makes it where there is none.
    CheckpointStore(std::string directory, std::string application,
                    std::shared_ptr<rocksdb::FileSystem> fileSystem = nullptr);
    ~CheckpointStore();
    CheckpointStore(const CheckpointStore&) = delete;
    CheckpointStore& operator=(const CheckpointStore&) = delete;

    const std::string& directory() const;
    /// Of this database; a copy has the same.
    const std::string& uuid() const;
    /// Of the program and of the version of the library that have made it.
    const std::string& application() const;
    const std::string& library() const;
    /// Who uses it meanwhile; empty where nobody is known to. For `Use::look`.
    const std::string& holder() const;
    rocksdb::Env& env() const;
    const BatchRecord& last() const;
    /// How many processes have used it, this one included once it has begun its epoch.
    std::uint64_t epoch() const;
    /// A write has failed.
    bool failed() const;
    /// Without it a full disk is as any other write that fails.
    void setFullDisk(FullDisk fullDisk);

    /// The payload of a value. Packed rows are unpacked, as they are by the following.
    std::optional<std::string> read(Family family, std::string_view key, Stored kind) const;
    /// Calls `visit(key, payload)` for all keys with this prefix, in order. May be called by several threads at once.
    void each(Family family, std::string_view prefix, Stored kind,
              const std::function<void(std::string_view key, std::string_view payload)>& visit) const;
    /// The same for the keys from `begin` on.
    void each(Family family, std::string_view prefix, std::string_view begin, Stored kind,
              const std::function<void(std::string_view key, std::string_view payload)>& visit) const;
    /// The same with payloads of states as they are stored: `visit(key, payload, whether it is packed)`.
    void eachPiece(std::string_view prefix,
                   const std::function<void(std::string_view key, std::string_view payload, bool packed)>& visit) const;
    /// The keys with a prefix.
    std::vector<std::string> keys(Family family, std::string_view prefix) const;

    /// The names of all families, in the order of `Family`.
    static std::vector<std::string> families();
    /// Calls `visit(key, value)` for all of a family, values as they are stored.
    void eachStored(Family family,
                    const std::function<void(std::string_view key, std::string_view value)>& visit) const;
    /// Reads every file of the database, and compares it with its checksums.
    ///
    /// Errors: CorruptionError
    void verifyFiles() const;
    /// Has the database give back what was erased.
    void compact();
    /// Makes `path`, which must not be there, a database that has what this one has now: of hard links, in
    /// milliseconds, where it is on the same disk. What is written later does not reach it.
    void link(const std::string& path);
    WitnessRecord reached() const;

    /// Counts this process, together with what it changes before its first batch.
    void beginEpoch(Changes changes);
    /// Makes a batch durable with all that it changed: the one commit point. `record.id` is the last one's + 1.
    void commit(Changes changes, const BatchRecord& record);
    /// Changes that belong to no commit, as the plan of a batch that is yet to run.
    void write(Changes changes, bool synced);
    /// What was received, synced: it belongs to no batch yet.
    void writeAhead(const std::vector<AheadValue>& values);

    /// The states of operators, piece by piece, for tasks and RDDs.
    std::shared_ptr<PageAccess> pages() const;
    /// How much of them is kept in memory.
    void setPageCache(std::size_t bytes);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// For tests: the disk of directories that are opened from now on and are given none; null: the real one.
void useDisk(std::shared_ptr<rocksdb::FileSystem> disk);

/// Keys sort as their numbers do.
std::string keyOf(std::uint32_t first);
std::string keyOf(std::uint32_t first, std::uint32_t second);
std::string keyOf(std::uint32_t first, std::uint32_t second, std::uint64_t third, std::uint32_t fourth);
/// Of a block that was received.
std::string blockKey(std::uint32_t receiver, std::uint64_t sequence);

} // namespace rivulet::detail
