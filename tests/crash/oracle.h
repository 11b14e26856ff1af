#pragma once

#include <string>
#include <vector>

/// What a crash_subject has written of a batch: which records it had and when, "0 17 2000", and the sorted lines.
struct WrittenBatch {
    std::string where, range;
    std::vector<std::string> lines;
};

/// What the batches of a crash_subject must be, in their order. Includes nothing of the library, and is written without
/// it in mind.
///
/// Returns what is wrong, or nothing.
std::string checkBatches(const std::vector<WrittenBatch>& found, const std::string& scenario, long records);

/// The same of the files in a directory, one for each batch. Counts the batches.
std::string checkOutputs(const std::string& directory, const std::string& scenario, long records, long& batches);

/// A batch whose range is one of its lines, after a '#'; lines in any order.
WrittenBatch withRangeInside(std::string where, std::vector<std::string> lines);
