#include "rivulet/stream/durable/stored_rows.h"

#include <algorithm>

namespace rivulet::detail {

std::string RowsMemory::take(bool longest) {
    if (texts_.empty()) return {};
    const auto shorter = [](const std::string& a, const std::string& b) { return a.size() < b.size(); };
    const auto found = longest ? std::max_element(texts_.begin(), texts_.end(), shorter)
                               : std::min_element(texts_.begin(), texts_.end(), shorter);
    std::swap(*found, texts_.back());
    std::string text = std::move(texts_.back());
    texts_.pop_back();
    return text;
}

void RowsMemory::give(std::string text) {
    if (texts_.size() < kMost) texts_.push_back(std::move(text));
}

std::size_t RowsMemory::sizeBytes() const {
    std::size_t bytes = 0;
    for (const auto& text : texts_) bytes += text.capacity();
    return bytes;
}

void RowsWriter::begin() {
    out_ = ByteWriter(memory_.take(true));
    out_(timed_, std::uint32_t(0), std::uint32_t(0)); // the numbers are known at the end
    rows_ = 0;
    width_ = 0;
}

void RowsWriter::finishPiece() {
    if (rows_ == 0 && removed_ == 0) return;
    out_.numberAt(1, rows_);
    out_.numberAt(5, removed_);
    out_.bytes(removedKeys_.view());
    finished_ += out_.size();
    RowsPiece piece{memory_.take(false)};
    piece.packed = packRows(out_.view(), rows_, width_, piece.bytes);
    if (piece.packed) {
        memory_.give(std::move(out_).memory());
    } else {
        memory_.give(std::move(piece.bytes));
        piece.bytes = std::move(out_).text();
    }
    pieces_.push_back(std::move(piece));
    removedKeys_ = ByteWriter();
    removed_ = 0;
    begin();
}

std::vector<RowsPiece> RowsWriter::finish() {
    finishPiece();
    return std::move(pieces_);
}

void throwNotStorable(const CallSite& site) {
    throw UsageError(site.text() +
                         ": there is a checkpoint directory, and the type of its keys or states cannot be written; "
                         "give it a default constructor and a member `template <class Archive> void serialize(Archive& "
                         "archive) { archive(each, of, its, members); }`",
                     site.where);
}

RowsHeader readRowsHeader(ByteReader& in) {
    RowsHeader header;
    in(header.timed, header.rows, header.removed);
    return header;
}

} // namespace rivulet::detail
