#pragma once

#include "rivulet/stream/state/stored_tables.h"

#include <charconv>

/// What the operators with a state have in common: the tables of all partitions, and how a batch changes them.
///
/// Tasks look the batch's records up and put what changes on a side list each, which they publish last, so that a task
/// that is repeated begins anew. When all tasks of the operator have succeeded, the lists are applied; what the outputs
/// of the batch read is the new state. The batch's success makes that final, its failure takes it back.
namespace rivulet {

/// Which keys `updateStateByKey` calls its function for: all that have a state (Spark's meaning), or only those for
/// which something arrived in the batch.
enum class UpdatedKeys { all, touched };

namespace detail {

/// Puts initial states on a side list; of several for a key the last counts.
template <class K, class S> class LoadPass {
  public:
    using Row = BucketedRow<K, S>;

    explicit LoadPass(unsigned commonBits = 0) { delta_.newIndex = DenseIndex(commonBits); }
    void operator()(const Row* rows, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            const RowKeys<K, Row, 1> key(rows + i, 1);
            auto& change = delta_.newStates[newKeyOf(delta_, key[0])];
            change.kind = StateChange::updated;
            change.state = valueOf(rows[i]);
        }
    }
    StateDelta<K, S> finish() { return std::move(delta_); }

  private:
    StateDelta<K, S> delta_;
};

/// The same of a page.
template <class K, class S> struct LoadStep {
    StateDelta<K, S> operator()(StateTable<K, S>&, const PageInput<K, S>& input) const {
        LoadPass<K, S> pass(kPageCommonBits);
        input.each(pass);
        return pass.finish();
    }
};

/// The states of an operator, with what they begin with and what they are worth in memory.
///
/// Threads: the thread that runs the batches
template <class K, class S> class StateKeeper {
  public:
    using Initial = RDD<std::pair<K, S>>;
    using Deltas = std::vector<StateDelta<K, S>>;

    StateKeeper(const std::shared_ptr<Engine>& engine, std::shared_ptr<const Partitioner> partitioner, bool timed,
                std::optional<Initial> initial, bool paged)
        : tables_(share(new StateTables<K, S>(std::move(partitioner), timed, paged))),
          initial_(std::move(initial)),
          memory_(engine->memory(), engine->memory()->consumer("state")),
          stored_(tables_) {}

    const std::shared_ptr<StateTables<K, S>>& tables() const { return tables_; }
    const std::shared_ptr<const Partitioner>& partitioner() const { return tables_->partitioner(); }
    StateTable<K, S>& table(int partition) const { return (*tables_)[std::size_t(partition)]; }

    /// Before the first batch.
    void load(const std::shared_ptr<Engine>& engine, CallSite site, Time time) {
        if constexpr (kPageable<K, S>)
            if (pages()) return loadPages(engine, site, time);
        loaded_ = true;
        if (!initial_) return;
        const StateJob<Initial> job(engine, site, partitioner(), &*initial_, inputPlan());
        apply(job, time, job.template run<StateDelta<K, S>>([&](int p, TaskContext& task) {
            LoadPass<K, S> pass;
            job.read(p, task, pass);
            return pass.finish();
        }));
        commit();
        initial_.reset();
    }
    /// How the next batch is to be parted, if it is like the one before.
    InputPlan inputPlan() const {
        if (pages()) return {0, slabs_}; // pages sort it themselves
        const auto partitions = std::size_t(tables_->partitions());
        return {bucketBits(tables_->size() / partitions, records_ / partitions), slabs_};
    }
    /// What a batch had, for the plan of the next.
    void setRecords(std::size_t count) { records_ = count; }
    template <class Job> void apply(const Job& job, Time time, Deltas deltas) {
        std::size_t changes = 0;
        for (const auto& delta : deltas) changes += delta.known.size() + delta.newKeys.size();
        if (changes <= kFewChanges) {
            for (const int p : job.partitions()) table(p).apply(std::move(deltas[std::size_t(p)]), time);
            return;
        }
        job.template run<char>([&](int p, TaskContext&) {
            table(p).apply(std::move(deltas[std::size_t(p)]), time);
            return char();
        });
    }
    void commit() {
        if (pages()) return commitPages();
        for (int p = 0; p < tables_->partitions(); ++p) table(p).commit();
        slabs_->trim();
        stored_.commit();
        memory_.resize(std::int64_t(tables_->sizeBytes() + slabs_->sizeBytes() + stored_.sizeBytes()));
    }
    void abort() noexcept {
        if (pages()) return abortPages();
        for (int p = 0; p < tables_->partitions(); ++p) table(p).abort();
        stored_.abort();
    }
    /// The states after the batch that was applied last, as an RDD.
    Initial version(const std::shared_ptr<Engine>& engine, CallSite site) const {
        if constexpr (kPageable<K, S>) {
            if (pages()) {
                LineagePtr lineage = makeLineage(engine, "StateRDD", site, partitioner());
                auto node = makeNode<PagedRddNode<K, S>>(lineage, pages(), pages()->version(), pages()->store().now());
                return Initial(std::move(lineage), ErasedPipe<std::pair<K, S>>(std::move(node)));
            }
        }
        typename StateRddNode<K, S>::Versions versions;
        for (int p = 0; p < tables_->partitions(); ++p) versions.push_back(table(p).version());
        LineagePtr lineage = makeLineage(engine, "StateRDD", site, partitioner());
        auto node = makeNode<StateRddNode<K, S>>(lineage, std::move(versions));
        return Initial(std::move(lineage), ErasedPipe<std::pair<K, S>>(std::move(node)));
    }

    // ---- states in pages

    /// Null where they are in memory.
    const std::shared_ptr<PagedStates<K, S>>& pages() const { return tables_->pages(); }
    /// What a batch stages: first what it begins with, then what it does.
    std::uint64_t firstVersion() const { return 2 * pages()->store().batch(); }
    std::uint64_t batchVersion() const { return firstVersion() + 1; }
    /// Goes through the pages for which a job has records, and what `pass` says. `makeStep(p, task, result)` gives what
    /// a task does with each; see PagedStates::run.
    template <class V, class Result, class Job, class MakeStep>
    std::vector<Result> overPages(const Job& job, const typename PagedStates<K, S>::Pass& pass,
                                  const MakeStep& makeStep) {
        struct Done {
            PageChanges changes;
            Result result;
        };
        auto done = job.template run<Done>([&](int p, TaskContext& task) {
            Done one;
            PageRecords<K, V> records;
            job.read(p, task, records);
            one.result.records = records.size();
            const auto step = makeStep(p, task, one.result);
            one.changes = pages()->run(std::size_t(p), task, records, pass, table(p), step);
            return one;
        });
        std::vector<Result> results;
        for (std::size_t p = 0; p < done.size(); ++p) {
            pages()->part(p).change(std::move(done[p].changes.chunks), std::move(done[p].changes.superseded));
            results.push_back(std::move(done[p].result));
        }
        return results;
    }

    // ---- what is stored

    /// Puts what was stored into the tables, each of which is filled by a task.
    void recover(const std::shared_ptr<Engine>& engine, CallSite site, const DurableReader& reader) {
        const std::string layout = reader.layout();
        if (layout.empty()) return;
        initial_.reset(); // it was before the first batch of all
        loaded_ = true;
        if (pages()) return recoverPages(layout, reader.time());
        const StateJob<Initial> job(engine, site, partitioner(), nullptr, inputPlan());
        stored_.recover(job, reader, layout == layoutNow());
        memory_.resize(std::int64_t(tables_->sizeBytes()));
    }
    /// Between `materialize` and `commit`. What many rows are written as is made by a task for each partition.
    void save(const std::shared_ptr<Engine>& engine, CallSite site, DurableWriter& writer) {
        if (!loaded_) return; // it has not had a batch, and what it begins with may be yet to come
        if (pages()) return savePages(writer);
        stored_.save([&] { return StateJob<Initial>(engine, site, partitioner(), nullptr, inputPlan()); }, layoutNow(),
                     writer);
    }

  private:
    /// How rows are partitioned. A partitioner of the program's own cannot be compared with an earlier process's.
    std::string layoutNow() const {
        const bool byHash = dynamic_cast<const HashPartitioner*>(partitioner().get());
        if (pages())
            return "pages " + std::to_string(tables_->partitions()) + (byHash ? " hash" : " own") +
                   (pages()->timed() ? " timed" : "");
        return (byHash ? "hash " : "own ") + std::to_string(byHash ? tables_->partitions() : 0);
    }

    // ---- states in pages

    void recoverPages(const std::string& layout, Time committed) {
        const char* const number = layout.data() + std::string_view("pages ").size();
        std::from_chars(number, layout.data() + layout.size(), storedPartitions_);
        recoveredAt_ = committed;
        rewritten_ = layout == layoutNow() && layout.find(" own") == layout.npos;
        if (!rewritten_) return; // dealt anew by the first batch
        for (std::size_t p = 0; p < pages()->partitions(); ++p)
            for (std::size_t c = 0; c < PageDirectory::kChunks; ++c)
                useStoredChunk(p, c, [&](std::string_view chunk, bool) { pages()->part(p).restore(c, chunk); });
    }
    /// All of them were written by the first commit.
    void useStoredChunk(std::size_t partition, std::size_t chunk, const PageStore::Use& use) {
        if (!pages()->store().read({std::uint32_t(partition), 0, std::uint32_t(chunk)}, nullptr, use))
            throwPageMissing();
    }
    /// What a batch begins with: done again where the first one fails.
    void loadPages(const std::shared_ptr<Engine>& engine, CallSite site, Time time) {
        PageStore& store = pages()->store();
        if (!swept_) // what an earlier process has staged and not committed
            for (std::size_t p = 0; p < std::max(storedPartitions_, pages()->partitions()); ++p)
                store.discardFrom(std::uint32_t(p), firstVersion());
        swept_ = true;
        if (loaded_ && !rewritten_ && !ready_) dealPages();
        if (!loaded_ && initial_) {
            const StateJob<Initial> job(engine, site, partitioner(), &*initial_, inputPlan());
            overPages<S, Loaded>(job, {.version = firstVersion(), .time = time},
                                 [](int, TaskContext&, Loaded&) { return LoadStep<K, S>(); });
        }
        loaded_ = ready_ = true;
    }
    /// Deals the rows of another partitioning to pages of this one. A chunk of all partitions is in memory at a time.
    void dealPages() {
        PageStore& store = pages()->store();
        const std::uint64_t version = firstVersion();
        const std::size_t count = pages()->partitions();
        StateTable<K, S> table(pages()->timed(), kPageCommonBits);
        std::vector<PieceKey> superseded;
        for (std::size_t c = 0; c < PageDirectory::kChunks; ++c) {
            std::vector<PagePieceWriter> writers(count, PagePieceWriter(pages()->timed()));
            std::vector<Time> oldest(count, Time::max());
            for (std::uint32_t from = 0; from < storedPartitions_; ++from) {
                const PieceKey where{from, 0, std::uint32_t(c)};
                if (from >= count) superseded.push_back(where);
                useStoredChunk(from, c, [&](std::string_view chunk, bool) {
                    for (const Page& page : PagePartition::chunkFrom(chunk)) {
                        for (const Page::Piece& piece : page.pieces)
                            superseded.push_back({from, piece.version, page.begin});
                        table.reset();
                        if (!pages()->load(where, page, nullptr, &PagedStates<K, S>::everyHash, recoveredAt_, table))
                            throwPageMissing();
                        for (std::uint32_t i = 0; i < table.rowCount(); ++i) {
                            const auto& [key, state] = table.row(i);
                            const std::size_t to = tables_->route().ofKey(key);
                            writers[to].row(hashOf(key), key, state, table.touched(i));
                            oldest[to] = std::min(oldest[to], table.touched(i));
                        }
                    }
                });
            }
            for (std::size_t to = 0; to < count; ++to) {
                const std::uint64_t begin = c * PageDirectory::kChunkPlaces;
                const auto chunk = share(new PageDirectory::Chunk());
                const std::uint32_t rows = writers[to].rowCount();
                for (const PagePart& part :
                     partsOf(writers[to].finish(), rows, std::uint32_t(begin), begin + PageDirectory::kChunkPlaces)) {
                    Page page{part.begin, part.rows, pages()->timed() ? oldest[to] : Time::max(), {}};
                    if (part.rows > 0) {
                        pages()->part(to).stage(store, {std::uint32_t(to), version, part.begin}, part.piece);
                        page.pieces.push_back({version, std::uint32_t(part.piece.size())});
                    }
                    chunk->push_back(std::move(page));
                }
                pages()->part(to).change({{c, chunk}}, {});
            }
        }
        pages()->part(0).change({}, std::move(superseded));
    }
    void savePages(DurableWriter& writer) {
        if (!ready_) return;
        for (std::size_t p = 0; p < pages()->partitions(); ++p) pages()->part(p).save(writer, !rewritten_);
        if (!rewritten_) writer.setLayout(layoutNow());
    }
    void commitPages() {
        for (std::size_t p = 0; p < pages()->partitions(); ++p) pages()->part(p).commit();
        slabs_->trim();
        memory_.resize(std::int64_t(tables_->sizeBytes() + slabs_->sizeBytes()));
        rewritten_ = rewritten_ || ready_;
        if (ready_) initial_.reset();
    }
    void abortPages() noexcept {
        for (std::size_t p = 0; p < pages()->partitions(); ++p) pages()->part(p).abort(pages()->storeOrNull());
        ready_ = rewritten_;
        if (initial_) loaded_ = false;
    }
    struct Loaded {
        std::size_t records = 0;
    };

    std::shared_ptr<StateTables<K, S>> tables_;
    std::optional<Initial> initial_; // until it was loaded
    MemoryReservation memory_;
    const std::shared_ptr<SlabPool> slabs_ = share(new SlabPool());
    std::size_t records_ = 0;

    StoredTables<K, S> stored_; // of states in memory
    bool loaded_ = false;       // the tables have what they begin with

    // Of states in pages.
    bool rewritten_ = false;           // all that is stored is partitioned as the pages are
    std::size_t storedPartitions_ = 0; // zero: nothing was stored
    Time recoveredAt_{};
    bool ready_ = false; // a batch has begun with what was there before it
    bool swept_ = false; // nothing is left of what was never committed
};

/// A node that keeps states of type S by key and makes an RDD of T each batch.
template <class Recipe, class K, class S, class T>
class StateNode : public StreamNode<RDD<T>>, public KeptByBatch, public DurableState {
  public:
    using Input = typename Recipe::RddType;

    StateNode(std::weak_ptr<StreamCore> core, CallSite site, Recipe recipe, std::shared_ptr<StateKeeper<K, S>> keeper)
        : StreamNode<RDD<T>>(std::move(core), site, recipe.root()->slide(), {recipe.root()}),
          recipe_(std::move(recipe)),
          keeper_(std::move(keeper)) {}

    void materialize(Time time) override {
        const auto core = this->core();
        if (!isValidTime(*core, time, this->slide())) return;
        const auto engine = core->context().engine();
        keeper_->load(engine, this->site(), time);
        const auto arrived = recipe_(time);
        const StateJob<Input> job(engine, this->site(), keeper_->partitioner(), arrived ? &*arrived : nullptr,
                                  keeper_->inputPlan());
        this->set(time, makeRdd(engine, job, time));
    }
    void commit(Time) override { keeper_->commit(); }
    void abort(Time time) noexcept override {
        keeper_->abort();
        this->drop(time);
    }
    bool isState() const override { return true; }
    Duration neededOfParents(Duration) const override { return Duration::zero(); }

    DurableState* durable() override { return this; }
    bool needsPages() const override { return bool(keeper_->pages()); }
    void usePages(std::shared_ptr<PageStore> store) override { keeper_->pages()->use(std::move(store)); }
    std::string form() const override {
        if constexpr (Storable<K> && Storable<S>)
            return std::string(this->site().operation) + (needsPages() ? " in pages of " : " of ") +
                   storedForm<std::pair<K, S>>();
        else
            throwNotStorable(this->site());
    }
    void recover(const DurableReader& reader) override {
        if constexpr (Storable<K> && Storable<S>)
            keeper_->recover(this->core()->context().engine(), this->site(), reader);
        else
            static_cast<void>(reader);
    }
    void save(DurableWriter& writer) override {
        if constexpr (Storable<K> && Storable<S>)
            keeper_->save(this->core()->context().engine(), this->site(), writer);
        else
            static_cast<void>(writer);
    }

  protected:
    StateKeeper<K, S>& keeper() const { return *keeper_; }
    /// Changes the tables, and gives the RDD of the batch.
    virtual RDD<T> makeRdd(const std::shared_ptr<Engine>& engine, const StateJob<Input>& job, Time time) = 0;
    std::optional<RDD<T>> compute(Time) override { return std::nullopt; } // there is what was materialized, and no more

  private:
    Recipe recipe_;
    std::shared_ptr<StateKeeper<K, S>> keeper_;
};

} // namespace detail
} // namespace rivulet
