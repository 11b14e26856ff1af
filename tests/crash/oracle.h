#pragma once

#include <string>

/// What the files of a crash_subject must be. Includes nothing of the library, and is written without it in mind.
///
/// Returns what is wrong, or nothing. Counts the batches.
std::string checkOutputs(const std::string& directory, const std::string& scenario, long records, long& batches);
