#pragma once

#include "rivulet/stream/durable/stored_rows.h"
#include "rivulet/stream/state/state_tables.h"

namespace rivulet::detail {

/// What is stored of the tables of an operator: a log for each, of what batches have changed.
///
/// Threads: the thread that runs the batches; what is much is done by a task for each partition
template <class K, class S> class StoredTables {
  public:
    explicit StoredTables(std::shared_ptr<StateTables<K, S>> tables) : tables_(std::move(tables)) {}

    /// Puts what was stored into the tables. `isLayoutSame`: it is partitioned as they are.
    template <class Job> void recover(const Job& job, const DurableReader& reader, bool isLayoutSame) {
        makeLogs();
        std::size_t rows = 0; // that are partitioned otherwise
        if (!isLayoutSame)
            reader.each([&](const PieceKey& key, std::string_view piece) {
                obsolete_.push_back(key);
                rows += rowsOf(piece);
            });
        job.template run<char>([&](int p, TaskContext&) {
            if (isLayoutSame)
                restore(p, reader);
            else
                restoreOfAll(p, rows / std::size_t(tables_->partitions()), reader);
            return char();
        });
        rewritten_ = isLayoutSame;
    }
    /// Between the apply of a batch's changes and its commit. `makeJob` gives a job that may write many rows.
    template <class MakeJob> void save(const MakeJob& makeJob, const std::string& layout, DurableWriter& writer) {
        makeLogs();
        if (!rewritten_) {
            for (const PieceKey& key : obsolete_) writer.erase(key);
            writer.setLayout(layout);
            relayouted_ = true;
        }
        std::size_t changes = 0;
        for (int p = 0; p < tables_->partitions(); ++p) changes += table(p).changeCount();
        giveBack();
        if (changes > kFewChanges || (!rewritten_ && tables_->size() > kFewChanges)) {
            saved_ = makeJob().template run<Saved>([&](int p, TaskContext&) { return savedRows(p); });
        } else {
            for (int p = 0; p < tables_->partitions(); ++p) saved_.push_back(savedRows(p));
        }
        for (std::uint32_t p = 0; p < saved_.size(); ++p)
            if (saved_[p].changed) logs_[p].write(writer, p, saved_[p].pieces, saved_[p].all, saved_[p].sweptTo);
    }
    void commit() {
        for (PartitionLog& log : logs_) log.commit();
        if (relayouted_) obsolete_.clear();
        rewritten_ = rewritten_ || relayouted_;
        giveBack();
    }
    void abort() noexcept {
        for (PartitionLog& log : logs_) log.abort();
        relayouted_ = false;
        giveBack();
    }
    std::size_t sizeBytes() const {
        std::size_t bytes = 0;
        for (const RowsMemory& memory : memories_) bytes += memory.sizeBytes();
        return bytes;
    }

  private:
    struct Saved {
        std::vector<RowsPiece> pieces;
        bool changed = false, all = false;
        std::size_t sweptTo = 0;
    };

    StateTable<K, S>& table(int partition) const { return (*tables_)[std::size_t(partition)]; }
    void makeLogs() {
        while (logs_.size() < std::size_t(tables_->partitions())) {
            logs_.emplace_back();
            memories_.emplace_back();
        }
    }
    /// The pieces are written, or will not be.
    void giveBack() noexcept {
        for (std::size_t p = 0; p < saved_.size(); ++p)
            for (RowsPiece& piece : saved_[p].pieces) memories_[p].give(std::move(piece.bytes));
        saved_.clear();
    }

    Saved savedRows(int partition) {
        const StateTable<K, S>& states = table(partition);
        const PartitionLog& log = logs_[std::size_t(partition)];
        const std::size_t changed = states.changeCount(), rows = states.liveRows();
        const bool all = !rewritten_ || (changed > 0 && log.writesAll(changed, rows));
        if (changed == 0 && !all) return {};
        RowsWriter out(states.timed(), memories_[std::size_t(partition)]);
        std::size_t sweep = 0;
        if (all) {
            for (std::size_t i = 0; i < rows; ++i) writeRow(out, states, i);
        } else {
            const auto write = [&](StateChange kind, const std::pair<K, S>& row) {
                if (kind == StateChange::removed)
                    out.removed(row.first);
                else
                    out.row(row.first, row.second, states.appliedAt());
            };
            states.eachChange(write);
            states.eachMoved([&](std::uint32_t number) { writeRow(out, states, number); });
            sweep = log.sweepFrom(rows);
            const std::size_t enough = out.bytes() + PartitionLog::sweepBytes(out.bytes());
            while (sweep > 0 && out.bytes() < enough) writeRow(out, states, --sweep);
        }
        return {out.finish(), true, all, sweep};
    }
    static void writeRow(RowsWriter& out, const StateTable<K, S>& states, std::size_t number) {
        const auto& row = states.row(std::uint32_t(number));
        out.row(row.first, row.second, states.touched(number));
    }

    static std::size_t rowsOf(std::string_view piece) {
        ByteReader in(piece);
        return readRowsHeader(in).rows;
    }
    /// A table and at most as many changes.
    void expect(int partition, std::size_t storedRows) { table(partition).expect(storedRows - storedRows / 4); }
    /// Pieces are held until all are known, so that the table grows once.
    void restore(int partition, const DurableReader& reader) {
        PartitionLog log;
        std::vector<RowsPiece> pieces;
        std::size_t rows = 0;
        reader.eachStored(std::uint32_t(partition), [&](const PieceKey& key, std::string_view piece, bool packed) {
            log.found(key);
            rows += rowsOf(piece);
            pieces.push_back({std::string(piece), packed});
        });
        expect(partition, rows);
        std::string unpacked;
        for (RowsPiece& piece : pieces) {
            if (piece.packed) unpackRows(piece.bytes, unpacked);
            restorePiece(piece.packed ? unpacked : piece.bytes, partition, reader.time(), false);
            piece.bytes = std::string();
        }
        logs_[std::size_t(partition)] = std::move(log);
    }
    /// Out of what is partitioned otherwise.
    void restoreOfAll(int partition, std::size_t rows, const DurableReader& reader) {
        expect(partition, rows);
        reader.each(
            [&](const PieceKey&, std::string_view piece) { restorePiece(piece, partition, reader.time(), true); });
    }
    struct StoredRow {
        K key{};
        S state{};
        Time touched{};
        Cell<K, Nothing> cell = {};
    };
    /// Rows are taken in some at a time; while these are, the places of the next ones come into the cache.
    void restorePiece(std::string_view piece, int partition, Time committed, bool others) {
        StateTable<K, S>& states = table(partition);
        const auto lock = states.restoring();
        ByteReader in(piece);
        const RowsHeader header = readRowsHeader(in);
        Arena texts, nextTexts;
        Rows<StoredRow> rows, next;
        rows.reserve(kResolved);
        next.reserve(kResolved);
        for (std::uint32_t left = header.rows; left > 0 || !rows.empty();) {
            for (; left > 0 && next.size() < kResolved; --left) {
                next.emplace_back();
                StoredRow& row = next[next.size() - 1];
                row.touched = committed; // of what had no time-out before
                if (header.timed) in(row.touched);
                in(row.key, row.state);
                row.cell.set(row.key, Nothing{}, nextTexts);
                if (!isOf(row.cell.slot(), partition, others)) next.pop_back();
            }
            states.prefetchIndex(next);
            for (StoredRow& row : rows) states.restore(row.cell.slot(), std::move(row.state), row.touched);
            rows.clear();
            texts.clear();
            states.prefetchRows(next);
            std::swap(rows, next);
            std::swap(texts, nextTexts);
        }
        for (std::uint32_t i = 0; i < header.removed; ++i) {
            K key{};
            in(key);
            Cell<K, Nothing> cell;
            cell.set(key, Nothing{}, texts);
            if (isOf(cell.slot(), partition, others)) states.forget(cell.slot());
            texts.clear();
        }
        in.finish();
    }
    bool isOf(const KeySlot<K>& key, int partition, bool others) const {
        const auto wanted = int(tables_->route()(key));
        if (wanted != partition && !others)
            throw CorruptionError("checkpoint: a state is stored in partition " + std::to_string(partition) +
                                  ", and its key belongs to partition " + std::to_string(wanted) +
                                  "; has the hash of the key's type changed?");
        return wanted == partition;
    }

    std::shared_ptr<StateTables<K, S>> tables_;
    Rows<PartitionLog> logs_; // as many as tables, where states are stored
    Rows<RowsMemory> memories_;
    std::vector<Saved> saved_; // by the batch that is being committed
    Rows<PieceKey> obsolete_;  // pieces of another partitioning
    bool relayouted_ = false;  // by the batch that is being committed: all was written anew
    bool rewritten_ = false;   // all that is stored is partitioned as the tables are
};

} // namespace rivulet::detail
