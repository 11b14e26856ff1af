#include "durable/bare_store.h"

#include "streams/keyed_state.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <rocksdb/db.h>
#include <stdexcept>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

namespace bench {
namespace {

constexpr std::size_t kBlobBytes = std::size_t{1} << 20, kPairBytes = 16;
constexpr std::size_t kThreads = 2;

struct Pair {
    std::uint64_t key = ~std::uint64_t{0}, value = 0;
    bool used() const { return key != ~std::uint64_t{0}; }
};
static_assert(sizeof(Pair) == kPairBytes);

void require(const rocksdb::Status& status) {
    if (!status.ok()) throw std::runtime_error("RocksDB: " + status.ToString());
}

[[noreturn]] void throwErrno(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

rocksdb::Options options(bool create) {
    rocksdb::Options options;
    options.create_if_missing = create;
    options.compression = rocksdb::kNoCompression;
    return options;
}

std::unique_ptr<rocksdb::DB> open(const std::filesystem::path& directory, bool create) {
    rocksdb::DB* db = nullptr;
    require(rocksdb::DB::Open(options(create), directory, &db));
    return std::unique_ptr<rocksdb::DB>(db);
}

/// The blobs of a thread have its number in front.
std::string keyOf(std::size_t thread, std::size_t blob) {
    std::string key(8, '0');
    std::snprintf(key.data(), key.size() + 1, "%zu-%06zu", thread % 10, blob % 1'000'000);
    return key;
}

std::size_t fill(rocksdb::DB& db, std::size_t thread, std::size_t expected) {
    std::size_t capacity = 16;
    while (capacity < 2 * expected) capacity *= 2;
    std::vector<Pair> cells(capacity);
    std::size_t found = 0;
    const std::unique_ptr<rocksdb::Iterator> at(db.NewIterator({}));
    const std::string prefix = keyOf(thread, 0).substr(0, 2);
    for (at->Seek(prefix); at->Valid() && at->key().starts_with(prefix); at->Next()) {
        const rocksdb::Slice blob = at->value();
        for (std::size_t i = 0; i < blob.size(); i += kPairBytes) {
            Pair pair;
            std::memcpy(&pair, blob.data() + i, kPairBytes);
            std::size_t cell = scrambled(pair.key) & (capacity - 1);
            while (cells[cell].used() && cells[cell].key != pair.key) cell = (cell + 1) & (capacity - 1);
            found += !cells[cell].used();
            cells[cell] = pair;
        }
    }
    require(at->status());
    return found;
}

} // namespace

ScratchDirectory::ScratchDirectory(const std::filesystem::path& parent, const char* name) : path_(parent / name) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
}
ScratchDirectory::~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::uintmax_t ScratchDirectory::sizeBytes() const {
    std::uintmax_t bytes = 0;
    std::error_code gone; // RocksDB deletes files meanwhile
    for (auto at = std::filesystem::recursive_directory_iterator(path_, gone);
         !gone && at != std::filesystem::recursive_directory_iterator(); at.increment(gone)) {
        struct stat file{};
        if (::stat(at->path().c_str(), &file) == 0 && S_ISREG(file.st_mode))
            bytes += static_cast<std::uintmax_t>(file.st_blocks) * 512;
    }
    return bytes;
}

SyncedFile::SyncedFile(const std::filesystem::path& file)
    : descriptor_(::open(file.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_APPEND | O_CLOEXEC, 0644)) {
    if (descriptor_ < 0) throwErrno("open");
}
SyncedFile::~SyncedFile() { ::close(descriptor_); }

void SyncedFile::append(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
        if (written < 0) throwErrno("write");
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fdatasync(descriptor_) != 0) throwErrno("fdatasync");
}
double SyncedFile::timeAppend(std::string_view bytes) {
    const auto begin = std::chrono::steady_clock::now();
    append(bytes);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void writeBareTable(const std::filesystem::path& directory, std::size_t keys) {
    const auto db = open(directory, true);
    std::vector<Pair> pairs[kThreads];
    std::size_t blobs[kThreads] = {};
    const auto flush = [&](std::size_t thread) {
        auto& all = pairs[thread];
        if (all.empty()) return;
        require(db->Put({}, keyOf(thread, blobs[thread]++),
                        rocksdb::Slice(reinterpret_cast<const char*>(all.data()), all.size() * kPairBytes)));
        all.clear();
    };
    for (std::uint64_t key = 0; key < keys; ++key) {
        const std::size_t thread = key % kThreads;
        pairs[thread].push_back({key, key});
        if (pairs[thread].size() * kPairBytes == kBlobBytes) flush(thread);
    }
    for (std::size_t thread = 0; thread < kThreads; ++thread) flush(thread);
    require(db->Flush({}));
}

std::size_t readBareTable(const std::filesystem::path& directory) {
    const auto db = open(directory, false);
    // As a program does that knows how many keys it had.
    rocksdb::Range all("0", "9");
    std::uint64_t bytes = 0;
    require(db->GetApproximateSizes(&all, 1, &bytes));
    const std::size_t expected = bytes / kPairBytes / kThreads;
    std::size_t found[kThreads] = {};
    {
        std::vector<std::jthread> threads;
        for (std::size_t thread = 0; thread < kThreads; ++thread)
            threads.emplace_back([&, thread] { found[thread] = fill(*db, thread, expected); });
    }
    return found[0] + found[1];
}

} // namespace bench
