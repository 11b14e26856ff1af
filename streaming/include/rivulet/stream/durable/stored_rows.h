#pragma once

#include "rivulet/serialization/stored.h"
#include "rivulet/stream/durable/partition_log.h"
#include "rivulet/stream/durable/stored_panes.h"

/// The pieces of a log of keyed rows:
///
///     timed u8 | rows u32 | removed u32 | row[rows] | key[removed]
///     row = (when it was last touched, i64 of milliseconds, where timed is 1) key state
///
/// A key is in one of the two lists of a batch only, so their order does not matter.
namespace rivulet::detail {

/// The memory of pieces that are no longer needed, for those of the next batch: fresh memory costs as much as what is
/// written to it.
class RowsMemory {
  public:
    /// The longest, or the shortest; an empty text where there is none.
    std::string take(bool longest);
    void give(std::string text);
    std::size_t sizeBytes() const;

  private:
    static constexpr std::size_t kMost = 4;
    std::vector<std::string> texts_;
};

/// Makes pieces of about 1 MiB, which are packed where that saves something.
class RowsWriter {
  public:
    RowsWriter(bool timed, RowsMemory& memory) : timed_(timed), memory_(memory) { begin(); }
    ~RowsWriter() { memory_.give(std::move(out_).memory()); }
    RowsWriter(const RowsWriter&) = delete;
    RowsWriter& operator=(const RowsWriter&) = delete;

    template <class K, class S> void row(const K& key, const S& state, Time touched) {
        const std::size_t at = out_.size();
        if (timed_) out_(touched);
        out_(key, state);
        const std::size_t width = out_.size() - at;
        width_ = rows_ == 0 || width == width_ ? width : 0;
        ++rows_;
        if (out_.size() >= PartitionLog::kPieceBytes) finishPiece();
    }
    template <class K> void removed(const K& key) {
        removedKeys_(key);
        ++removed_;
    }
    /// Of what was written, before it is packed.
    std::size_t bytes() const { return finished_ + out_.size() + removedKeys_.size(); }
    std::vector<RowsPiece> finish();

  private:
    void begin();
    void finishPiece();

    const bool timed_;
    RowsMemory& memory_;
    ByteWriter out_, removedKeys_;
    std::uint32_t rows_ = 0, removed_ = 0;
    std::size_t width_ = 0; // of all rows; 0: they differ
    std::size_t finished_ = 0;
    std::vector<RowsPiece> pieces_;
};

struct RowsHeader {
    bool timed = false;
    std::uint32_t rows = 0, removed = 0;
};
RowsHeader readRowsHeader(ByteReader& in);

} // namespace rivulet::detail
