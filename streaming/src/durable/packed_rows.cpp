#include "rivulet/stream/durable/packed_rows.h"

#include "rivulet/serialization/stored.h"

#include <cstring>

namespace rivulet::detail {
namespace {

constexpr std::size_t kHeaderBytes = 9, kRowsAt = 1;
constexpr std::size_t kLeastRows = 4, kMostBytes = 4 << 20; // of the rows of a piece
constexpr std::size_t kWord = 8;

} // namespace

void PackedRows::Runs::add(std::size_t at) {
    ++bytes;
    if (count > 0 && all[count - 1].begin + all[count - 1].count == at)
        ++all[count - 1].count;
    else
        all[count++] = {std::uint16_t(at), 1};
}

bool packRows(std::string_view piece, std::uint32_t rows, std::size_t width, std::string& packed) {
    if (width == 0 || width > PackedRows::kMostWidth || rows < kLeastRows || rows * width > kMostBytes) return false;
    const char* const first = piece.data() + kHeaderBytes;
    std::array<unsigned char, PackedRows::kMostWidth> differs{};
    for (std::size_t i = 1; i < rows; ++i)
        for (std::size_t at = 0; at < width; ++at)
            differs[at] = static_cast<unsigned char>(differs[at] | (first[i * width + at] ^ first[at]));
    PackedRows::Runs runs;
    for (std::size_t at = 0; at < width; ++at)
        if (differs[at]) runs.add(at);
    if (runs.bytes * 8 > width * 7) return false;
    const std::size_t maskBytes = (width + 7) / 8, rest = piece.size() - kHeaderBytes - rows * width;
    const std::size_t size = kHeaderBytes + 2 + width + maskBytes + (rows - 1) * runs.bytes + rest;
    if (size >= piece.size()) return false;
    packed.resize(size + kWord); // words are written beyond the end of a run
    char* out = packed.data();
    const auto put = [&](const char* from, std::size_t bytes) {
        std::memcpy(out, from, bytes);
        out += bytes;
    };
    put(piece.data(), kHeaderBytes);
    *out++ = char(width & 0xff);
    *out++ = char(width >> 8);
    put(first, width);
    std::memset(out, 0, maskBytes);
    for (std::size_t run = 0; run < runs.count; ++run)
        for (std::size_t at = runs.all[run].begin, end = at + runs.all[run].count; at < end; ++at)
            out[at / 8] = char(out[at / 8] | 1 << at % 8);
    out += maskBytes;
    const char* const end = piece.data() + piece.size();
    for (std::size_t i = 1; i < rows; ++i) {
        const char* const row = first + i * width;
        for (std::size_t run = 0; run < runs.count; ++run) {
            const auto [begin, count] = runs.all[run];
            if (count <= kWord && row + begin + kWord <= end) { // a copy whose length is known is one instruction
                std::memcpy(out, row + begin, kWord);
                out += count;
            } else {
                put(row + begin, count);
            }
        }
    }
    put(end - rest, rest);
    packed.resize(size);
    return true;
}

PackedRows::PackedRows(std::string_view packed) {
    ByteReader in(packed);
    header_ = in.bytes(kHeaderBytes);
    ByteReader(header_.substr(kRowsAt))(count_);
    std::uint16_t width = 0;
    in(width);
    if (width == 0 || width > kMostWidth) throwBadByte("the width of packed rows", width);
    if (count_ == 0 || std::size_t(count_) * width > kMostBytes) throwBadByte("the number of packed rows", count_);
    first_ = in.bytes(width);
    const std::string_view mask = in.bytes((width + 7u) / 8);
    for (std::size_t at = 0; at < width; ++at)
        if (mask[at / 8] >> at % 8 & 1) runs_.add(at);
    others_ = in.bytes((count_ - std::size_t(1)) * runs_.bytes);
    rest_ = in.bytes(in.left());
}

void PackedRows::copy(std::uint32_t index, char* out) const {
    std::memcpy(out, first_.data(), first_.size());
    if (index == 0) return;
    const char* from = others_.data() + (index - 1) * runs_.bytes;
    for (std::size_t run = 0; run < runs_.count; ++run) {
        const auto [begin, count] = runs_.all[run];
        for (std::size_t at = 0; at < count; ++at) out[begin + at] = *from++;
    }
}

std::uint32_t PackedRows::numberOf(std::uint32_t index) const {
    std::uint32_t number = 0;
    char row[kMostWidth] = {};
    const bool together = runs_.count > 0 && runs_.all[0].begin == 0 && runs_.all[0].count >= sizeof number;
    if (together && index > 0) {
        ByteReader(others_.substr((index - 1) * runs_.bytes))(number);
    } else {
        copy(index, row);
        ByteReader({row, sizeof number})(number);
    }
    return number;
}

void unpackRows(std::string_view packed, std::string& piece) {
    const PackedRows rows(packed);
    const std::size_t header = rows.header().size(), bytes = rows.count() * rows.width();
    piece.resize(header + bytes + rows.rest().size());
    std::memcpy(piece.data(), rows.header().data(), header);
    for (std::uint32_t i = 0; i < rows.count(); ++i) rows.copy(i, piece.data() + header + i * rows.width());
    std::memcpy(piece.data() + header + bytes, rows.rest().data(), rows.rest().size());
}

} // namespace rivulet::detail
