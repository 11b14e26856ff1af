#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rivulet {

/// What a file system knows of one file or directory.
struct FileStatus {
    std::string path; ///< as it was asked for or listed; `FileSystem::forUri` accepts what `expandInput` returned
    std::uint64_t sizeBytes = 0;
    std::chrono::sys_time<std::chrono::milliseconds> modified;
    bool isDirectory = false;
};

/// A file opened for reading at any offset.
///
/// Threads: all members may be called concurrently; there is no position
class InputFile {
  public:
    virtual ~InputFile() = default;
    InputFile(const InputFile&) = delete;
    InputFile& operator=(const InputFile&) = delete;

    /// Fills `buffer` from `offset` on and returns the bytes read; fewer than asked only at the end of the file.
    ///
    /// Errors:  IoError with path, offset and errno
    virtual std::size_t readAt(std::uint64_t offset, std::span<char> buffer) = 0;
    /// The size when the file was opened.
    virtual std::uint64_t sizeBytes() const noexcept = 0;
    /// A hint that these bytes will be read soon. May do nothing.
    virtual void willNeed(std::uint64_t offset, std::uint64_t sizeBytes) noexcept;

  protected:
    InputFile() = default;
};

/// A file opened for writing from its start to its end, with a buffer.
///
/// What was written is there for certain only after `close()` returned (and survives a power cut only after `sync()`).
/// A file that is destroyed unclosed is flushed as far as possible; a failure then is logged, because a destructor
/// cannot throw.
///
/// Errors:  IoError with path and errno from the call that notices, at the latest from `close()`; every later call
/// repeats
///          it. UsageError for writing after `close()`
/// Threads: one at a time
class OutputFile {
  public:
    virtual ~OutputFile() = default;
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;

    /// Appends `bytes`.
    virtual void write(std::string_view bytes) = 0;
    /// Returns after all that was written is on the device.
    virtual void sync() = 0;
    /// Writes what is buffered and closes. A second call does nothing.
    virtual void close() = 0;

  protected:
    OutputFile() = default;
};

/// One kind of storage, chosen by the scheme of a URI: `file://` or no scheme is the local one; others are registered.
///
/// Operations take paths, `FileSystem::pathOf(uri)`. Percent escapes are not decoded, as in Spark: a path is bytes.
///
/// Errors:  IoError with what was tried, the path, the errno and what to do
/// Threads: all members may be called concurrently
/// Source:  Hadoop FileSystem
class FileSystem {
  public:
    using Where = std::source_location;

    virtual ~FileSystem() = default;

    /// Returns the file system of a URI's scheme; no scheme means local.
    ///
    /// Errors:  UsageError for a scheme that is not registered, naming those that are
    static std::shared_ptr<FileSystem> forUri(std::string_view uri, Where where = Where::current());
    /// Makes `scheme` ("s3", "hdfs") known, or replaces it.
    static void registerScheme(std::string_view scheme, std::shared_ptr<FileSystem> fileSystem,
                               Where where = Where::current());
    /// The scheme before `://` (or of `file:/path`) in small letters; empty if there is none.
    static std::string schemeOf(std::string_view uri);
    /// What follows the scheme and `://`: "/x" for "file:///x", "bucket/x" for "s3://bucket/x", "/x" for "/x".
    ///
    /// Errors:  UsageError for a `file://` URI that names another host
    static std::string pathOf(std::string_view uri, Where where = Where::current());

    /// Returns nothing if there is no such file or directory.
    virtual std::optional<FileStatus> status(const std::string& path) = 0;
    /// The direct entries of a directory, sorted by name (by bytes); a file that vanishes meanwhile is left out.
    ///
    /// "" is where relative paths begin. A link to nothing is listed, so that opening it tells of it.
    virtual std::vector<FileStatus> list(const std::string& directory) = 0;
    /// Opens for reading; a directory or something without offsets (a pipe) is an IoError.
    virtual std::unique_ptr<InputFile> openRead(const std::string& path) = 0;
    /// Creates or empties a file; its directory must exist.
    virtual std::unique_ptr<OutputFile> openWrite(const std::string& path) = 0;
    /// Creates a directory and those above it; one that exists already is fine.
    virtual void createDirectories(const std::string& path) = 0;
    /// Renames, replacing a file at `to`: readers see the old one or the new one, never a mixture.
    virtual void rename(const std::string& from, const std::string& to) = 0;
    /// Returns after what was created, renamed and removed in a directory would survive a power cut. Where a file
    /// system has nothing to do for that, it does nothing.
    virtual void syncDirectory(const std::string& path);
    /// Removes a file, or a directory with all in it; nothing there is fine. Links are removed, not followed.
    virtual void removeAll(const std::string& path) = 0;

    bool exists(const std::string& path) { return status(path).has_value(); }
    /// What matches a pattern, sorted by path: `*` and `?` within a name, `[a-z]`, `[!a]`, `{a,b}`, `\` before a
    /// literal.
    ///
    /// Cost:    one `list` per directory that the pattern's names with wildcards stand in
    virtual std::vector<FileStatus> glob(const std::string& pattern);
};

/// Returns the files that an input names: comma separated files, patterns and directories, each with an optional
/// scheme.
///
/// A directory stands for its direct files, without those whose names begin with '.' or '_' (nor does a pattern match
/// those, unless its last name begins so). The order is that of the list; a pattern's and a directory's files are
/// sorted by path. A name that exists as written is never taken for a pattern. An empty directory gives no files.
///
/// Errors:  UsageError for an empty name; IoError if a name does not exist, a pattern matches nothing, or a directory
///          stands inside a directory
/// Source:  Hadoop FileInputFormat.listStatus, as Spark's textFile uses it
std::vector<FileStatus> expandInput(std::string_view uris,
                                    std::source_location where = std::source_location::current());

namespace detail {

/// Whether the one name (no '/') matches the pattern of `*`, `?`, `[..]` and `\`; `?` is one UTF-8 character.
bool matchesGlob(std::string_view pattern, std::string_view name);

/// The file system of `file://`.
std::shared_ptr<FileSystem> makeLocalFileSystem();

} // namespace detail
} // namespace rivulet
