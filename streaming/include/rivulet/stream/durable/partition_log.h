#pragma once

#include "rivulet/stream/durable/durable_state.h"
#include "rivulet/stream/durable/packed_rows.h"

#include <optional>
#include <vector>

namespace rivulet::detail {

/// What is stored of one partition of a table, and what the next commit adds to it.
///
/// Stored is a log: for each batch the rows that it has changed. So that the log does not grow, a batch also writes
/// some of the other rows, as many bytes as it has changed: a sweep that goes from the last row down to the first,
/// and again. A row that is removed makes the last one take its place: that one counts as changed too, so a row either
/// stays where it is until the sweep comes by, or is written when it moves. Hence what a batch has written is
/// superseded when the sweep has once been everywhere since, and goes, the oldest batch first. There is no work in the
/// background, and no time at which a table is written at once; where a batch changes a third of the rows, it writes
/// all of them instead.
///
/// On disk are so at most the rows of a whole sweep and the changes meanwhile: twice the table. What an earlier process
/// has left goes at the end of the first sweep.
class PartitionLog {
  public:
    static constexpr std::size_t kPieceBytes = 1 << 20, kLeastSweepBytes = 16 << 10;

    /// What was found when the process began, in the order of batches.
    void found(const PieceKey& key);

    /// Whether all rows are to be written, in a batch that has changed so many.
    bool writesAll(std::size_t changed, std::size_t rows) const { return entries_.empty() || changed * 3 >= rows; }
    /// The row below which the sweep goes on, or begins again.
    std::size_t sweepFrom(std::size_t rows) const {
        return sweep_.below == 0 || sweep_.below > rows ? rows : sweep_.below;
    }
    static std::size_t sweepBytes(std::size_t changedBytes) {
        return changedBytes > kLeastSweepBytes ? changedBytes : kLeastSweepBytes;
    }

    /// Writes the pieces of a batch, and erases what they supersede. `all`: they have all rows; otherwise the sweep has
    /// come down to `sweptTo`. In force by `commit`.
    /// The pieces are lent to the writer.
    void write(DurableWriter& writer, std::uint32_t partition, const std::vector<RowsPiece>& pieces, bool all,
               std::size_t sweptTo);
    void commit();
    void abort() { pending_.reset(); }

    std::size_t entries() const { return entries_.size(); }

  private:
    struct Sweep {
        std::uint64_t number = 0; // those of earlier processes are 0
        std::size_t below = 0;    // how far down it has come
    };
    struct Entry {
        std::uint64_t batch;
        std::uint32_t pieces;
        Sweep sweep; // after its batch
    };
    struct Pending {
        std::optional<Entry> added;
        std::size_t erased = 0; // entries, from the first
        Sweep sweep;
    };

    std::vector<Entry> entries_;
    Sweep sweep_;
    std::optional<Pending> pending_;
};

} // namespace rivulet::detail
