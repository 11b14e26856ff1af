#include "rivulet/stream/state/pages/page.h"

#include "rivulet/containers/hash.h"
#include "rivulet/stream/state/pages/paged_states.h"

namespace rivulet::detail {
namespace {

// Reading a page costs a system call and a copy, so it is not small; a batch reads all of it for a single key, so it is
// not large.
constexpr std::size_t kPageBytes = 64 << 10, kMostPageBytes = 2 * kPageBytes;

} // namespace

void throwPageMissing() {
    throw CorruptionError(
        "checkpoint: a page of states is incomplete: expected a piece that its directory names, found "
        "none; restore the directory from a copy");
}

std::uint32_t placeOf(std::uint32_t hash) { return std::uint32_t(upperBits(hash, 32)); }

PagePieceWriter::PagePieceWriter(bool timed) : timed_(timed) { start(); }

void PagePieceWriter::start() {
    rows_ = ByteWriter();
    removed_ = ByteWriter();
    rowCount_ = removedCount_ = 0;
    rows_(timed_, std::uint32_t(0), std::uint32_t(0)); // the numbers are known at the end
}

void PagePieceWriter::copy(std::uint32_t hash, std::string_view row) {
    const std::size_t at = begin(rows_, hash);
    rows_.bytes(row);
    end(rows_, at);
    ++rowCount_;
}

std::string PagePieceWriter::finish() {
    rows_.numberAt(1, rowCount_);
    rows_.numberAt(5, removedCount_);
    rows_.bytes(removed_.view());
    std::string piece = std::move(rows_).text();
    start();
    return piece;
}

std::size_t rowWidthOf(std::string_view piece) {
    ByteReader in(piece);
    bool timed = false;
    std::uint32_t rows = 0, removed = 0;
    in(timed, rows, removed);
    std::size_t width = 0;
    for (std::uint32_t i = 0; i < rows; ++i) {
        std::uint32_t hash = 0, size = 0;
        in(hash, size);
        static_cast<void>(in.bytes(size));
        const std::size_t bytes = sizeof hash + sizeof size + size;
        if (i > 0 && bytes != width) return 0;
        width = bytes;
    }
    return width;
}

std::vector<PagePart> partsOf(std::string piece, std::uint32_t rows, std::uint32_t begin, std::uint64_t end) {
    std::vector<PagePart> parts;
    std::uint64_t count = 1;
    while (piece.size() > kMostPageBytes && count * kPageBytes < piece.size() && count * 2 <= end - begin) count *= 2;
    if (count == 1 || rows < 2) {
        parts.push_back({begin, rows, std::move(piece)});
        return parts;
    }
    const std::uint64_t width = (end - begin) / count;
    PagePieceReader in(piece);
    std::vector<PagePieceWriter> writers(count, PagePieceWriter(in.timed()));
    in.each([](std::uint32_t) { return true; },
            [&](std::uint32_t hash, std::string_view row) {
                writers[std::min((placeOf(hash) - begin) / width, count - 1)].copy(hash, row);
            },
            [](std::uint32_t, std::string_view) {});
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint32_t left = writers[i].rowCount();
        parts.push_back({std::uint32_t(begin + i * width), left, left > 0 ? writers[i].finish() : std::string()});
    }
    return parts;
}

} // namespace rivulet::detail
