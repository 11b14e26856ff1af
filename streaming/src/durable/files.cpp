#include "durable/files.h"

#include "rivulet/stream/durable/checkpoint.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <fstream>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace rivulet::detail {

void require(const rocksdb::Status& status, std::string_view verb, const std::string& path) {
    if (status.ok()) return;
    const std::string text = "checkpoint: cannot " + std::string(verb) + " '" + path + "': " + status.ToString();
    if (status.IsCorruption()) throw CorruptionError(text + "; restore the directory from a copy");
    throw IoError(text);
}

void createDirectories(rocksdb::Env& env, const std::string& path) {
    if (env.FileExists(path).ok()) return;
    const auto slash = path.find_last_of('/');
    const std::string parent = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    createDirectories(env, parent);
    require(env.CreateDirIfMissing(path), "create", path);
    syncDirectory(env, parent);
}

void syncDirectory(rocksdb::Env& env, const std::string& path) {
    std::unique_ptr<rocksdb::Directory> directory;
    require(env.NewDirectory(path, &directory), "open", path);
    require(directory->Fsync(), "sync", path);
}

std::optional<std::string> readFile(rocksdb::Env& env, const std::string& path) {
    const auto exists = env.FileExists(path);
    if (exists.IsNotFound()) return std::nullopt;
    require(exists, "look for", path);
    std::string content;
    require(rocksdb::ReadFileToString(&env, path, &content), "read", path);
    return content;
}

void writeAtomically(rocksdb::Env& env, const std::string& path, std::string_view content) {
    const std::string temporary = path + ".tmp";
    rocksdb::EnvOptions options;
    options.use_mmap_writes = false;
    std::unique_ptr<rocksdb::WritableFile> file;
    require(env.NewWritableFile(temporary, &file, options), "create", temporary);
    require(file->Append(rocksdb::Slice(content.data(), content.size())), "write", temporary);
    require(file->Sync(), "sync", temporary);
    require(file->Close(), "close", temporary);
    require(env.RenameFile(temporary, path), "rename to", path);
    syncDirectory(env, path.substr(0, path.find_last_of('/')));
}

std::vector<std::string> namesIn(rocksdb::Env& env, const std::string& path) {
    std::vector<std::string> names;
    require(env.GetChildren(path, &names), "list", path);
    std::erase_if(names, [](const std::string& name) { return name.starts_with('.'); });
    std::sort(names.begin(), names.end());
    return names;
}

void removeFolder(rocksdb::Env& env, const std::string& path) {
    for (const auto& name : namesIn(env, path)) {
        const std::string file = path + "/" + name;
        bool isFolder = false;
        require(env.IsDirectory(file, &isFolder), "look at", file);
        if (isFolder)
            removeFolder(env, file);
        else
            require(env.DeleteFile(file), "delete", file);
    }
    require(env.DeleteDir(path), "delete", path);
}

std::string holderOf(const std::string& directory) {
    // Not by taking the lock, which would keep a program out that starts at this moment.
    struct stat lock{};
    const std::string path = directory + "/LOCK";
    if (::stat(path.c_str(), &lock) != 0) return {};
    char file[64]; // as the system names it: major:minor:inode, in hexadecimal but for the last
    std::snprintf(file, sizeof file, "%02x:%02x:%llu", major(lock.st_dev), minor(lock.st_dev),
                  static_cast<unsigned long long>(lock.st_ino));
    std::ifstream locks("/proc/locks");
    for (std::string line; std::getline(locks, line);)
        if (line.find("FLOCK") != line.npos && line.find(file) != line.npos) {
            std::string holder;
            std::getline(std::ifstream(path) >> std::ws, holder);
            return holder.empty() ? "another process" : holder;
        }
    return {};
}

DirectoryLock::DirectoryLock(const std::string& directory) {
    const std::string path = directory + "/LOCK";
    descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor_ < 0)
        throw IoError("checkpoint: cannot open '" + path + "': " + std::strerror(errno) + " (errno " +
                      std::to_string(errno) + ")");
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
        char holder[256];
        const auto read = ::pread(descriptor_, holder, sizeof holder, 0);
        std::string by(holder, std::size_t(read > 0 ? read : 0));
        while (!by.empty() && by.back() == '\n') by.pop_back();
        ::close(descriptor_);
        throw RecoveryError(
            "checkpoint: directory '" + directory + "' is in use by " + (by.empty() ? "another process" : by) +
            "; one process at a time may use it: stop that one, or give this one a directory of its own");
    }
    char host[128] = "";
    ::gethostname(host, sizeof host - 1);
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    char started[64] = "";
    ::gmtime_r(&now, &parts);
    std::strftime(started, sizeof started, "%Y-%m-%d %H:%M:%S UTC", &parts);
    const std::string text = "process " + std::to_string(::getpid()) + " on host " + host + ", since " + started + "\n";
    // The text is for people; the lock itself is there already.
    if (::ftruncate(descriptor_, 0) == 0) static_cast<void>(!::pwrite(descriptor_, text.data(), text.size(), 0));
}

DirectoryLock::~DirectoryLock() { ::close(descriptor_); }

} // namespace rivulet::detail
