#pragma once

#include "rivulet/error.h"

#include <map>
#include <string>
#include <vector>

namespace rivulet {

/// A checkpoint directory cannot be gone on with as it is: it is in use, it is not whole, a newer version has written
/// it, or it does not belong to this program. Nothing was changed. The message says what was found, and what can be
/// done.
class RecoveryError : public Error {
  public:
    using Error::Error;
};

/// What a program that goes on from a checkpoint says of operators that it no longer has by their old names.
struct CheckpointOptions {
    /// Uids whose state is to be forgotten.
    std::vector<std::string> dropState = {};
    /// From a uid in the checkpoint to the one that the program has for the same operator now.
    std::map<std::string, std::string> adopt = {};
};

} // namespace rivulet
