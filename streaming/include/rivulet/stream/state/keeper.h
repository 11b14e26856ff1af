#pragma once

#include "rivulet/stream/durable/stored_rows.h"
#include "rivulet/stream/kept.h"
#include "rivulet/stream/state/input.h"
#include "rivulet/stream/state/table.h"

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

inline constexpr std::size_t kResolved = 64; // records whose rows are fetched into the cache together

/// The number of a key that has no row, given now where it is seen first.
template <class K, class S> std::uint32_t newKeyOf(StateDelta<K, S>& delta, const KeySlot<K>& slot) {
    const std::uint32_t known =
        delta.newIndex.find(slot.hash(), [&](std::uint32_t number) { return slot.holds(delta.newKeys[number]); });
    if (known != DenseIndex::kNone) return known;
    const auto number = std::uint32_t(delta.newKeys.size());
    delta.newKeys.push_back(slot.key());
    delta.newHashes.push_back(slot.hash());
    delta.newStates.emplace_back();
    delta.newIndex.add(slot.hash(), number);
    return number;
}

/// The states of all partitions of an operator.
///
/// Threads: `lookup` and `size` any, as in StateTable
template <class K, class S> class StateTables {
  public:
    StateTables(std::shared_ptr<const Partitioner> partitioner, bool timed)
        : partitioner_(std::move(partitioner)),
          route_(partitioner_) {
        for (std::size_t i = 0; i < route_.partitions(); ++i)
            tables_.push_back(std::make_unique<StateTable<K, S>>(timed));
    }
    const std::shared_ptr<const Partitioner>& partitioner() const { return partitioner_; }
    const Router<K>& route() const { return route_; }
    int partitions() const { return int(tables_.size()); }
    StateTable<K, S>& operator[](std::size_t partition) const { return *tables_[partition]; }

    std::optional<S> lookup(const KeySlot<K>& key) const { return tables_[route_(key)]->lookup(key); }
    std::size_t size() const {
        std::size_t sum = 0;
        for (const auto& table : tables_) sum += table->size();
        return sum;
    }
    std::size_t sizeBytes() const {
        std::size_t sum = 0;
        for (const auto& table : tables_) sum += table->sizeBytes();
        return sum;
    }

  private:
    std::shared_ptr<const Partitioner> partitioner_;
    Router<K> route_;
    Rows<std::unique_ptr<StateTable<K, S>>> tables_;
};

/// The RDD of the states after a batch.
template <class K, class S> class StateRddNode final : public Node<std::pair<K, S>> {
  public:
    using T = std::pair<K, S>;
    using Versions = Rows<std::shared_ptr<const StateVersion<K, S>>>;

    StateRddNode(LineagePtr lineage, Versions versions) : Node<T>(std::move(lineage)), versions_(std::move(versions)) {}
    int partitions() const override { return int(versions_.size()); }

  protected:
    ReaderPtr<T> compute(int partition, TaskContext&) const override {
        const auto& version = versions_[std::size_t(partition)];
        return ReaderPtr<T>(new RowsReader<T>(version, version->rows()));
    }

  private:
    Versions versions_;
};

/// The job of a batch on the tables of an operator.
template <class Rdd> class StateJob {
  public:
    using Pipe = std::remove_cvref_t<decltype(std::declval<const Rdd&>().pipe())>;

    /// `rdd` is null where nothing arrived.
    StateJob(const std::shared_ptr<Engine>& engine, CallSite site,
             const std::shared_ptr<const Partitioner>& partitioner, const Rdd* rdd, const InputPlan& plan)
        : lineage_(makeLineage(engine, "StateRDD", site, partitioner)),
          partitions_(allPartitions(partitioner->numPartitions())) {
        lineage_->setHasElements(true); // the rows of the tables, whatever arrives
        if (!rdd) return;
        input_.emplace(rdd->lineagePtr(), rdd->pipe(), partitioner, plan);
        lineage_->dependOn(input_->dependency());
    }
    const OperatorSite& site() const { return lineage_->site(); }
    const std::vector<int>& partitions() const { return partitions_; }

    /// Calls `task(partition, context)` for every partition and returns the results.
    template <class Result, class Task> std::vector<Result> run(const Task& task) const {
        return runTasks<Result, ErasedPipe<char>>(lineage_, site().site, partitions_, task);
    }
    template <class Take> void read(int partition, TaskContext& task, Take& take) const {
        if (input_) input_->read(partition, task, take);
    }

  private:
    std::shared_ptr<Lineage> lineage_;
    std::vector<int> partitions_;
    std::optional<KeyedInput<Pipe>> input_;
};

/// Puts initial states on a side list; of several for a key the last counts.
template <class K, class S> class LoadPass {
  public:
    using Row = BucketedRow<K, S>;

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

/// The states of an operator, with what they begin with and what they are worth in memory.
///
/// Threads: the thread that runs the batches
template <class K, class S> class StateKeeper {
  public:
    using Initial = RDD<std::pair<K, S>>;
    using Deltas = std::vector<StateDelta<K, S>>;

    StateKeeper(const std::shared_ptr<Engine>& engine, std::shared_ptr<const Partitioner> partitioner, bool timed,
                std::optional<Initial> initial)
        : tables_(share(new StateTables<K, S>(std::move(partitioner), timed))),
          initial_(std::move(initial)),
          memory_(engine->memory(), engine->memory()->consumer("state")) {}

    const std::shared_ptr<StateTables<K, S>>& tables() const { return tables_; }
    const std::shared_ptr<const Partitioner>& partitioner() const { return tables_->partitioner(); }
    StateTable<K, S>& table(int partition) const { return (*tables_)[std::size_t(partition)]; }

    /// Before the first batch.
    void load(const std::shared_ptr<Engine>& engine, CallSite site, Time time) {
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
        const auto partitions = std::size_t(tables_->partitions());
        return {bucketBits(tables_->size() / partitions, records_ / partitions), slabs_};
    }
    /// What a batch had, for the plan of the next.
    void setRecords(std::size_t count) { records_ = count; }
    template <class Job> void apply(const Job& job, Time time, Deltas deltas) {
        std::size_t changes = 0;
        for (const auto& delta : deltas) changes += delta.known.size() + delta.newKeys.size();
        if (changes <= kFew) {
            for (const int p : job.partitions()) table(p).apply(std::move(deltas[std::size_t(p)]), time);
            return;
        }
        job.template run<char>([&](int p, TaskContext&) {
            table(p).apply(std::move(deltas[std::size_t(p)]), time);
            return char();
        });
    }
    void commit() {
        for (int p = 0; p < tables_->partitions(); ++p) table(p).commit();
        slabs_->trim();
        memory_.resize(std::int64_t(tables_->sizeBytes() + slabs_->sizeBytes()));
        for (PartitionLog& log : logs_) log.commit();
        if (relayouted_) obsolete_.clear();
        rewritten_ = rewritten_ || relayouted_;
    }
    void abort() noexcept {
        for (int p = 0; p < tables_->partitions(); ++p) table(p).abort();
        for (PartitionLog& log : logs_) log.abort();
        relayouted_ = false;
    }
    /// The states after the batch that was applied last, as an RDD.
    Initial version(const std::shared_ptr<Engine>& engine, CallSite site) const {
        typename StateRddNode<K, S>::Versions versions;
        for (int p = 0; p < tables_->partitions(); ++p) versions.push_back(table(p).version());
        LineagePtr lineage = makeLineage(engine, "StateRDD", site, partitioner());
        auto node = makeNode<StateRddNode<K, S>>(lineage, std::move(versions));
        return Initial(std::move(lineage), ErasedPipe<std::pair<K, S>>(std::move(node)));
    }
    /// `visit(kind, row)` for what the batch that is being run changed, partition by partition: what its commit has to
    /// write. Between `materialize` and `commit`.
    template <class Visit> void eachChange(const Visit& visit) const {
        for (int p = 0; p < tables_->partitions(); ++p) table(p).eachChange(visit);
    }

    // ---- what is stored

    /// Puts what was stored into the tables, each of which is filled by a task.
    void recover(const std::shared_ptr<Engine>& engine, CallSite site, const DurableReader& reader) {
        const std::string layout = reader.layout();
        if (layout.empty()) return;
        initial_.reset(); // it was before the first batch of all
        loaded_ = true;
        makeLogs();
        const StateJob<Initial> job(engine, site, partitioner(), nullptr, inputPlan());
        if (layout == layoutNow()) {
            job.template run<char>([&](int p, TaskContext&) {
                PartitionLog log;
                reader.each(std::uint32_t(p), [&](const PieceKey& key, std::string_view piece) {
                    log.found(key);
                    restorePiece(piece, p, reader.time(), false);
                });
                logs_[std::size_t(p)] = std::move(log);
                return char();
            });
            rewritten_ = true;
        } else {
            reader.each([&](const PieceKey& key, std::string_view) { obsolete_.push_back(key); });
            job.template run<char>([&](int p, TaskContext&) {
                reader.each(
                    [&](const PieceKey&, std::string_view piece) { restorePiece(piece, p, reader.time(), true); });
                return char();
            });
        }
        memory_.resize(std::int64_t(tables_->sizeBytes()));
    }
    /// Between `materialize` and `commit`.
    void save(DurableWriter& writer) {
        if (!loaded_) return; // it has not had a batch, and what it begins with may be yet to come
        makeLogs();
        if (!rewritten_) {
            for (const PieceKey& key : obsolete_) writer.erase(key);
            writer.setLayout(layoutNow());
            relayouted_ = true;
        }
        for (int p = 0; p < tables_->partitions(); ++p) savePartition(writer, p);
    }

  private:
    void makeLogs() {
        while (logs_.size() < std::size_t(tables_->partitions())) logs_.emplace_back();
    }
    /// How rows are partitioned. A partitioner of the program's own cannot be compared with an earlier process's.
    std::string layoutNow() const {
        const bool byHash = dynamic_cast<const HashPartitioner*>(partitioner().get());
        return (byHash ? "hash " : "own ") + std::to_string(byHash ? tables_->partitions() : 0);
    }
    void savePartition(DurableWriter& writer, int partition) {
        const StateTable<K, S>& states = table(partition);
        PartitionLog& log = logs_[std::size_t(partition)];
        std::size_t changed = 0;
        const auto count = [&](StateChange, const std::pair<K, S>&) { ++changed; };
        states.eachChange(count);
        const std::size_t rows = states.liveRows();
        const bool all = !rewritten_ || (changed > 0 && log.writesAll(changed, rows));
        if (changed == 0 && !all) return;
        RowsWriter out(states.timed());
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
            sweep = log.sweepFrom(rows);
            const std::size_t enough = out.bytes() + PartitionLog::sweepBytes(out.bytes());
            while (sweep > 0 && out.bytes() < enough) writeRow(out, states, --sweep);
        }
        log.write(writer, std::uint32_t(partition), out.finish(), all, sweep);
    }
    static void writeRow(RowsWriter& out, const StateTable<K, S>& states, std::size_t number) {
        const auto& row = states.row(std::uint32_t(number));
        out.row(row.first, row.second, states.touched(number));
    }
    /// `others`: the piece may have rows of other partitions, which are left out.
    void restorePiece(std::string_view piece, int partition, Time committed, bool others) {
        StateTable<K, S>& states = table(partition);
        ByteReader in(piece);
        const RowsHeader header = readRowsHeader(in);
        Arena texts;
        for (std::uint32_t i = 0; i < header.rows; ++i) {
            K key{};
            S state{};
            Time touched = committed; // of what had no time-out before
            if (header.timed) in(touched);
            in(key, state);
            Cell<K, Nothing> cell;
            cell.set(key, Nothing{}, texts);
            if (isOf(cell.slot(), partition, others)) states.restore(cell.slot(), std::move(state), touched);
            texts.clear();
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

    static constexpr std::size_t kFew = 2048; // changes are applied on the caller's thread: sooner than tasks begin

    std::shared_ptr<StateTables<K, S>> tables_;
    std::optional<Initial> initial_; // until it was loaded
    MemoryReservation memory_;
    const std::shared_ptr<SlabPool> slabs_ = share(new SlabPool());
    std::size_t records_ = 0;

    Rows<PartitionLog> logs_; // as many as tables, where states are stored
    Rows<PieceKey> obsolete_; // pieces of another partitioning
    bool loaded_ = false;     // the tables have what they begin with
    bool relayouted_ = false; // by the batch that is being committed: all was written anew
    bool rewritten_ = false;  // all that is stored is partitioned as the tables are
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
    std::string form() const override {
        if constexpr (Storable<K> && Storable<S>)
            return std::string(this->site().operation) + " of " + storedForm<std::pair<K, S>>();
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
            keeper_->save(writer);
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
