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

/// Makes pieces of about 1 MiB.
class RowsWriter {
  public:
    explicit RowsWriter(bool timed) : timed_(timed) { begin(); }

    template <class K, class S> void row(const K& key, const S& state, Time touched) {
        if (timed_) out_(touched);
        out_(key, state);
        ++rows_;
        if (out_.size() >= PartitionLog::kPieceBytes) finishPiece();
    }
    template <class K> void removed(const K& key) {
        removedKeys_(key);
        ++removed_;
    }
    std::size_t bytes() const { return finished_ + out_.size() + removedKeys_.size(); }
    std::vector<std::string> finish();

  private:
    void begin();
    void finishPiece();

    const bool timed_;
    ByteWriter out_, removedKeys_;
    std::uint32_t rows_ = 0, removed_ = 0;
    std::size_t finished_ = 0;
    std::vector<std::string> pieces_;
};

struct RowsHeader {
    bool timed = false;
    std::uint32_t rows = 0, removed = 0;
};
RowsHeader readRowsHeader(ByteReader& in);

} // namespace rivulet::detail
