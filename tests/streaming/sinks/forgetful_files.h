#pragma once

#include "rivulet/error.h"
#include "rivulet/file_system.h"

#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <random>

namespace rivulet::test {

/// The local files, on a disk that forgets what was not synced when its power is cut: bytes of files, and names whose
/// directory was not synced.
class ForgetfulFiles final : public FileSystem {
  public:
    explicit ForgetfulFiles(std::string trash) : trash_(std::move(trash)) {
        std::filesystem::create_directories(trash_);
    }

    /// Cuts the power before the n-th change from now on; `atCut` is called then.
    void cutAt(int n, std::function<void()> atCut = {}) {
        left_ = n;
        atCut_ = std::move(atCut);
    }
    void cut() { isCut_ = true; }
    bool isCut() const { return isCut_; }
    int changes() const { return changes_; }
    /// Leaves of what was not synced nothing, all of it, or a part: of names the first ones, as a journal does.
    void forget(std::mt19937_64& random) {
        std::size_t lost = entries_.empty() ? 0 : random() % (entries_.size() + 1);
        for (; lost > 0; --lost, entries_.pop_back()) entries_.back().undo();
        for (const auto& [path, synced] : unsynced_) {
            std::error_code none;
            const auto size = std::filesystem::file_size(path, none);
            if (!none && size > synced)
                std::filesystem::resize_file(path, synced + random() % (size - synced + 1), none);
        }
        entries_.clear();
        unsynced_.clear();
        isCut_ = false;
        left_ = 0;
    }

    std::optional<FileStatus> status(const std::string& path) override { return local_->status(path); }
    std::vector<FileStatus> list(const std::string& directory) override { return local_->list(directory); }
    std::unique_ptr<InputFile> openRead(const std::string& path) override { return local_->openRead(path); }
    std::unique_ptr<OutputFile> openWrite(const std::string& path) override {
        change(path);
        const bool isNew = !local_->exists(path);
        auto file = std::make_unique<File>(*this, path, local_->openWrite(path));
        if (isNew) note(path, [path] { std::filesystem::remove(path); });
        unsynced_[path] = 0;
        return file;
    }
    void createDirectories(const std::string& path) override {
        change(path);
        if (local_->exists(path)) return;
        const auto parent = std::filesystem::path(path).parent_path().string();
        if (!parent.empty() && !local_->exists(parent)) createDirectories(parent);
        local_->createDirectories(path);
        note(path, [path] { std::filesystem::remove_all(path); });
    }
    void rename(const std::string& from, const std::string& to) override {
        change(to);
        std::optional<std::string> before;
        if (local_->exists(to)) {
            before = newTrash();
            std::filesystem::copy(to, *before);
        }
        local_->rename(from, to);
        std::map<std::string, std::uint64_t> moved;
        for (const auto& [path, synced] : unsynced_)
            moved[path == from || path.starts_with(from + "/") ? to + path.substr(from.size()) : path] = synced;
        unsynced_ = std::move(moved);
        note(to, [from, to, before] {
            std::filesystem::rename(to, from);
            if (before) std::filesystem::rename(*before, to);
        });
    }
    void removeAll(const std::string& path) override {
        change(path);
        if (!local_->exists(path)) return;
        const std::string kept = newTrash();
        local_->rename(path, kept);
        note(path, [path, kept] { std::filesystem::rename(kept, path); });
    }
    void syncDirectory(const std::string& path) override {
        change(path);
        std::erase_if(entries_, [&](const Entry& entry) { return entry.directory == path; });
    }

  private:
    struct Entry {
        std::string directory;
        std::function<void()> undo;
    };
    class File final : public OutputFile {
      public:
        File(ForgetfulFiles& disk, std::string path, std::unique_ptr<OutputFile> file)
            : disk_(disk),
              path_(std::move(path)),
              file_(std::move(file)) {}
        void write(std::string_view bytes) override {
            disk_.change(path_);
            file_->write(bytes);
            size_ += bytes.size();
        }
        void sync() override {
            disk_.change(path_);
            disk_.unsynced_[path_] = size_; // the real disk is left alone
        }
        void close() override { file_->close(); }

      private:
        ForgetfulFiles& disk_;
        const std::string path_;
        const std::unique_ptr<OutputFile> file_;
        std::uint64_t size_ = 0;
    };

    void change(const std::string& path) {
        ++changes_;
        if (left_ > 0 && --left_ == 0) {
            isCut_ = true;
            if (atCut_) atCut_();
        }
        if (isCut_) throw IoError("cannot change '" + path + "': the power is cut");
    }
    void note(const std::string& path, std::function<void()> undo) {
        entries_.push_back({std::filesystem::path(path).parent_path().string(), std::move(undo)});
    }
    std::string newTrash() { return trash_ + "/" + std::to_string(++trashed_); }

    const std::shared_ptr<FileSystem> local_ = detail::makeLocalFileSystem();
    const std::string trash_;
    int trashed_ = 0, left_ = 0, changes_ = 0;
    bool isCut_ = false;
    std::function<void()> atCut_;
    std::deque<Entry> entries_;                     // names that may be forgotten, in the order of changes
    std::map<std::string, std::uint64_t> unsynced_; // how much of a file is synced
};

} // namespace rivulet::test
