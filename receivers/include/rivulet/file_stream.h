#pragma once

#include "rivulet/streaming_context.h"

#include <string>

namespace rivulet {
namespace detail {
using FilesRdd = RDD<std::string_view, TextPipe>;
}

/// The lines of text files, as views.
using TextFileStream = DStream<std::string_view, detail::NodeRecipe<detail::StreamNode<detail::FilesRdd>>>;

/// The lines of the files that appear in a directory, or in those that a pattern matches (a pattern chooses
/// directories, never files).
///
/// The batch of time T takes a file that was modified at T or before, after the start of the stream (where
/// `newFilesOnly`) and within `rivulet.streaming.fileStream.minRememberDuration` of T, and that none of the batches of
/// that time has taken. Names that begin with `.` are left out, and so is what lies in sub-directories. So write a file
/// elsewhere on the same file system, and rename it into the directory when it is complete; later changes are not seen.
///
/// Errors: a directory that does not exist gives a warning and empty batches
/// Source: Spark StreamingContext.textFileStream
TextFileStream textFileStream(const StreamingContext& ssc, const std::string& directory, bool newFilesOnly = true,
                              std::source_location where = std::source_location::current());

} // namespace rivulet
