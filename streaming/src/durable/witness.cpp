#include "durable/witness.h"

#include "durable/checksum.h"
#include "durable/files.h"
#include "rivulet/serialization/stored.h"

#include <tuple>

namespace rivulet::detail {
namespace {

std::string recordText(const WitnessRecord& record) {
    ByteWriter out;
    out(record.batch, record.epoch, record.sequence);
    out(crc32c(out.view()), std::uint32_t(0));
    return std::move(out).text();
}

/// The one of a slot, of a file of this content.
std::optional<WitnessRecord> recordIn(std::string_view content, std::size_t slot) {
    const std::size_t at = slot * Witness::kSlotBytes;
    if (content.size() < at + Witness::kRecordBytes) return std::nullopt;
    const std::string_view text = content.substr(at, Witness::kRecordBytes);
    WitnessRecord record;
    std::uint32_t checksum = 0, zero = 0;
    ByteReader{text}(record.batch, record.epoch, record.sequence, checksum, zero);
    if (checksum != crc32c(text.substr(0, 24)) || zero != 0) return std::nullopt;
    return record;
}

struct Newest {
    std::optional<WitnessRecord> record;
    std::size_t slot = 1;
};
Newest newestIn(std::string_view content) {
    const auto first = recordIn(content, 0), second = recordIn(content, 1);
    const auto order = [](const WitnessRecord& record) { return std::tuple(record.epoch, record.batch); };
    const bool firstIsLast = first && (!second || order(*first) > order(*second));
    return firstIsLast ? Newest{first, 0} : Newest{second, 1};
}

} // namespace

Witness::Witness(rocksdb::Env& env, const std::string& path) {
    const auto exists = env.FileExists(path);
    if (exists.IsNotFound())
        writeAtomically(env, path, std::string(kSlotBytes + kRecordBytes, '\0'));
    else
        require(exists, "look for", path);
    rocksdb::EnvOptions options;
    options.use_mmap_reads = options.use_mmap_writes = false;
    require(env.NewRandomRWFile(path, &file_, options), "open", path);
    std::string content(kSlotBytes + kRecordBytes, '\0');
    rocksdb::Slice read;
    require(file_->Read(0, content.size(), &read, content.data()), "read", path);
    const Newest newest = newestIn(read.ToStringView());
    last_ = newest.record;
    next_ = 1 - newest.slot;
}

rocksdb::Status Witness::write(const WitnessRecord& record) {
    const auto status = file_->Write(next_ * kSlotBytes, recordText(record));
    if (!status.ok()) return status;
    next_ = 1 - next_;
    last_ = record;
    return status;
}

std::optional<WitnessRecord> Witness::lastOf(rocksdb::Env& env, const std::string& path) {
    const auto content = readFile(env, path);
    return content ? newestIn(*content).record : std::nullopt;
}

std::string Witness::textOf(const WitnessRecord& record) {
    std::string content = recordText(record);
    content.resize(kSlotBytes + kRecordBytes, '\0');
    return content;
}

} // namespace rivulet::detail
