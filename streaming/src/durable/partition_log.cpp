#include "rivulet/stream/durable/partition_log.h"

namespace rivulet::detail {

void PartitionLog::found(const PieceKey& key) {
    if (entries_.empty() || entries_.back().batch != key.batch)
        entries_.push_back({key.batch, 1, {}});
    else
        ++entries_.back().pieces;
}

void PartitionLog::write(DurableWriter& writer, std::uint32_t partition, const std::vector<RowsPiece>& pieces, bool all,
                         std::size_t sweptTo) {
    const std::uint64_t batch = writer.batch();
    Pending pending;
    pending.sweep = {all || sweep_.below == 0 ? sweep_.number + 1 : sweep_.number, all ? 0 : sweptTo};
    // Superseded: the sweep has since come down to where it was, or to the end of a second time.
    const Sweep now = pending.sweep;
    const auto isSuperseded = [&](const Sweep& then) {
        return now.number > then.number + 1 || (now.number == then.number + 1 && now.below <= then.below);
    };
    while (pending.erased < entries_.size() && (all || isSuperseded(entries_[pending.erased].sweep))) ++pending.erased;
    for (std::size_t i = 0; i < pending.erased; ++i)
        for (std::uint32_t piece = 0; piece < entries_[i].pieces; ++piece)
            writer.erase({partition, entries_[i].batch, piece});
    for (std::uint32_t piece = 0; piece < pieces.size(); ++piece)
        writer.lend({partition, batch, piece}, pieces[piece].bytes, pieces[piece].packed);
    if (!pieces.empty()) pending.added = Entry{batch, std::uint32_t(pieces.size()), now};
    pending_ = pending;
}

void PartitionLog::commit() {
    if (!pending_) return;
    entries_.erase(entries_.begin(), entries_.begin() + std::ptrdiff_t(pending_->erased));
    if (pending_->added) entries_.push_back(*pending_->added);
    sweep_ = pending_->sweep;
    pending_.reset();
}

} // namespace rivulet::detail
