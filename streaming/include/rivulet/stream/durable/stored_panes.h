#pragma once

#include "rivulet/serialization/stored.h"
#include "rivulet/stream/durable/durable_state.h"

#include <map>
#include <optional>
#include <vector>

/// What is stored of a window: the rows that each batch has brought, as long as a window may have them. Another process
/// takes the batches in again, one after the other.
///
///     piece = time of the batch i64 | rows u32 | row[rows]
namespace rivulet::detail {

/// Throws a UsageError about an operator whose keys or states cannot be written.
[[noreturn]] void throwNotStorable(const CallSite& site);

class PaneWriter {
  public:
    /// `evenEmpty`: a piece without rows is written too.
    PaneWriter(Time time, bool evenEmpty) : time_(time), evenEmpty_(evenEmpty) { begin(); }
    template <class... Row> void row(const Row&... row) {
        out_(row...);
        ++rows_;
        if (out_.size() >= kPieceBytes) finishPiece();
    }
    std::vector<std::string> finish();

  private:
    static constexpr std::size_t kPieceBytes = 1 << 20;
    void begin();
    void finishPiece();

    const Time time_;
    const bool evenEmpty_;
    ByteWriter out_;
    std::uint32_t rows_ = 0;
    std::vector<std::string> pieces_;
};

struct PaneHeader {
    Time time{};
    std::uint32_t rows = 0;
};
PaneHeader readPaneHeader(ByteReader& in);
/// The rows of a piece, each of which is one element.
template <class T> void readPaneRows(std::string_view piece, Rows<T>& rows) {
    ByteReader in(piece);
    for (std::uint32_t left = readPaneHeader(in).rows; left > 0; --left) {
        T row{};
        in(row);
        rows.push_back(std::move(row));
    }
    in.finish();
}

/// The pieces of a window that are on the disk.
class StoredPanes {
  public:
    using Pieces = std::vector<std::pair<PieceKey, std::string>>;

    /// All of them, by the time of their batch.
    std::map<Time, Pieces> read(const DurableReader& reader);
    /// In force by `commit`, as the following.
    void write(DurableWriter& writer, std::uint32_t partition, Time time, const std::vector<std::string>& pieces);
    /// Erases those of batches up to this time.
    void eraseUpTo(DurableWriter& writer, Time time);
    void commit();
    void abort();

  private:
    std::map<Time, std::vector<PieceKey>> stored_, added_;
    std::optional<Time> erasedUpTo_;
};

} // namespace rivulet::detail
