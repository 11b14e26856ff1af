#include "rivulet/stream/durable/stored_rows.h"

namespace rivulet::detail {

namespace {
constexpr std::size_t kHeaderBytes = 9;
} // namespace

void RowsWriter::begin() {
    out_ = ByteWriter();
    out_(timed_, std::uint32_t(0), std::uint32_t(0)); // the numbers are known at the end
    rows_ = 0;
}

void RowsWriter::finishPiece() {
    if (rows_ == 0 && removed_ == 0) return;
    ByteWriter header;
    header(timed_, rows_, removed_);
    out_.bytes(removedKeys_.view());
    finished_ += out_.size();
    std::string piece = std::move(out_).text();
    piece.replace(0, kHeaderBytes, header.view());
    pieces_.push_back(std::move(piece));
    removedKeys_ = ByteWriter();
    removed_ = 0;
    begin();
}

std::vector<std::string> RowsWriter::finish() {
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
