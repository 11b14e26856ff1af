#pragma once

#include "rivulet/serialization/stored.h"
#include "rivulet/stream/durable/packed_rows.h"
#include "rivulet/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The pieces that a page of states consists of: the first has rows, each further one what has changed since.
///
///     piece = timed u8 | rows u32 | removed u32 | row[rows] | row of the key alone[removed]
///     row   = hash u32 | size u32 | (when it was last touched, i64 of milliseconds, where timed is 1) key state
///
/// What is looked for is found by the hash; the rest of a page is only stepped over.
namespace rivulet::detail {

/// Where a key belongs in the order of pages.
std::uint32_t placeOf(std::uint32_t hash);

class PagePieceWriter {
  public:
    explicit PagePieceWriter(bool timed);

    template <class K, class S> void row(std::uint32_t hash, const K& key, const S& state, Time touched) {
        const std::size_t at = begin(rows_, hash);
        if (timed_) rows_(touched);
        rows_(key, state);
        end(rows_, at);
        ++rowCount_;
    }
    template <class K> void removed(std::uint32_t hash, const K& key) {
        const std::size_t at = begin(removed_, hash);
        removed_(key);
        end(removed_, at);
        ++removedCount_;
    }
    /// A row as it is stored.
    void copy(std::uint32_t hash, std::string_view row);

    std::uint32_t rowCount() const { return rowCount_; }
    bool empty() const { return rowCount_ == 0 && removedCount_ == 0; }
    std::size_t sizeBytes() const { return rows_.size() + removed_.size(); }
    /// Leaves it empty.
    std::string finish();

  private:
    static std::size_t begin(ByteWriter& out, std::uint32_t hash) {
        out.number(hash);
        out.number(std::uint32_t(0));
        return out.size();
    }
    static void end(ByteWriter& out, std::size_t at) {
        out.numberAt(at - sizeof(std::uint32_t), checkedCount(out.size() - at));
    }
    void start();

    const bool timed_;
    ByteWriter rows_, removed_;
    std::uint32_t rowCount_ = 0, removedCount_ = 0;
};

/// How many bytes each row of a piece has; 0 where they differ.
std::size_t rowWidthOf(std::string_view piece);

/// Steps through a piece, which may be packed.
class PagePieceReader {
  public:
    explicit PagePieceReader(std::string_view piece, bool packed = false) : in_(piece) {
        if (packed) in_ = ByteReader(packed_.emplace(piece).header());
        in_(timed_, rows_, removed_);
    }
    bool timed() const { return timed_; }
    std::uint32_t rows() const { return rows_; }
    /// Calls `row(hash, bytes)` for the rows whose hashes `wanted` says, then `removed(hash, bytes)`.
    template <class Wanted, class OnRow, class OnRemoved>
    void each(const Wanted& wanted, const OnRow& row, const OnRemoved& removed) {
        if (packed_) {
            char bytes[PackedRows::kMostWidth];
            for (std::uint32_t i = 0; i < rows_; ++i) {
                if (!wanted(packed_->numberOf(i))) continue;
                packed_->copy(i, bytes);
                in_ = ByteReader({bytes, packed_->width()});
                one(wanted, row);
            }
            in_ = ByteReader(packed_->rest());
        } else {
            for (std::uint32_t i = 0; i < rows_; ++i) one(wanted, row);
        }
        for (std::uint32_t i = 0; i < removed_; ++i) one(wanted, removed);
        in_.finish();
    }

  private:
    template <class Wanted, class Take> void one(const Wanted& wanted, const Take& take) {
        std::uint32_t hash = 0, size = 0;
        in_(hash, size);
        const std::string_view bytes = in_.bytes(size);
        if (wanted(hash)) take(hash, bytes);
    }

    std::optional<PackedRows> packed_;
    ByteReader in_;
    bool timed_ = false;
    std::uint32_t rows_ = 0, removed_ = 0;
};

/// A page that has become too large as several: where each begins, and its piece. `begin` and `end` are the places
/// between which the page lies.
struct PagePart {
    std::uint32_t begin = 0, rows = 0;
    std::string piece;
};
std::vector<PagePart> partsOf(std::string piece, std::uint32_t rows, std::uint32_t begin, std::uint64_t end);

} // namespace rivulet::detail
