#pragma once

#include <algorithm>
#include <atomic>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <rocksdb/file_system.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

/// A disk that fails when it is told to, and that forgets what was not synced when its power is cut.
namespace rivulet::test {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

class FaultFileSystem final : public rocksdb::FileSystemWrapper {
  public:
    FaultFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
    const char* Name() const override { return "FaultFileSystem"; }

    enum class Fault { once, fromThenOn };
    /// Lets the n-th change from now on (a write, a sync, a rename, a deletion, a new file) fail, or all from it on.
    void failAt(int n, Fault fault, IOStatus with = IOStatus::IOError("injected", "Input/output error")) {
        const std::lock_guard lock(mutex_);
        left_ = n;
        fault_ = fault;
        with_ = std::move(with);
    }
    /// How many changes there were, and whether one of them has failed.
    int changes() const { return changes_; }
    bool hasFailed() const { return hasFailed_; }
    void resetCount() { changes_ = syncs_ = 0; }
    /// How many of them were syncs of a file.
    int syncs() const { return syncs_; }

    /// The power is cut: from now on nothing reaches the disk. Then destroy what uses it, and call `forget`.
    void cutPower() { powerIsCut_ = true; }
    /// Leaves of what was not synced, file by file, nothing, all of it, or a part.
    void forget(std::mt19937_64& random) {
        // Names whose directory was not synced: from one of them on, as in a file system with a journal. RocksDB relies
        // on that order: without it CURRENT may name a file whose own name is lost, and the directory is refused.
        for (std::size_t lost = entries_.empty() ? 0 : random() % (entries_.size() + 1); lost > 0; --lost) {
            const Entry entry = std::move(entries_.back());
            entries_.pop_back();
            undo(entry);
        }
        for (const auto& [name, synced] : synced_) {
            struct stat status;
            if (::stat(name.c_str(), &status) != 0) continue;
            const auto size = std::uint64_t(status.st_size);
            if (size <= synced) continue;
            const std::uint64_t unsynced = size - synced;
            const std::uint64_t kept = random() % 3 == 0 ? 0 : random() % 2 == 0 ? unsynced : random() % (unsynced + 1);
            if (::truncate(name.c_str(), off_t(synced + kept)) != 0) continue;
        }
        entries_.clear();
        synced_.clear();
        powerIsCut_ = false;
    }

    // ---- what RocksDB calls

    IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                             std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) override {
        if (auto status = change(); !status.ok()) return status;
        noteEntry(name, Entry::Kind::file);
        auto status = FileSystemWrapper::NewWritableFile(name, options, file, debug);
        if (status.ok()) {
            const std::lock_guard lock(mutex_);
            synced_[name] = 0;
            *file = std::make_unique<File>(std::move(*file), name, this);
        }
        return status;
    }
    IOStatus NewRandomRWFile(const std::string& name, const rocksdb::FileOptions& options,
                             std::unique_ptr<rocksdb::FSRandomRWFile>* file, IODebugContext* debug) override {
        auto status = FileSystemWrapper::NewRandomRWFile(name, options, file, debug);
        if (status.ok()) *file = std::make_unique<RwFile>(std::move(*file), this);
        return status;
    }
    IOStatus NewDirectory(const std::string& name, const IOOptions& options,
                          std::unique_ptr<rocksdb::FSDirectory>* directory, IODebugContext* debug) override {
        auto status = FileSystemWrapper::NewDirectory(name, options, directory, debug);
        if (status.ok()) *directory = std::make_unique<Directory>(std::move(*directory), name, this);
        return status;
    }
    IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                        IODebugContext* debug) override {
        if (auto status = change(); !status.ok()) return status;
        noteEntry(to, Entry::Kind::renamed, from);
        auto status = FileSystemWrapper::RenameFile(from, to, options, debug);
        if (!status.ok()) return status;
        const std::lock_guard lock(mutex_);
        rename(from, to);
        return status;
    }
    IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
        if (auto status = change(); !status.ok()) return status;
        noteEntry(to, Entry::Kind::file);
        return FileSystemWrapper::LinkFile(from, to, options, debug);
    }
    IOStatus CreateDir(const std::string& name, const IOOptions& options, IODebugContext* debug) override {
        if (auto status = change(); !status.ok()) return status;
        noteEntry(name, Entry::Kind::directory);
        return FileSystemWrapper::CreateDir(name, options, debug);
    }
    IOStatus CreateDirIfMissing(const std::string& name, const IOOptions& options, IODebugContext* debug) override {
        if (auto status = change(); !status.ok()) return status;
        struct stat known;
        if (::stat(name.c_str(), &known) != 0) noteEntry(name, Entry::Kind::directory);
        return FileSystemWrapper::CreateDirIfMissing(name, options, debug);
    }
    IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) override {
        struct stat known{};
        auto status = FileSystemWrapper::ReopenWritableFile(name, options, file, debug);
        if (status.ok() && ::stat(name.c_str(), &known) == 0)
            *file = std::make_unique<File>(std::move(*file), name, this, std::uint64_t(known.st_size));
        return status;
    }
    IOStatus DeleteFile(const std::string& name, const IOOptions& options, IODebugContext* debug) override {
        if (auto status = change(); !status.ok()) return status;
        const std::lock_guard lock(mutex_);
        synced_.erase(name);
        std::erase_if(entries_, [&](const Entry& entry) { return entry.name == name; });
        return FileSystemWrapper::DeleteFile(name, options, debug);
    }

  private:
    /// A name that its directory may forget.
    struct Entry {
        enum class Kind { file, directory, renamed };
        Kind kind;
        std::string name, from;
        std::optional<std::string> before; // the content that the name had
    };

    IOStatus change() {
        ++changes_;
        if (powerIsCut_) return IOStatus::IOError("injected", "the power is cut");
        const std::lock_guard lock(mutex_);
        if (left_ <= 0) return IOStatus::OK();
        if (left_ == 1) {
            hasFailed_ = true;
            if (fault_ == Fault::once) left_ = 0;
            return with_;
        }
        --left_;
        return IOStatus::OK();
    }
    void noteEntry(const std::string& name, Entry::Kind kind, const std::string& from = {}) {
        Entry entry{kind, name, from, std::nullopt};
        struct stat status;
        if (::stat(name.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
            std::ifstream in(name, std::ios::binary);
            entry.before.emplace(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
        }
        const std::lock_guard lock(mutex_);
        // Of a file that is written anew the name stays, and what is known of its content is the oldest.
        const auto known = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& other) {
            return other.name == name && other.kind == Entry::Kind::file;
        });
        if (kind != Entry::Kind::file || known == entries_.end()) entries_.push_back(std::move(entry));
    }
    void undo(const Entry& entry) {
        std::error_code ignored;
        if (entry.kind == Entry::Kind::renamed) {
            std::filesystem::rename(entry.name, entry.from, ignored);
            rename(entry.name, entry.from);
        } else {
            std::filesystem::remove_all(entry.name, ignored);
        }
        if (entry.before) std::ofstream(entry.name, std::ios::binary) << *entry.before;
    }
    /// A file, or a directory with all that is in it, has another name.
    void rename(const std::string& from, const std::string& to) {
        const auto renamed = [&](const std::string& name) {
            return name == from || name.starts_with(from + "/") ? to + name.substr(from.size()) : name;
        };
        std::map<std::string, std::uint64_t> synced;
        for (const auto& [name, size] : synced_) synced[renamed(name)] = size;
        synced_ = std::move(synced);
        for (Entry& entry : entries_) {
            const bool isThis = entry.kind == Entry::Kind::renamed && entry.name == to && entry.from == from;
            if (isThis) continue;
            entry.name = renamed(entry.name);
            entry.from = renamed(entry.from);
        }
    }
    void noteSynced(const std::string& name, std::uint64_t size) {
        const std::lock_guard lock(mutex_);
        synced_[name] = size;
    }
    void noteDirectorySynced(const std::string& directory) {
        const std::lock_guard lock(mutex_);
        std::erase_if(entries_, [&](const Entry& entry) {
            return entry.name.substr(0, entry.name.find_last_of('/')) == directory;
        });
    }

    class File final : public rocksdb::FSWritableFileOwnerWrapper {
      public:
        File(std::unique_ptr<rocksdb::FSWritableFile>&& file, std::string name, FaultFileSystem* disk,
             std::uint64_t size = 0)
            : FSWritableFileOwnerWrapper(std::move(file)),
              name_(std::move(name)),
              disk_(disk),
              size_(size) {}
        using FSWritableFileOwnerWrapper::Append;
        IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
            if (auto status = disk_->change(); !status.ok()) return status;
            size_ += data.size();
            return FSWritableFileOwnerWrapper::Append(data, options, debug);
        }
        IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                        IODebugContext* debug) override {
            return Append(data, options, debug);
        }
        IOStatus Sync(const IOOptions& options, IODebugContext* debug) override { return synced(options, debug); }
        IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override { return synced(options, debug); }
        IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
            return FSWritableFileOwnerWrapper::Close(options, debug);
        }

      private:
        IOStatus synced(const IOOptions&, IODebugContext*) {
            if (auto status = disk_->change(); !status.ok()) return status;
            ++disk_->syncs_;
            disk_->noteSynced(name_, size_); // and the real disk is left alone: the test's power is cut by `forget`
            return IOStatus::OK();
        }

        const std::string name_;
        FaultFileSystem* const disk_;
        std::uint64_t size_;
    };
    class RwFile final : public rocksdb::FSRandomRWFileOwnerWrapper {
      public:
        RwFile(std::unique_ptr<rocksdb::FSRandomRWFile>&& file, FaultFileSystem* disk)
            : FSRandomRWFileOwnerWrapper(std::move(file)),
              disk_(disk) {}
        IOStatus Write(std::uint64_t offset, const Slice& data, const IOOptions& options,
                       IODebugContext* debug) override {
            if (auto status = disk_->change(); !status.ok()) return status;
            return FSRandomRWFileOwnerWrapper::Write(offset, data, options, debug);
        }

      private:
        FaultFileSystem* const disk_;
    };
    class Directory final : public rocksdb::FSDirectoryWrapper {
      public:
        Directory(std::unique_ptr<rocksdb::FSDirectory>&& directory, std::string name, FaultFileSystem* disk)
            : FSDirectoryWrapper(std::move(directory)),
              name_(std::move(name)),
              disk_(disk) {}
        IOStatus Fsync(const IOOptions&, IODebugContext*) override { return synced(); }
        IOStatus FsyncWithDirOptions(const IOOptions&, IODebugContext*, const rocksdb::DirFsyncOptions&) override {
            return synced();
        }

      private:
        IOStatus synced() {
            if (auto status = disk_->change(); !status.ok()) return status;
            disk_->noteDirectorySynced(name_);
            return IOStatus::OK();
        }

        const std::string name_;
        FaultFileSystem* const disk_;
    };

    std::mutex mutex_; // guards the following up to the next empty line
    int left_ = 0;
    Fault fault_ = Fault::once;
    IOStatus with_;
    std::map<std::string, std::uint64_t> synced_; // sizes
    std::deque<Entry> entries_;                   // in the order of changes

    std::atomic<int> changes_ = 0, syncs_ = 0;
    std::atomic<bool> hasFailed_ = false, powerIsCut_ = false;
};

} // namespace rivulet::test
