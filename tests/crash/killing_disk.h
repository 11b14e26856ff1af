#pragma once

#include "rivulet/file_system.h"

#include <atomic>
#include <csignal>
#include <functional>
#include <rocksdb/file_system.h>

/// The disks of a process that dies at a change of theirs: between each two steps of what is written there is one.
namespace crash {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

/// Counts the changes of both disks, and kills the process before one of them.
class Death {
  public:
    explicit Death(long atChange) : left_(atChange) {}
    void step() {
        if (--left_ == 0) ::raise(SIGKILL);
    }

  private:
    std::atomic<long> left_;
};

/// The disk of the checkpoint.
class KillingDisk final : public rocksdb::FileSystemWrapper {
  public:
    explicit KillingDisk(std::shared_ptr<Death> death)
        : FileSystemWrapper(rocksdb::FileSystem::Default()),
          death_(std::move(death)) {}
    const char* Name() const override { return "KillingDisk"; }

    IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                             std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) override {
        death_->step();
        auto status = FileSystemWrapper::NewWritableFile(name, options, file, debug);
        if (status.ok()) *file = std::make_unique<File>(std::move(*file), death_);
        return status;
    }
    IOStatus NewRandomRWFile(const std::string& name, const rocksdb::FileOptions& options,
                             std::unique_ptr<rocksdb::FSRandomRWFile>* file, IODebugContext* debug) override {
        auto status = FileSystemWrapper::NewRandomRWFile(name, options, file, debug);
        if (status.ok()) *file = std::make_unique<RwFile>(std::move(*file), death_);
        return status;
    }
    IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                        IODebugContext* debug) override {
        death_->step();
        return FileSystemWrapper::RenameFile(from, to, options, debug);
    }
    IOStatus DeleteFile(const std::string& name, const IOOptions& options, IODebugContext* debug) override {
        death_->step();
        return FileSystemWrapper::DeleteFile(name, options, debug);
    }
    IOStatus CreateDir(const std::string& name, const IOOptions& options, IODebugContext* debug) override {
        death_->step();
        return FileSystemWrapper::CreateDir(name, options, debug);
    }
    IOStatus CreateDirIfMissing(const std::string& name, const IOOptions& options, IODebugContext* debug) override {
        death_->step();
        return FileSystemWrapper::CreateDirIfMissing(name, options, debug);
    }

  private:
    class File final : public rocksdb::FSWritableFileOwnerWrapper {
      public:
        File(std::unique_ptr<rocksdb::FSWritableFile>&& file, std::shared_ptr<Death> death)
            : FSWritableFileOwnerWrapper(std::move(file)),
              death_(std::move(death)) {}
        IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, IODebugContext* debug) override {
            // Half of it is written before the process dies, as it may be.
            const rocksdb::Slice half(data.data(), data.size() / 2),
                rest(data.data() + half.size(), data.size() - half.size());
            auto status = FSWritableFileOwnerWrapper::Append(half, options, debug);
            death_->step();
            return status.ok() ? FSWritableFileOwnerWrapper::Append(rest, options, debug) : status;
        }
        IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                        IODebugContext* debug) override {
            return Append(data, options, debug);
        }
        IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
            death_->step();
            return FSWritableFileOwnerWrapper::Sync(options, debug);
        }

      private:
        const std::shared_ptr<Death> death_;
    };
    class RwFile final : public rocksdb::FSRandomRWFileOwnerWrapper {
      public:
        RwFile(std::unique_ptr<rocksdb::FSRandomRWFile>&& file, std::shared_ptr<Death> death)
            : FSRandomRWFileOwnerWrapper(std::move(file)),
              death_(std::move(death)) {}
        IOStatus Write(std::uint64_t offset, const rocksdb::Slice& data, const IOOptions& options,
                       IODebugContext* debug) override {
            death_->step();
            return FSRandomRWFileOwnerWrapper::Write(offset, data, options, debug);
        }

      private:
        const std::shared_ptr<Death> death_;
    };

    const std::shared_ptr<Death> death_;
};

/// The disk of the sink's files.
class KillingFiles final : public rivulet::FileSystem {
  public:
    KillingFiles(std::shared_ptr<rivulet::FileSystem> local, std::shared_ptr<Death> death)
        : local_(std::move(local)),
          death_(std::move(death)) {}

    std::optional<rivulet::FileStatus> status(const std::string& path) override { return local_->status(path); }
    std::vector<rivulet::FileStatus> list(const std::string& directory) override { return local_->list(directory); }
    std::unique_ptr<rivulet::InputFile> openRead(const std::string& path) override { return local_->openRead(path); }
    std::unique_ptr<rivulet::OutputFile> openWrite(const std::string& path) override {
        death_->step();
        auto file = std::make_unique<File>(local_->openWrite(path), death_);
        return file;
    }
    void createDirectories(const std::string& path) override {
        death_->step();
        local_->createDirectories(path);
    }
    void rename(const std::string& from, const std::string& to) override {
        death_->step();
        local_->rename(from, to);
    }
    void removeAll(const std::string& path) override {
        death_->step();
        local_->removeAll(path);
    }
    void syncDirectory(const std::string& path) override {
        death_->step();
        local_->syncDirectory(path);
    }

  private:
    class File final : public rivulet::OutputFile {
      public:
        File(std::unique_ptr<rivulet::OutputFile> file, std::shared_ptr<Death> death)
            : file_(std::move(file)),
              death_(std::move(death)) {}
        void write(std::string_view bytes) override {
            file_->write(bytes.substr(0, bytes.size() / 2));
            death_->step();
            file_->write(bytes.substr(bytes.size() / 2));
        }
        void sync() override {
            death_->step();
            file_->sync();
        }
        void close() override { file_->close(); }

      private:
        const std::unique_ptr<rivulet::OutputFile> file_;
        const std::shared_ptr<Death> death_;
    };

    const std::shared_ptr<rivulet::FileSystem> local_;
    const std::shared_ptr<Death> death_;
};

} // namespace crash
