#include "rivulet/stream/state/pages/page_directory.h"

#include "rivulet/error.h"

#include <algorithm>

namespace rivulet::detail {

bool Page::isWorn() const {
    if (pieces.size() >= kMostPieces) return true;
    std::size_t changes = 0;
    for (std::size_t i = 1; i < pieces.size(); ++i) changes += pieces[i].sizeBytes;
    return !pieces.empty() && changes * 2 > pieces.front().sizeBytes;
}

PageDirectory::PageDirectory() {
    for (std::size_t i = 0; i < kChunks; ++i) {
        const auto chunk = std::make_shared<Chunk>(1);
        chunk->front().begin = std::uint32_t(i * kChunkPlaces);
        chunks_[i] = chunk;
    }
}

std::size_t PageDirectory::rows() const {
    std::size_t sum = 0;
    for (const auto& chunk : chunks_)
        for (const Page& page : *chunk) sum += page.rows;
    return sum;
}

std::size_t PageDirectory::indexOf(const Chunk& chunk, std::uint32_t place) {
    const auto next = std::upper_bound(chunk.begin(), chunk.end(), place,
                                       [](std::uint32_t at, const Page& page) { return at < page.begin; });
    return std::size_t(next - chunk.begin()) - 1;
}

std::uint64_t PageDirectory::endOf(const Chunk& chunk, std::size_t index) {
    return index + 1 < chunk.size() ? chunk[index + 1].begin : (chunkOf(chunk[index].begin) + 1) * kChunkPlaces;
}

PageDirectory PagePartition::inForce() const {
    const std::lock_guard lock(mutex_);
    return directory_;
}

void PagePartition::stage(PageStore& store, const PieceKey& key, std::string_view payload) {
    {
        const std::lock_guard lock(mutex_);
        staged_.push_back(key);
    }
    std::string packed;
    const bool isPacked = packRows(payload, PagePieceReader(payload).rows(), rowWidthOf(payload), packed);
    store.stage(key, isPacked ? std::string_view(packed) : payload, isPacked);
}

void PagePartition::change(std::vector<std::pair<std::size_t, PageDirectory::ChunkPtr>> chunks,
                           std::vector<PieceKey> superseded) {
    if (!pending_) pending_ = directory_;
    for (auto& [index, chunk] : chunks) {
        pending_->set(index, std::move(chunk));
        changed_[index] = true;
    }
    superseded_.insert(superseded_.end(), superseded.begin(), superseded.end());
}

void PagePartition::save(DurableWriter& writer, bool all) {
    for (std::size_t i = 0; i < PageDirectory::kChunks; ++i) {
        if (!all && !changed_[i]) continue;
        ByteWriter out;
        out(*now().chunk(i));
        writer.put(keyOf(0, std::uint32_t(i)), out.view());
    }
    for (const PieceKey& key : superseded_) writer.erase(key);
}

void PagePartition::commit() {
    std::optional<PageDirectory> before;
    const std::lock_guard lock(mutex_);
    if (pending_) {
        before = std::move(directory_);
        directory_ = *pending_;
    }
    pending_.reset();
    changed_.fill(false);
    superseded_.clear();
    staged_.clear();
}

/// What was staged is nothing without a commit; so where it cannot be discarded it only takes space, until a later
/// process looks.
void PagePartition::abort(PageStore* store) noexcept {
    try {
        if (store)
            for (const PieceKey& key : staged_) store->discard(key);
    } catch (const Error&) {}
    pending_.reset();
    changed_.fill(false);
    superseded_.clear();
    staged_.clear();
}

PageDirectory::Chunk PagePartition::chunkFrom(std::string_view payload) {
    PageDirectory::Chunk chunk;
    ByteReader in(payload);
    in(chunk);
    in.finish();
    const bool ordered =
        std::is_sorted(chunk.begin(), chunk.end(), [](const Page& a, const Page& b) { return a.begin < b.begin; });
    if (chunk.empty() || !ordered || chunk.front().begin % PageDirectory::kChunkPlaces != 0)
        throw CorruptionError("checkpoint: a directory of pages is damaged: expected pages in order, found " +
                              std::to_string(chunk.size()) + " of them; restore the directory from a copy");
    return chunk;
}

void PagePartition::restore(std::size_t index, std::string_view payload) {
    auto chunk = std::make_shared<PageDirectory::Chunk>(chunkFrom(payload));
    const std::lock_guard lock(mutex_);
    if (index < PageDirectory::kChunks) directory_.set(index, std::move(chunk));
}

} // namespace rivulet::detail
