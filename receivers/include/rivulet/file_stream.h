#pragma once

#include "rivulet/file_system.h"
#include "rivulet/streaming_context.h"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace rivulet {

/// Which files a file stream takes.
struct FileStreamOptions {
    /// Called with the path of each file; without it, names that begin with `.` are left out.
    std::function<bool(const std::string& path)> filter;
    bool newFilesOnly = true; ///< leave out what was there before the stream
};

namespace detail {

using FilesRdd = RDD<std::string_view, TextPipe>;

using ChosenFiles = std::shared_ptr<const std::vector<FileStatus>>;

/// Chooses the files of each batch by Spark's rule, and remembers the choice as long as a file may be chosen at all.
///
/// Threads: `at` from any; `choose` by the thread that runs the batches
class FileChoice {
  public:
    FileChoice(StreamCore& core, const char* operation, std::string directory, FileStreamOptions options);
    /// Chooses those of the batch of this time; none, with a warning, where the directory cannot be read.
    void choose(Time time);
    /// What was chosen for the batch of this time.
    ChosenFiles at(Time time) const;
    const std::string& directory() const { return directory_; }
    /// The paths of those that were chosen for the batch of this time, a line for each.
    std::string pathsAt(Time time) const;
    /// What was chosen, and up to when was looked: another process that restores it chooses no file again.
    std::string position() const;
    void restore(std::string_view position);

  private:
    std::vector<FileStatus> list(Time after, Time time) const;

    const Duration batch_;
    const char* const operation_;
    const std::string directory_;
    const std::function<bool(const std::string&)> filter_;
    Time ignoreUpTo_;
    const Duration window_;
    std::optional<Time> lastListed_;
    std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>(); // guards chosen_ against `at`
    std::map<Time, ChosenFiles> chosen_;
};

/// What all streams of files are as inputs.
class FileInput : public Input {
  public:
    explicit FileInput(FileChoice choice) : choice_(std::move(choice)) {}
    std::string kind() const override { return "File stream"; }
    long allocate(Time time) override {
        choice_.choose(time);
        return 0; // elements are not counted before they are read
    }
    std::string describe(Time time) const override { return choice_.pathsAt(time); }
    std::string position() const override { return choice_.position(); }
    void restore(std::string_view position) override { choice_.restore(position); }
    long allocateAgain(Time, std::string_view position) override {
        choice_.restore(position); // the files of the batch are in it
        return 0;
    }

  protected:
    const FileChoice& choice() const { return choice_; }

  private:
    FileChoice choice_;
};

/// The node of a stream whose RDDs a function makes of the files of each batch.
template <class T, class Read> class FileNode final : public StreamNode<RDD<T>>, public FileInput {
  public:
    FileNode(const std::shared_ptr<StreamCore>& core, CallSite site, FileChoice choice, Read read)
        : StreamNode<RDD<T>>(core, site, core->batchDuration(), {}),
          FileInput(std::move(choice)),
          read_(std::move(read)) {}

  protected:
    std::optional<RDD<T>> compute(Time time) override {
        return RDD<T>(read_(this->core()->context(), *choice().at(time)));
    }

  private:
    Read read_;
};

/// The stream of a function of the files.
template <class T, class Read>
DStream<T> fileStreamOf(const StreamingContext& ssc, const char* operation, const std::string& directory,
                        FileStreamOptions options, Read read, std::source_location where) {
    const auto& core = ssc.core();
    core->requireOpen(operation, where);
    auto node =
        share(new FileNode<T, Read>(core, CallSite{operation, where},
                                    FileChoice(*core, operation, directory, std::move(options)), std::move(read)));
    core->add(std::shared_ptr<Input>(node));
    return DStream<T>(NodeRecipe<StreamNode<RDD<T>>>(std::move(node)));
}

} // namespace detail

/// The lines of text files, as views.
using TextFileStream = DStream<std::string_view, detail::NodeRecipe<detail::StreamNode<detail::FilesRdd>>>;

/// The lines of the files that appear in a directory, or in those that a pattern matches (a pattern chooses
/// directories, never files).
///
/// The batch of time T takes a file that was modified at T or before, after the start of the stream (where
/// `newFilesOnly`) and within `rivulet.streaming.fileStream.minRememberDuration` of T, and that none of the batches of
/// that time has taken. Names that begin with `.` are left out, and so is what lies in sub-directories. So write a file
/// elsewhere on the same file system, and rename it into the directory when it is complete; later changes are not seen.
/// `BatchInfo` names the files of a batch (`inputs()`, the input's description).
///
/// Errors: a directory that does not exist gives a warning and empty batches
/// Source: Spark StreamingContext.textFileStream
TextFileStream textFileStream(const StreamingContext& ssc, const std::string& directory, bool newFilesOnly = true,
                              std::source_location where = std::source_location::current());
TextFileStream textFileStream(const StreamingContext& ssc, const std::string& directory, FileStreamOptions options,
                              std::source_location where = std::source_location::current());

/// What `read(context, files)` makes of the files that are new in each batch, by the rule of `textFileStream`: it gets
/// their `FileStatus` (maybe none) and returns an RDD.
///
///     auto sizes = fileStream(ssc, "in", [](const Context& sc, const std::vector<FileStatus>& files) {
///         return sc.parallelize(files).map([](const FileStatus& file) { return long(file.sizeBytes); });
///     });
///
/// Threads: `read` runs once per batch, on the thread that runs the batches
/// Source:  Spark StreamingContext.fileStream, whose InputFormat is `read` here
template <class Read>
    requires std::invocable<Read&, const Context&, const std::vector<FileStatus>&>
auto fileStream(const StreamingContext& ssc, const std::string& directory, Read read, FileStreamOptions options = {},
                std::source_location where = std::source_location::current()) {
    using Result = std::invoke_result_t<Read&, const Context&, const std::vector<FileStatus>&>;
    static_assert(AnyRdd<Result>, "fileStream's function must return an RDD");
    using T = typename std::remove_cvref_t<Result>::Owned;
    return detail::fileStreamOf<T>(ssc, "fileStream", directory, std::move(options), std::move(read), where);
}

/// The records of so many bytes each of the files that appear in a directory, by the rule of `textFileStream`.
///
/// Shape:  a partition for about 1 MiB of a file
/// Errors: UsageError where `recordBytes` is below 1; CorruptionError, which fails the batch, where the size of a file
///         is no multiple of it
/// Source: Spark StreamingContext.binaryRecordsStream
DStream<std::string> binaryRecordsStream(const StreamingContext& ssc, const std::string& directory, int recordBytes,
                                         FileStreamOptions options = {},
                                         std::source_location where = std::source_location::current());

} // namespace rivulet
