#include "rivulet/stream/durable/partition_log.h"

namespace rivulet::detail {

void PartitionLog::found(const PieceKey& key) {
    if (entries_.empty() || entries_.back().batch != key.batch)
        entries_.push_back({key.batch, 1});
    else
        ++entries_.back().pieces;
}

void PartitionLog::write(DurableWriter& writer, std::uint32_t partition, const std::vector<std::string>& pieces,
                         bool all, std::size_t sweptTo) {
    const std::uint64_t batch = writer.batch();
    Pending pending;
    if (!all) {
        pending.sweep = {sweptTo, sweep_.below == 0 ? batch : sweep_.began};
        if (sweptTo == 0) // from the last row to the first
            while (pending.erased < entries_.size() && entries_[pending.erased].batch < pending.sweep.began)
                ++pending.erased;
    } else {
        pending.erased = entries_.size();
    }
    for (std::size_t i = 0; i < pending.erased; ++i)
        for (std::uint32_t piece = 0; piece < entries_[i].pieces; ++piece)
            writer.erase({partition, entries_[i].batch, piece});
    for (std::uint32_t piece = 0; piece < pieces.size(); ++piece) writer.put({partition, batch, piece}, pieces[piece]);
    if (!pieces.empty()) pending.added = Entry{batch, std::uint32_t(pieces.size())};
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
