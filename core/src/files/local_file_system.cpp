#include "base/io_error.h"
#include "rivulet/file_system.h"
#include "rivulet/log.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace rivulet {
namespace {

using detail::ioError;

// Calls a system function until no signal interrupts it.
template <class Call> auto withoutInterruption(Call call) {
    decltype(call()) result;
    do {
        result = call();
    } while (result == -1 && errno == EINTR);
    return result;
}

// Closes on the way out, unless closed before with an eye on the result.
class Descriptor {
  public:
    explicit Descriptor(int value) : value_(value) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() { close(); }

    int get() const { return value_; }
    bool isOpen() const { return value_ >= 0; }
    /// Returns the errno, 0 if all went well. Linux closes even where EINTR is reported, so there is no second try.
    int close() {
        const int result = value_ >= 0 ? ::close(value_) : 0;
        value_ = -1;
        return result == 0 || errno == EINTR ? 0 : errno;
    }

  private:
    int value_;
};

FileStatus toStatus(const std::string& path, const struct stat& info) {
    const auto sinceEpoch = std::chrono::seconds(info.st_mtim.tv_sec) + std::chrono::nanoseconds(info.st_mtim.tv_nsec);
    return {path, S_ISREG(info.st_mode) ? static_cast<std::uint64_t>(info.st_size) : 0,
            std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::floor<std::chrono::milliseconds>(sinceEpoch)),
            S_ISDIR(info.st_mode)};
}

class LocalInputFile final : public InputFile {
  public:
    explicit LocalInputFile(const std::string& path)
        : path_(path),
          descriptor_(withoutInterruption([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); })) {
        // O_NONBLOCK: opening a pipe that nobody writes to would wait for ever, before it could be refused.
        if (!descriptor_.isOpen()) throw ioError("open", path, " for reading", errno);
        struct stat info;
        if (::fstat(descriptor_.get(), &info) != 0) throw ioError("open", path, " for reading", errno);
        if (S_ISDIR(info.st_mode)) throw ioError("open", path, " for reading", EISDIR);
        if (!S_ISREG(info.st_mode))
            throw IoError("cannot open '" + path +
                          "' for reading: it is not a regular file, and a pipe or device cannot be read in parts; copy "
                          "it to a file first");
        sizeBytes_ = static_cast<std::uint64_t>(info.st_size);
        ::posix_fadvise(descriptor_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    }

    std::size_t readAt(std::uint64_t offset, std::span<char> buffer) override {
        std::size_t done = 0;
        while (done < buffer.size()) {
            const ssize_t got = withoutInterruption([&] {
                return ::pread(descriptor_.get(), buffer.data() + done, buffer.size() - done,
                               static_cast<off_t>(offset + done));
            });
            if (got < 0) throw ioError("read", path_, " at offset " + std::to_string(offset + done), errno);
            if (got == 0) break;
            done += static_cast<std::size_t>(got);
        }
        return done;
    }

    std::uint64_t sizeBytes() const noexcept override { return sizeBytes_; }

    void willNeed(std::uint64_t offset, std::uint64_t sizeBytes) noexcept override {
        ::posix_fadvise(descriptor_.get(), static_cast<off_t>(offset), static_cast<off_t>(sizeBytes),
                        POSIX_FADV_WILLNEED);
    }

  private:
    const std::string path_;
    Descriptor descriptor_;
    std::uint64_t sizeBytes_ = 0;
};

class LocalOutputFile final : public OutputFile {
  public:
    explicit LocalOutputFile(const std::string& path)
        : path_(path),
          descriptor_(withoutInterruption(
              [&] { return ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666); })) {
        if (!descriptor_.isOpen()) throw ioError("open", path, " for writing", errno);
        buffer_.reserve(kBufferBytes);
    }

    ~LocalOutputFile() override {
        if (!descriptor_.isOpen() || !failure_.empty()) return;
        try {
            close();
        } catch (const std::exception& error) {
            logError("a file was not closed before its end: " + std::string(error.what()));
        }
    }

    void write(std::string_view bytes) override {
        requireOpen();
        if (buffer_.size() + bytes.size() > kBufferBytes) flush();
        if (bytes.size() >= kBufferBytes)
            writeThrough(bytes);
        else
            buffer_.append(bytes);
    }

    void sync() override {
        requireOpen();
        flush();
        // EINVAL: a device that knows no synchronization has nothing to wait for.
        if (withoutInterruption([&] { return ::fsync(descriptor_.get()); }) != 0 && errno != EINVAL)
            fail(ioError("sync", path_, "", errno));
    }

    void close() override {
        if (!failure_.empty()) throw IoError(failure_);
        if (!descriptor_.isOpen()) return;
        flush();
        if (const int error = descriptor_.close()) fail(ioError("close", path_, " after writing", error));
    }

  private:
    static constexpr std::size_t kBufferBytes = 64 * 1024;

    void requireOpen() const {
        if (!failure_.empty()) throw IoError(failure_);
        if (!descriptor_.isOpen())
            throw UsageError("'" + path_ + "' is closed and cannot be written to; open it again, which empties it");
    }

    void flush() {
        writeThrough(buffer_);
        buffer_.clear();
    }

    void writeThrough(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t done =
                withoutInterruption([&] { return ::write(descriptor_.get(), bytes.data(), bytes.size()); });
            if (done < 0) fail(ioError("write to", path_, "", errno));
            bytes.remove_prefix(static_cast<std::size_t>(done));
        }
    }

    [[noreturn]] void fail(const IoError& error) {
        failure_ = error.what();
        throw error;
    }

    const std::string path_;
    Descriptor descriptor_;
    std::string buffer_;
    std::string failure_; // the first one; what follows it in the file is unknown, so nothing may succeed after it
};

class LocalFileSystem final : public FileSystem {
  public:
    std::optional<FileStatus> status(const std::string& path) override {
        struct stat info;
        if (::stat(path.c_str(), &info) == 0) return toStatus(path, info);
        // A name that is too long (a list of inputs asked for as one) cannot exist.
        if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG) return std::nullopt;
        throw ioError("look at", path, "", errno);
    }

    std::vector<FileStatus> list(const std::string& directory) override {
        const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.empty() ? "." : directory.c_str()),
                                                         [](DIR* opened) { return ::closedir(opened); });
        if (!stream) throw ioError("list", directory, "", errno);
        const std::string prefix = directory.empty() || directory.ends_with('/') ? directory : directory + "/";
        std::vector<FileStatus> entries;
        while (true) {
            errno = 0;
            const dirent* entry = ::readdir(stream.get());
            if (!entry && errno != 0) throw ioError("list", directory, "", errno);
            if (!entry) break;
            const std::string_view name = entry->d_name;
            if (name == "." || name == "..") continue;
            // A link to nothing is listed as itself: opening it then fails by name, where leaving it out would lose
            // data in silence.
            const std::string path = prefix + entry->d_name;
            struct stat info;
            if (::stat(path.c_str(), &info) == 0 || ::lstat(path.c_str(), &info) == 0)
                entries.push_back(toStatus(path, info));
            else if (errno != ENOENT)
                throw ioError("look at", path, "", errno);
        }
        std::ranges::sort(entries, {}, &FileStatus::path);
        return entries;
    }

    std::unique_ptr<InputFile> openRead(const std::string& path) override {
        return std::make_unique<LocalInputFile>(path);
    }

    std::unique_ptr<OutputFile> openWrite(const std::string& path) override {
        return std::make_unique<LocalOutputFile>(path);
    }

    void createDirectories(const std::string& path) override {
        std::error_code error;
        std::filesystem::create_directories(path, error);
        if (error) throw ioError("create the directory", path, "", error.value());
    }

    void rename(const std::string& from, const std::string& to) override {
        if (::rename(from.c_str(), to.c_str()) != 0) throw ioError("rename", from, " to '" + to + "'", errno);
    }

    void syncDirectory(const std::string& path) override {
        Descriptor directory(withoutInterruption(
            [&] { return ::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
        if (!directory.isOpen()) throw ioError("open", path, " to sync it", errno);
        // EINVAL: as for files.
        if (withoutInterruption([&] { return ::fsync(directory.get()); }) != 0 && errno != EINVAL)
            throw ioError("sync", path, "", errno);
    }

    void removeAll(const std::string& path) override {
        if (path.find_first_not_of('/') == path.npos)
            throw UsageError("removeAll('" + path +
                             "'): the root of the file system is not removed; name a directory in it");
        std::error_code error;
        std::filesystem::remove_all(path, error);
        if (error) throw ioError("remove", path, "", error.value());
    }
};

std::string advice(int errorNumber, const std::string& path) {
    switch (errorNumber) {
    case ENOENT: {
        std::error_code ignored;
        const std::string place =
            path.starts_with('/') ? "" : " (looked for in " + std::filesystem::current_path(ignored).string() + ")";
        return "check the path" + place + " and that the directories above it exist";
    }
    case ENOTDIR: return "a name in the path is a file where a directory must be";
    case EISDIR: return "name a file in it";
    case EACCES:
    case EPERM: return "check the permissions of the file and of the directories above it";
    case ENOSPC:
    case EDQUOT: return "free some space on the device, or write elsewhere";
    case EMFILE:
    case ENFILE: return "raise the limit of open files (ulimit -n)";
    case EXDEV: return "both names must be on one device: write next to the target first";
    case EROFS: return "the device is read-only; write elsewhere";
    case ENOTEMPTY:
    case EEXIST: return "remove what is there first";
    case EIO: return "the device reports an error; look at the kernel's log (dmesg)";
    default: return "look at the path and its device";
    }
}

} // namespace

IoError detail::ioError(std::string_view verb, const std::string& path, std::string_view how, int errorNumber) {
    return IoError("cannot " + std::string(verb) + " '" + path + "'" + std::string(how) + ": " +
                   std::generic_category().message(errorNumber) + " (errno " + std::to_string(errorNumber) + "); " +
                   advice(errorNumber, path));
}

std::shared_ptr<FileSystem> detail::makeLocalFileSystem() { return std::make_shared<LocalFileSystem>(); }

} // namespace rivulet
