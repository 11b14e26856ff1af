#pragma once

#include "rivulet/rdd/text_output.h"
#include "rivulet/sinks/sink.h"

#include <map>
#include <mutex>

namespace rivulet {
namespace detail {

/// Where the files of batches are staged, and published: a batch is a directory that is written under a hidden name,
/// synced, and renamed.
///
///     out/totals-0000000012/part-00000     batch 12 of the sink 'totals', as a reader sees it: all of it, or nothing
///     out/totals-0000000012/_manifest      its parts with their sizes and checksums
///     out/.totals/owner                    which checkpoint it belongs to, and which process writes it
///     out/.totals/3-0000000013/            batch 13, as the third process stages it
///
/// Threads: one call at a time, but for parts, which tasks write side by side
class StagedFiles {
  public:
    StagedFiles(const char* operation, const std::string& directory, std::string uid, std::source_location where);

    void open(const SinkStart& start);
    void begin(std::uint64_t batch);
    std::unique_ptr<TextOutput::Part> openPart(int partition, int attempt);
    /// Everything staged is on the disk; returns how it is found. Empty where there are no parts.
    std::string finish(const BatchContext& batch);
    void finalize(std::uint64_t batch, std::string_view prepared);
    void abort(std::uint64_t batch) noexcept;

  private:
    class StagedPart;
    struct PartInfo {
        std::uint64_t bytes = 0;
        std::uint32_t checksum = 0;
    };
    void add(int partition, const PartInfo& info);
    std::string published(std::uint64_t batch) const;
    std::string staged(std::uint64_t epoch, std::uint64_t batch) const;
    void claim(const SinkStart& start);
    void removeLeftovers(const SinkStart& start);
    void refuseLater(const SinkStart& start) const;
    void requireOwner(std::uint64_t batch) const;

    const std::shared_ptr<FileSystem> files_;
    const std::string directory_, uid_, hidden_;
    std::string application_; // since `open`, as the following
    std::uint64_t epoch_ = 0;
    std::string stage_; // of the batch that runs

    std::mutex mutex_; // guards the following
    std::map<int, PartInfo> parts_;
};

/// `Format::write(part, pipe, partition, task)` writes the elements of a partition.
template <class T, class Format> class FilesSink final : public TransactionalSink<T> {
  public:
    FilesSink(const char* operation, const std::string& directory, const std::string& uid, std::source_location where)
        : files_(operation, directory, uid, where),
          site_{operation, where} {}

    std::string form() const override { return Format::kForm; }
    void open(const SinkStart& start) override { files_.open(start); }
    std::string prepare(const RDD<T>& rdd, const BatchContext& batch) override {
        files_.begin(batch.id);
        using Pipe = std::remove_cvref_t<decltype(rdd.pipe())>;
        runTasks<char, Pipe>(rdd.lineagePtr(), site_, allPartitions(rdd.getNumPartitions()),
                             [&](int p, TaskContext& task) {
                                 const auto part = files_.openPart(p, task.attemptNumber());
                                 Format::template write<T>(*part, rdd.pipe(), p, task);
                                 part->commit();
                                 return char();
                             });
        return files_.finish(batch);
    }
    void finalize(std::uint64_t batch, std::string_view prepared) override { files_.finalize(batch, prepared); }
    void abort(std::uint64_t batch) noexcept override { files_.abort(batch); }

  private:
    StagedFiles files_;
    const CallSite site_;
};

struct TextLines {
    static constexpr const char* kForm = "text files";
    template <class T, class Pipe>
    static void write(TextOutput::Part& part, const Pipe& pipe, int partition, TaskContext& task) {
        LineSink sink{part, {}};
        auto cursor = pipe.open(partition, task);
        for (bool more = true; more; task.throwIfCancelled()) {
            more = pipe.advance(cursor, sink);
            sink.flush();
        }
    }
};

} // namespace detail

/// Batches in files, each exactly once.
namespace files {

struct DirectoryOptions {
    /// A path or URI. Several sinks may write to one directory.
    std::string directory = {};
    /// Names the sink in the checkpoint, and what it writes.
    std::string uid = {};
};

/// Writes every batch as text into a directory of its own, `directory/uid-0000000012` for the 12th batch of the
/// checkpoint, a line per element and a file per partition that has some. Each is there exactly once, through crashes
/// and power cuts, and appears with all its files at once; an empty batch leaves none. `_manifest` in it lists the
/// files with sizes and checksums.
///
/// Those who take batches away leave the last one where it is: a process that goes on looks for it.
///
/// Cost:   four syncs per batch that has elements, beside the commit's, and one per file
/// Errors: UsageError where the uid cannot be the name of a file; at the start, where there is no checkpoint directory.
///         RecoveryError from the start where the directory belongs to another checkpoint, or has later batches
template <class T, class Recipe>
    requires Printable<T>
void saveToDirectory(const DStream<T, Recipe>& stream, const DirectoryOptions& options,
                     std::source_location where = std::source_location::current()) {
    using Sink = detail::FilesSink<owned_t<T>, detail::TextLines>;
    const char* const operation = "files::saveToDirectory";
    detail::addSink(operation, stream,
                    std::shared_ptr<TransactionalSink<owned_t<T>>>(
                        detail::share(new Sink(operation, options.directory, options.uid, where))),
                    options.uid, where);
}

} // namespace files
} // namespace rivulet
