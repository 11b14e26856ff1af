#include "rivulet/stream/durable/stored_panes.h"

#include <algorithm>
#include <tuple>

namespace rivulet::detail {

namespace {
constexpr std::size_t kHeaderBytes = 12;
} // namespace

void PaneWriter::begin() {
    out_ = ByteWriter();
    out_(time_, std::uint32_t(0)); // the number is known at the end
    rows_ = 0;
}

void PaneWriter::finishPiece() {
    ByteWriter header;
    header(time_, rows_);
    std::string piece = std::move(out_).text();
    piece.replace(0, kHeaderBytes, header.view());
    pieces_.push_back(std::move(piece));
    begin();
}

std::vector<std::string> PaneWriter::finish() {
    if (rows_ > 0 || (evenEmpty_ && pieces_.empty())) finishPiece();
    return std::move(pieces_);
}

PaneHeader readPaneHeader(ByteReader& in) {
    PaneHeader header;
    in(header.time, header.rows);
    return header;
}

std::map<Time, StoredPanes::Pieces> StoredPanes::read(const DurableReader& reader) {
    std::map<Time, Pieces> pieces;
    reader.each([&](const PieceKey& key, std::string_view piece) {
        ByteReader in(piece);
        const Time time = readPaneHeader(in).time;
        stored_[time].push_back(key);
        pieces[time].emplace_back(key, piece);
    });
    for (auto& [time, ofTime] : pieces) // in the order in which they were written
        std::sort(ofTime.begin(), ofTime.end(), [](const auto& a, const auto& b) {
            const auto order = [](const PieceKey& key) { return std::tuple(key.batch, key.partition, key.piece); };
            return order(a.first) < order(b.first);
        });
    return pieces;
}

void StoredPanes::write(DurableWriter& writer, std::uint32_t partition, Time time,
                        const std::vector<std::string>& pieces) {
    for (std::uint32_t i = 0; i < pieces.size(); ++i) {
        const PieceKey key{partition, writer.batch(), i};
        writer.put(key, pieces[i]);
        added_[time].push_back(key);
    }
}

void StoredPanes::eraseUpTo(DurableWriter& writer, Time time) {
    for (const auto& [of, keys] : stored_) {
        if (of > time) break;
        for (const PieceKey& key : keys) writer.erase(key);
    }
    erasedUpTo_ = time;
}

void StoredPanes::commit() {
    if (erasedUpTo_) stored_.erase(stored_.begin(), stored_.upper_bound(*erasedUpTo_));
    for (auto& [time, keys] : added_) {
        auto& all = stored_[time];
        all.insert(all.end(), keys.begin(), keys.end());
    }
    abort();
}

void StoredPanes::abort() {
    added_.clear();
    erasedUpTo_.reset();
}

} // namespace rivulet::detail
