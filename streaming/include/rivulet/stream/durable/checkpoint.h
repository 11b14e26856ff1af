#pragma once

#include "rivulet/error.h"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace rivulet {

/// A checkpoint directory cannot be gone on with as it is: it is in use, it is not whole, a newer version has written
/// it, or it does not belong to this program. Nothing was changed. The message says what was found, and what can be
/// done.
class RecoveryError : public Error {
  public:
    using Error::Error;
};

/// Made by `migrateState`.
struct StateMigration {
    std::string uid;
    std::string from, to; ///< what key and state are stored as: "tuple<string,i64>"
    std::function<std::string(std::string_view piece, bool isTable)> rewrite;
};

/// What a program says of its checkpoint directory.
struct CheckpointOptions {
    /// Uids whose state is to be forgotten.
    std::vector<std::string> dropState = {};
    /// From a uid in the checkpoint to the one that the program has for the same operator now.
    std::map<std::string, std::string> adopt = {};
    /// How states of an older type become those that the program has now; see `migrateState`.
    std::vector<StateMigration> migrations = {};

    /// Where a directory that is not there yet, or is empty, begins: a savepoint, or a folder of savepoints or copies,
    /// of which the newest is taken. Where the directory has something this is left alone, so it may stay.
    std::string from = {};

    /// A folder, on another disk, in which copies are kept from which a program can begin (`from`). They are made while
    /// batches go on: one is begun when `copyEvery` batches were committed since the one before was, and that one is
    /// complete. So a lost disk costs at most `copyEvery` batches, and those that run while a copy is made.
    std::string copyTo = {};
    long copyEvery = 100;
    /// How many of them are kept.
    int copies = 2;
};

} // namespace rivulet
