#pragma once

#include "durable/witness.h"
#include "rivulet/time.h"

#include <map>
#include <string>
#include <vector>

/// A savepoint: a checkpoint directory as it was after a batch, from which programs can go on.
///
///     contents  what it has: of which batch, and of each file its size and checksum
///     IDENT, witness, state/   as in a checkpoint directory
///
/// It is complete, or it is not there: made under another name, synced, and then renamed.
namespace rivulet::detail {

inline constexpr const char* kContentsName = "contents";
/// Below a checkpoint directory: the links of which a copy is being made.
inline constexpr const char* kLinkedName = "linked";

struct SavedFile {
    std::string name; // below state/
    std::uint64_t size = 0;
    std::uint32_t checksum = 0;
    template <class Archive> void serialize(Archive& archive) { archive(name, size, checksum); }
};

struct SavedContents {
    WitnessRecord witness; // what it has reached
    Time time{};           // of that batch
    std::vector<SavedFile> files;
    template <class Archive> void serialize(Archive& archive) {
        archive(witness.batch, witness.epoch, witness.sequence, time, files);
    }
};

/// The name of one that is given none: the later it was made, the further behind it sorts.
std::string savedCopyName(const WitnessRecord& witness);

/// What a copy is made of.
struct CopySource {
    std::string database; // links of its own, which are gone afterwards
    std::string identity; // the content of IDENT
    WitnessRecord witness;
    Time time{};
};

/// Makes a savepoint. Files that never change again are linked where that is possible; where `before` is one that the
/// same process has made, those that it has are linked from there. Returns what it has.
///
/// Errors: IoError; then it is not there
SavedContents makeSavedCopy(rocksdb::Env& env, const CopySource& source, const std::string& path,
                            const std::string& before = {}, const SavedContents& beforeContents = {});

/// Reads what a savepoint says to have; nothing where there is none.
std::optional<SavedContents> readSavedContents(rocksdb::Env& env, const std::string& path);
/// What of it is not as it says, file by file; empty where all is.
std::vector<std::string> verifySavedCopy(rocksdb::Env& env, const std::string& path, const SavedContents& contents);

/// `path`, where it is a savepoint; the newest one in it otherwise.
///
/// Errors: RecoveryError where there is none
std::string newestSavedCopy(rocksdb::Env& env, const std::string& path);
/// Copies the database of a savepoint to a directory that is not there yet, synced, and compares it with what the
/// savepoint says.
///
/// Errors: CorruptionError where they differ
SavedContents restoreSavedCopy(rocksdb::Env& env, const std::string& path, const std::string& database);

/// Deletes all savepoints in a folder but the newest `kept`, of those that have a name by `savedCopyName`.
void retainSavedCopies(rocksdb::Env& env, const std::string& folder, std::size_t kept);

} // namespace rivulet::detail
