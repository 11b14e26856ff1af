#pragma once

#include "rivulet/shuffle/bucketed.h"
#include "rivulet/stream/state/input.h"
#include "rivulet/stream/state/pages/page_directory.h"
#include "rivulet/stream/state/table.h"

#include <span>

namespace rivulet::detail {

/// The records of a batch for one partition, to be gone through page by page. The records of a key keep their order.
template <class K, class V> class PageRecords {
  public:
    using Row = BucketedRow<K, V>;

    void operator()(const Row* rows, std::size_t count) {
        for (std::size_t at = 0; at < count; ++at) {
            const RowKeys<K, Row, 1> key(rows + at, 1);
            hashes_.push_back(key[0].hash());
            if constexpr (kIsBareKey<K>) {
                rows_.push_back(rows[at]);
            } else {
                Row row;
                row.claimCopy(rows[at].slot(), V(rows[at].value()), texts_);
                rows_.push_back(std::move(row));
            }
        }
    }
    std::size_t size() const { return rows_.size(); }
    const Rows<std::uint32_t>& hashes() const { return hashes_; }
    /// Has them in the order of their groups.
    void group(const Rows<std::uint32_t>& groups, std::size_t count) { orderByGroup(groups, count, begin_, order_); }
    std::size_t countOf(std::size_t group) const { return rows_.empty() ? 0 : begin_[group + 1] - begin_[group]; }
    const Row* row(std::size_t group, std::size_t i) const { return &rows_[order_[begin_[group] + i]]; }
    std::uint32_t hash(std::size_t group, std::size_t i) const { return hashes_[order_[begin_[group] + i]]; }
    /// Fetches a row ahead, which may be of a later group: records lie as they came.
    void prefetch(std::size_t group, std::size_t i) const {
        const std::size_t at = begin_[group] + i;
        if (at < order_.size()) __builtin_prefetch(&rows_[order_[at]]);
    }

  private:
    Arena texts_; // of long keys; before the rows that point into it
    Rows<Row> rows_;
    Rows<std::uint32_t> hashes_, begin_, order_;
};

/// The records of a page.
template <class K, class V> class PageInput {
  public:
    PageInput(const PageRecords<K, V>& records, std::size_t group) : records_(records), group_(group) {}
    std::size_t size() const { return records_.countOf(group_); }
    template <class Take> void each(Take& take) const {
        constexpr std::size_t kAhead = 12;
        for (std::size_t i = 0, n = size(); i < n; ++i) {
            records_.prefetch(group_, i + kAhead);
            take(records_.row(group_, i), std::size_t(1));
        }
    }

  private:
    const PageRecords<K, V>& records_;
    std::size_t group_;
};

// The hashes of a page's keys agree in their first bits; where there are few pages, not in so many.
inline constexpr unsigned kPageCommonBits = 24;

/// Throws a CorruptionError about a page of which a piece is not there.
[[noreturn]] void throwPageMissing();

/// What an operation has made of a partition's pages.
struct PageChanges {
    std::vector<std::pair<std::size_t, PageDirectory::ChunkPtr>> chunks;
    std::vector<PieceKey> superseded;
};

/// States that are larger than memory: pages of keys whose hashes lie near each other, each read into a table when a
/// batch has something for it. Touched are so few of a page's rows mostly that they alone are decoded, and that what a
/// batch changes is written as a piece of its own; when a page has many of those, it is written anew.
///
/// Threads: a task has its own partition; `lookup` and `size` any
template <class K, class S> class PagedStates {
  public:
    using Table = StateTable<K, S>;
    using Version = std::vector<PageDirectory>;

    PagedStates(std::size_t partitions, bool timed) : timed_(timed) {
        for (std::size_t p = 0; p < partitions; ++p)
            parts_.push_back(std::make_unique<PagePartition>(std::uint32_t(p)));
    }
    bool timed() const { return timed_; }
    void use(std::shared_ptr<PageStore> store) { store_ = std::move(store); }
    PageStore& store() const { return *store_; }
    PageStore* storeOrNull() const { return store_.get(); }
    PagePartition& part(std::size_t p) const { return *parts_[p]; }
    std::size_t partitions() const { return parts_.size(); }

    /// Which pages a batch goes through beside those for which it has records.
    struct Pass {
        bool all = false;       // every page, with all of its rows
        Time due = Time::min(); // those with rows that were last touched before this
        std::uint64_t version = 0;
        Time time{};
    };
    /// Calls `step(table, input)` for pages, which gives the changes of the table's rows, and stages what they are.
    template <class V, class Step>
    PageChanges run(std::size_t p, TaskContext& task, PageRecords<K, V>& records, const Pass& pass, Table& table,
                    const Step& step) const {
        PagePartition& part = *parts_[p];
        const PageDirectory& directory = part.now();
        std::array<std::size_t, PageDirectory::kChunks> first = {};
        std::size_t pages = 0;
        for (std::size_t c = 0; c < first.size(); ++c) {
            first[c] = pages;
            pages += directory.chunk(c)->size();
        }
        Rows<std::uint32_t> groups;
        groups.reserve(records.size());
        for (const std::uint32_t hash : records.hashes()) {
            const std::uint32_t place = placeOf(hash);
            const std::size_t c = PageDirectory::chunkOf(place);
            groups.push_back(std::uint32_t(first[c] + PageDirectory::indexOf(*directory.chunk(c), place)));
        }
        records.group(groups, pages);

        PageChanges changes;
        for (std::size_t c = 0; c < first.size(); ++c) {
            task.throwIfCancelled();
            const PageDirectory::Chunk& chunk = *directory.chunk(c);
            auto next = share(new PageDirectory::Chunk());
            bool changed = false;
            for (std::size_t i = 0; i < chunk.size(); ++i) {
                const std::size_t group = first[c] + i, count = records.countOf(group);
                const bool whole = pass.all || chunk[i].oldest < pass.due;
                if (count == 0 && (!whole || chunk[i].pieces.empty())) {
                    next->push_back(chunk[i]);
                    continue;
                }
                const auto end = PageDirectory::endOf(chunk, i);
                changed |=
                    onePage(part, chunk[i], end, records, group, whole, pass, table, step, *next, changes.superseded);
            }
            if (changed) changes.chunks.emplace_back(c, std::move(next));
        }
        return changes;
    }
    /// The rows of a page, all of them or those whose hashes `wanted` says. False where a piece has gone meanwhile.
    template <class Wanted>
    bool load(const PieceKey& where, const Page& page, const PageStore::Moment& moment, const Wanted& wanted,
              Time committed, Table& table) const {
        Arena texts;
        for (const Page::Piece& piece : page.pieces) {
            const bool found = store_->read(
                {where.partition, piece.version, page.begin}, moment,
                [&](std::string_view bytes, bool packed) { restore(bytes, packed, wanted, committed, table, texts); });
            if (!found) return false;
        }
        return true;
    }
    std::optional<S> lookup(std::size_t p, const KeySlot<K>& key) const {
        if (!store_) return std::nullopt; // before the start
        const std::uint32_t place = placeOf(key.hash());
        for (;;) {
            const PageDirectory directory = parts_[p]->inForce();
            const auto& chunk = *directory.chunk(PageDirectory::chunkOf(place));
            const Page& page = chunk[PageDirectory::indexOf(chunk, place)];
            Table table(timed_, kPageCommonBits);
            const auto same = [&](std::uint32_t hash) { return hash == key.hash(); };
            if (load(parts_[p]->keyOf(0, 0), page, nullptr, same, Time(), table)) return table.lookup(key);
        } // a commit has superseded it meanwhile
    }
    std::size_t size() const {
        std::size_t sum = 0;
        for (const auto& part : parts_) sum += part->inForce().rows();
        return sum;
    }
    Version version() const {
        Version version;
        for (const auto& part : parts_) version.push_back(part->now());
        return version;
    }
    static bool everyHash(std::uint32_t) { return true; }

  private:
    /// Which hashes a batch has for a page, nearly.
    class Filter {
      public:
        void add(std::uint32_t hash) { bits_[hash >> 6 & 63] |= std::uint64_t(1) << (hash >> 12 & 63); }
        bool operator()(std::uint32_t hash) const { return bits_[hash >> 6 & 63] >> (hash >> 12 & 63) & 1; }

      private:
        std::uint64_t bits_[64] = {};
    };

    template <class V, class Step>
    bool onePage(PagePartition& part, const Page& page, std::uint64_t end, const PageRecords<K, V>& records,
                 std::size_t group, bool whole, const Pass& pass, Table& table, const Step& step,
                 PageDirectory::Chunk& next, std::vector<PieceKey>& superseded) const {
        const std::size_t count = records.countOf(group);
        const bool anew = page.isWorn();
        whole = whole || anew || page.pieces.empty() || count * 3 > page.rows;
        table.reset();
        bool found;
        if (whole) {
            found = load(part.keyOf(0, 0), page, nullptr, &everyHash, pass.time, table);
        } else {
            Filter wanted;
            for (std::size_t i = 0; i < count; ++i) wanted.add(records.hash(group, i));
            found = load(part.keyOf(0, 0), page, nullptr, wanted, pass.time, table);
        }
        if (!found) throwPageMissing();
        const std::size_t before = table.rowCount();
        table.apply(step(table, PageInput<K, V>(records, group)), pass.time);
        const std::size_t after = table.liveRows();
        std::size_t changed = 0;
        const auto countChange = [&](StateChange, const std::pair<K, S>&) { ++changed; };
        table.eachChange(countChange);

        Page made = page;
        made.rows = std::uint32_t(page.rows + after - before);
        if (timed_ && whole) {
            made.oldest = Time::max();
            for (std::size_t i = 0; i < after; ++i) made.oldest = std::min(made.oldest, table.touched(i));
        } else if (timed_ && changed > 0) {
            made.oldest = std::min(made.oldest, pass.time);
        }
        PagePieceWriter out(timed_);
        if (whole && (anew || (changed > 0 && (page.pieces.empty() || changed * 3 >= after)))) {
            for (std::size_t i = 0; i < after; ++i) {
                const auto& [key, state] = table.row(std::uint32_t(i));
                out.row(hashOf(key), key, state, table.touched(i));
            }
            table.commit();
            for (const Page::Piece& piece : page.pieces) superseded.push_back(part.keyOf(piece.version, page.begin));
            const std::uint32_t rows = out.rowCount();
            for (PagePart& each : partsOf(out.finish(), rows, page.begin, end)) {
                Page one{each.begin, each.rows, each.rows > 0 ? made.oldest : Time::max(), {}};
                if (each.rows > 0) {
                    part.stage(*store_, part.keyOf(pass.version, each.begin), each.piece);
                    one.pieces.push_back({pass.version, std::uint32_t(each.piece.size())});
                }
                next.push_back(std::move(one));
            }
            return true;
        }
        const auto write = [&](StateChange kind, const std::pair<K, S>& row) {
            if (kind == StateChange::removed)
                out.removed(hashOf(row.first), row.first);
            else
                out.row(hashOf(row.first), row.first, row.second, pass.time);
        };
        table.eachChange(write);
        table.commit();
        const bool differs = !out.empty() || made.oldest != page.oldest;
        if (!out.empty()) {
            const std::string piece = out.finish();
            part.stage(*store_, part.keyOf(pass.version, page.begin), piece);
            made.pieces.push_back({pass.version, std::uint32_t(piece.size())});
        }
        next.push_back(std::move(made));
        return differs;
    }
    template <class Wanted>
    static void restore(std::string_view bytes, bool packed, const Wanted& wanted, Time committed, Table& table,
                        Arena& texts) {
        PagePieceReader in(bytes, packed);
        const bool timed = in.timed();
        in.each(
            wanted,
            [&](std::uint32_t, std::string_view row) {
                ByteReader fields(row);
                Time touched = committed; // of what had no time-out before
                if (timed) fields(touched);
                K key{};
                S state{};
                fields(key, state);
                fields.finish();
                Cell<K, Nothing> cell;
                cell.set(key, Nothing{}, texts);
                table.restore(cell.slot(), std::move(state), touched);
                texts.clear();
            },
            [&](std::uint32_t, std::string_view row) {
                ByteReader fields(row);
                K key{};
                fields(key);
                fields.finish();
                Cell<K, Nothing> cell;
                cell.set(key, Nothing{}, texts);
                table.forget(cell.slot());
                texts.clear();
            });
    }

    const bool timed_;
    std::shared_ptr<PageStore> store_;
    Rows<std::unique_ptr<PagePartition>> parts_;
};

/// The RDD of paged states after a batch. It reads them from the disk each time.
template <class K, class S> class PagedRddNode final : public Node<std::pair<K, S>> {
  public:
    using T = std::pair<K, S>;
    using Version = typename PagedStates<K, S>::Version;

    PagedRddNode(LineagePtr lineage, std::shared_ptr<const PagedStates<K, S>> states, Version version,
                 PageStore::Moment moment)
        : Node<T>(std::move(lineage)),
          states_(std::move(states)),
          version_(std::move(version)),
          moment_(std::move(moment)) {}
    int partitions() const override { return int(version_.size()); }

  protected:
    ReaderPtr<T> compute(int partition, TaskContext&) const override {
        return ReaderPtr<T>(new PageReader(*this, std::size_t(partition)));
    }

  private:
    /// Page by page. The node outlives its readers.
    class PageReader final : public Reader<T> {
      public:
        PageReader(const PagedRddNode& node, std::size_t partition)
            : node_(node),
              partition_(partition),
              table_(node.states_->timed(), kPageCommonBits) {}
        bool next(std::span<const T>& chunk) override {
            while (rest_.empty() && chunk_ < PageDirectory::kChunks) readPage();
            chunk = rest_.first(std::min(kChunk, rest_.size()));
            rest_ = rest_.subspan(chunk.size());
            return !rest_.empty() || chunk_ < PageDirectory::kChunks;
        }

      private:
        void readPage() {
            const auto& pages = *node_.version_[partition_].chunk(chunk_);
            if (page_ == pages.size()) {
                ++chunk_;
                page_ = 0;
                return;
            }
            const Page& page = pages[page_++];
            table_.reset();
            if (!node_.states_->load(node_.states_->part(partition_).keyOf(0, 0), page, node_.moment_,
                                     &PagedStates<K, S>::everyHash, Time(), table_))
                throwPageMissing();
            if (table_.rowCount() > 0) rest_ = std::span<const T>(&table_.row(0), table_.rowCount());
        }

        const PagedRddNode& node_;
        const std::size_t partition_;
        std::size_t chunk_ = 0, page_ = 0;
        StateTable<K, S> table_;
        std::span<const T> rest_;
    };

    std::shared_ptr<const PagedStates<K, S>> states_;
    Version version_;
    PageStore::Moment moment_;
};

} // namespace rivulet::detail
