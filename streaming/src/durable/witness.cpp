#include "durable/witness.h"

#include "durable/checksum.h"
#include "durable/files.h"
#include "rivulet/serialization/stored.h"

#include <tuple>

namespace rivulet::detail {
namespace {

std::string textOf(const WitnessRecord& record) {
    ByteWriter out;
    out(record.batch, record.epoch, record.sequence);
    out(crc32c(out.view()), std::uint32_t(0));
    return std::move(out).text();
}

std::optional<WitnessRecord> recordAt(const rocksdb::RandomRWFile& file, std::size_t slot, const std::string& path) {
    char bytes[Witness::kRecordBytes];
    rocksdb::Slice read;
    require(file.Read(slot * Witness::kSlotBytes, sizeof bytes, &read, bytes), "read", path);
    if (read.size() < sizeof bytes) return std::nullopt;
    const std::string_view text(read.data(), read.size());
    WitnessRecord record;
    std::uint32_t checksum = 0, zero = 0;
    ByteReader{text}(record.batch, record.epoch, record.sequence, checksum, zero);
    if (checksum != crc32c(text.substr(0, 24)) || zero != 0) return std::nullopt;
    return record;
}

} // namespace

Witness::Witness(rocksdb::Env& env, const std::string& path) : path_(path) {
    const auto exists = env.FileExists(path);
    if (exists.IsNotFound())
        writeAtomically(env, path, std::string(kSlotBytes + kRecordBytes, '\0'));
    else
        require(exists, "look for", path);
    rocksdb::EnvOptions options;
    options.use_mmap_reads = options.use_mmap_writes = false;
    require(env.NewRandomRWFile(path, &file_, options), "open", path);
    const auto first = recordAt(*file_, 0, path), second = recordAt(*file_, 1, path);
    const auto order = [](const WitnessRecord& record) { return std::tuple(record.epoch, record.batch); };
    const bool firstIsLast = first && (!second || order(*first) > order(*second));
    last_ = firstIsLast ? first : second;
    next_ = firstIsLast ? 1 : 0;
}

void Witness::write(const WitnessRecord& record) {
    require(file_->Write(next_ * kSlotBytes, textOf(record)), "write", path_);
    next_ = 1 - next_;
    last_ = record;
}

} // namespace rivulet::detail
