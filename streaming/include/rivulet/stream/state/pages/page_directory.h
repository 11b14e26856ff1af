#pragma once

#include "rivulet/stream/durable/page_store.h"
#include "rivulet/stream/state/pages/page.h"

#include <array>
#include <mutex>
#include <vector>

namespace rivulet::detail {

/// The states between two places, and where they are stored.
struct Page {
    /// Of the pieces that a page of one version has. Each batch has two: what it begins with, and what it does.
    struct Piece {
        std::uint64_t version = 0;
        std::uint32_t sizeBytes = 0;
        template <class Archive> void serialize(Archive& archive) { archive(version, sizeBytes); }
    };
    static constexpr std::size_t kMostPieces = 8;

    std::uint32_t begin = 0; // it ends where the next one begins
    std::uint32_t rows = 0;
    Time oldest = Time::max(); // no row was last touched before this
    std::vector<Piece> pieces; // the first has rows, the others changes
    template <class Archive> void serialize(Archive& archive) { archive(begin, rows, oldest, pieces); }

    /// Whether so much has changed since it was written that it is to be written anew.
    bool isWorn() const;
};

/// All pages of a partition, in chunks that are stored and copied one by one. A copy shares them.
class PageDirectory {
  public:
    using Chunk = std::vector<Page>;
    using ChunkPtr = std::shared_ptr<const Chunk>;
    static constexpr unsigned kChunkBits = 5;
    static constexpr std::size_t kChunks = std::size_t(1) << kChunkBits;
    static constexpr std::uint64_t kPlaces = std::uint64_t(1) << 32, kChunkPlaces = kPlaces / kChunks;

    PageDirectory();
    const ChunkPtr& chunk(std::size_t index) const { return chunks_[index]; }
    void set(std::size_t index, ChunkPtr chunk) { chunks_[index] = std::move(chunk); }
    std::size_t rows() const;

    static std::size_t chunkOf(std::uint32_t place) { return place >> (32 - kChunkBits); }
    /// Where in its chunk the page of a place is.
    static std::size_t indexOf(const Chunk& chunk, std::uint32_t place);
    /// Where a page ends.
    static std::uint64_t endOf(const Chunk& chunk, std::size_t index);

  private:
    std::array<ChunkPtr, kChunks> chunks_;
};

/// The pages of a partition, in force and as the batch that is being run makes them.
///
/// Threads: tasks of its own partition stage; `inForce` any; the rest is for the thread that runs the batches
class PagePartition {
  public:
    explicit PagePartition(std::uint32_t number) : number_(number) {}

    /// What is stored under a version and a place.
    PieceKey keyOf(std::uint64_t version, std::uint32_t begin) const { return {number_, version, begin}; }
    PageDirectory inForce() const;
    const PageDirectory& now() const { return pending_ ? *pending_ : directory_; }

    void stage(PageStore& store, const PieceKey& key, std::string_view payload);
    /// What an operation of the batch has made of it; what it superseded goes with the commit.
    void change(std::vector<std::pair<std::size_t, PageDirectory::ChunkPtr>> chunks, std::vector<PieceKey> superseded);
    void save(DurableWriter& writer, bool all);
    void commit();
    void abort(PageStore* store) noexcept;

    /// Takes a stored chunk in.
    void restore(std::size_t index, std::string_view payload);
    static PageDirectory::Chunk chunkFrom(std::string_view payload);

  private:
    const std::uint32_t number_;
    mutable std::mutex mutex_; // guards the following two
    PageDirectory directory_;
    std::vector<PieceKey> staged_;

    std::optional<PageDirectory> pending_;
    std::array<bool, PageDirectory::kChunks> changed_ = {};
    std::vector<PieceKey> superseded_;
};

} // namespace rivulet::detail
