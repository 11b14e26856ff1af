#pragma once

#include "rivulet/stream/kept.h"
#include "rivulet/stream/window/pane_store.h"

#include <numeric>

/// `reduceByKeyAndWindow` and what is made of it: a pane per batch, combined by key, and never the elements themselves.
namespace rivulet::detail {

/// Rows of a map task on their way to the panes. A small table combines them as long as keys come again before it is
/// full, so that a few keys cost no traffic; where they do not, rows are routed as they come. The rows of a key keep
/// their order.
template <class K, class V, class Combine> class PreCombineSink {
  public:
    PreCombineSink(BucketedRows<K, V>& output, const Combine& combine) : output_(output), combine_(combine) {}

    template <class Row> void operator()(Row&& row) {
        Cell<K, V> cell;
        cell.set(std::forward<Row>(row).first, own(std::forward<Row>(row).second), texts_);
        if (combining_)
            combine(cell);
        else
            output_.take(cell);
        texts_.clear();
    }
    [[gnu::noinline]] void flush() {
        combining_ = rows_ >= 2 * table_.size();
        rows_ = 0;
        for (Cell<K, V>& cell : table_.cells())
            if (cell.used()) output_.take(cell);
        table_ = Table<K, V>();
    }

  private:
    static constexpr std::size_t kMostKeys = 2048; // the table stays in the processor's second cache

    [[gnu::noinline]] void combine(Cell<K, V>& cell) {
        Cell<K, V>& known = table_.at(cell.slot());
        ++rows_;
        if (known.used()) {
            known.value() = combine_(std::as_const(known.value()), std::as_const(cell.value()));
        } else {
            table_.claim(known, cell.slot(), std::move(cell.value()));
            if (table_.size() == kMostKeys) flush();
        }
    }

    BucketedRows<K, V>& output_;
    const Combine& combine_;
    bool combining_ = true;
    std::size_t rows_ = 0;
    Table<K, V> table_;
    Arena texts_;
};

/// Calls the user's function; what it throws is told to have come from the window's operator.
template <class V, class F> struct CombineValues {
    const F& f;
    const OperatorSite& site;
    V operator()(const V& a, const V& b) const { return static_cast<V>(callUser(site, f, a, b)); }
};

/// The map side of a keyed window.
template <class Pipe, class V, class F> class PaneShuffle final : public ShuffleDependency {
  public:
    using K = KeyOf<typename Pipe::value_type>;

    PaneShuffle(LineagePtr parent, Pipe pipe, Function<F> combine, const OperatorSite& site,
                std::shared_ptr<const Partitioner> partitioner, unsigned bucketBits, std::shared_ptr<SlabPool> slabs)
        : ShuffleDependency(std::move(parent), kIsErased<Pipe>, pipe.partitions(), partitioner->numPartitions()),
          pipe_(std::move(pipe)),
          combine_(std::move(combine)),
          site_(site),
          route_(std::move(partitioner)),
          bits_(bucketBits),
          slabs_(std::move(slabs)) {}

    std::shared_ptr<const MapOutput> runMapTask(int partition, TaskContext& task) const override {
        auto made = adopt(new BucketedRows<K, V>(route_, bits_, slabs_));
        const CombineValues<V, F> combine{*combine_, site_};
        PreCombineSink<K, V, CombineValues<V, F>> sink(static_cast<BucketedRows<K, V>&>(*made), combine);
        drain(pipe_, partition, task, sink);
        sink.flush();
        return made;
    }

  private:
    Pipe pipe_;
    Function<F> combine_;
    OperatorSite site_;
    Router<K> route_;
    unsigned bits_;
    std::shared_ptr<SlabPool> slabs_;
};

/// Adds the rows of a partition to a store, where they lie where they have to be.
template <class K, class V, class Combine> class AddSink {
  public:
    AddSink(PaneStore<K, V>& store, const Combine& combine) : store_(store), combine_(combine) {}
    template <class Row> void operator()(Row&& row) {
        Cell<K, V> cell;
        cell.set(std::forward<Row>(row).first, own(std::forward<Row>(row).second), texts_);
        rows_.push_back(std::move(cell));
        if (rows_.size() == kWaiting) flush();
    }
    [[gnu::noinline]] void flush() {
        store_.add(rows_.data(), rows_.size(), combine_);
        rows_.clear();
        texts_.clear();
    }

  private:
    static constexpr std::size_t kWaiting = 256;

    PaneStore<K, V>& store_;
    const Combine& combine_;
    Rows<Cell<K, V>> rows_;
    Arena texts_;
};

/// Adds the rows that were routed to a store.
template <class K, class V, class Combine> struct AddBucketed {
    PaneStore<K, V>& store;
    const Combine& combine;
    void operator()(const BucketedRow<K, V>* rows, std::size_t count) const { store.add(rows, count, combine); }
};

/// Lets everything through that a window gives.
struct KeepAll {
    template <class Row> bool operator()(const Row&) const { return true; }
};
template <class F> struct KeepIf {
    const F& f;
    const OperatorSite& site;
    template <class Row> bool operator()(const Row& row) const { return callUser(site, f, row); }
};

/// The window itself: a store per partition. Each batch of the parent is taken in when it runs, whether an RDD is due
/// or not; a batch that no window has is not even computed.
///
/// `Filter` is KeepAll or a predicate of the user's.
template <class Recipe, class F, class Filter>
class ReducedWindowNode final : public KeptStreamNode<typename Recipe::RddType::Owned>, public DurableState {
  public:
    using Row = typename Recipe::RddType::Owned;
    using K = typename Row::first_type;
    using V = typename Row::second_type;

    ReducedWindowNode(std::weak_ptr<StreamCore> core, CallSite site, Recipe recipe,
                      std::shared_ptr<const Partitioner> partitioner, Duration window, Duration slide, F combine,
                      Filter filter)
        : KeptStreamNode<Row>(std::move(core), site, slide, {recipe.root()}),
          recipe_(std::move(recipe)),
          partitioner_(std::move(partitioner)),
          batch_(recipe_.root()->slide()),
          window_(window),
          pane_(std::gcd(window.count(), slide.count())),
          combine_(std::move(combine)),
          filter_(std::move(filter)),
          spares_(partitioner_->numPartitions()) {
        stores_.reserve(std::size_t(partitioner_->numPartitions()));
        for (int p = 0; p < partitioner_->numPartitions(); ++p) stores_.emplace_back(batch_, pane_, window_);
    }

    void materialize(Time time) override {
        const auto core = this->core();
        taken_ = false;
        if (!isValidTime(*core, time, batch_)) return;
        const Time zero = core->zeroTime();
        due_ = ceilTime(time, this->slide(), zero);
        paneEnd_ = ceilTime(time, pane_, zero);
        if (paneEnd_ <= due_ - window_) return;
        if (due_ == time)
            KeptStreamNode<Row>::materialize(time);
        else
            run(time, false);
        taken_ = true;
        time_ = time;
        std::int64_t bytes = 0;
        for (const Store& store : stores_) bytes += std::int64_t(store.sizeBytes());
        slabs_->trim();
        bytes += std::int64_t(slabs_->sizeBytes());
        if (!memory_) {
            const auto& account = core->context().engine()->memory();
            memory_.emplace(account, account->consumer("windows"));
        }
        memory_->resize(bytes);
    }
    void commit(Time) override {
        for (Store& store : stores_) store.commit();
        stored_.commit();
    }
    void abort(Time time) noexcept override {
        for (Store& store : stores_) store.abort();
        stored_.abort();
        this->drop(time);
    }

    DurableState* durable() override { return this; }
    std::string form() const override {
        if constexpr (Storable<K> && Storable<V>)
            return std::string(this->site().operation) + " of " + storedForm<Row>();
        else
            throwNotStorable(this->site());
    }
    void recover(const DurableReader& reader) override {
        if constexpr (Storable<K> && Storable<V>)
            takeInAgain(stored_.read(reader));
        else
            static_cast<void>(reader);
    }
    void save(DurableWriter& writer) override {
        if constexpr (Storable<K> && Storable<V>) {
            if (!taken_) return;
            stored_.eraseUpTo(writer, due_ - window_);
            for (std::size_t p = 0; p < stores_.size(); ++p) {
                PaneWriter out(time_, false);
                const auto write = [&](const K& key, const V& value) { out.row(key, value); };
                stores_[p].eachFresh(write);
                stored_.write(writer, std::uint32_t(p), time_, out.finish());
            }
        } else {
            static_cast<void>(writer);
        }
    }

  protected:
    std::optional<std::vector<KeptRows<Row>>> makeRows(Time time,
                                                       std::shared_ptr<const Partitioner>& partitioner) override {
        partitioner = partitioner_;
        return run(time, true);
    }

  private:
    using Store = PaneStore<K, V>;
    using Combine = CombineValues<V, F>;
    using Pipe = std::remove_cvref_t<decltype(std::declval<const typename Recipe::RddType&>().pipe())>;

    static Time ceilTime(Time time, Duration step, Time zero) {
        const Time floor = floorTime(time, step, zero);
        return floor == time ? time : floor + step;
    }
    /// What earlier processes had taken in, in the order of the batches, whatever the partitions were.
    void takeInAgain(const std::map<Time, StoredPanes::Pieces>& batches) {
        const auto core = this->core();
        const auto lineage = makeLineage(core->context().engine(), "WindowedRDD", this->site(), partitioner_);
        lineage->setHasElements(true);
        const Combine combine{*combine_, lineage->site()};
        const Router<K> route(partitioner_);
        const Time zero = core->zeroTime();
        runTasks<char, ErasedPipe<Row>>(
            lineage, this->site(), allPartitions(int(stores_.size())), [&](int p, TaskContext&) {
                Store& store = stores_[std::size_t(p)];
                for (const auto& [time, pieces] : batches) {
                    store.begin(ceilTime(time, pane_, zero), ceilTime(time, this->slide(), zero) - window_, combine);
                    Rows<Cell<K, V>> rows;
                    Arena texts;
                    for (const auto& piece : pieces) readPiece(piece.second, p, route, rows, texts);
                    store.add(rows.data(), rows.size(), combine);
                    store.seal();
                    store.commit();
                }
                return char();
            });
    }
    static void readPiece(std::string_view piece, int partition, const Router<K>& route, Rows<Cell<K, V>>& rows,
                          Arena& texts) {
        ByteReader in(piece);
        for (std::uint32_t left = readPaneHeader(in).rows; left > 0; --left) {
            K key{};
            V value{};
            in(key, value);
            Cell<K, V> cell;
            cell.set(std::move(key), std::move(value), texts);
            if (int(route(cell.slot())) == partition) rows.push_back(std::move(cell));
        }
        in.finish();
    }
    /// Takes the batch in, and gives the rows of the window that ends with it if they are due.
    std::vector<KeptRows<Row>> run(Time time, bool emits) {
        const auto rdd = recipe_(time);
        const auto lineage = makeLineage(this->core()->context().engine(), "WindowedRDD", this->site(), partitioner_);
        lineage->setHasElements(true); // those of the panes, whatever arrives
        std::shared_ptr<ShuffleDependency> shuffle;
        std::size_t keys = 0, rowsBefore = 0;
        for (const Store& store : stores_) {
            keys = std::max(keys, store.keys());
            rowsBefore = std::max(rowsBefore, store.added());
        }
        const unsigned bits = bucketBits(keys, rowsBefore);
        const bool inPlace = rdd && rdd->partitioner() && rdd->partitioner()->equals(*partitioner_);
        if (rdd) {
            if (!inPlace)
                shuffle = adopt(new PaneShuffle<Pipe, V, F>(rdd->lineagePtr(), rdd->pipe(), combine_, lineage->site(),
                                                            partitioner_, bits, slabs_));
            lineage->dependOn({rdd->lineagePtr(), kIsErased<Pipe>, shuffle});
        }
        const Combine combine{*combine_, lineage->site()};
        return runTasks<KeptRows<Row>, ErasedPipe<Row>>(
            lineage, this->site(), allPartitions(int(stores_.size())), [&](int p, TaskContext& task) {
                Store& store = stores_[std::size_t(p)];
                store.begin(paneEnd_, due_ - window_, combine);
                if (shuffle) {
                    eachBucketed<K, V>(*shuffle, p, task, AddBucketed<K, V, Combine>{store, combine});
                } else if (inPlace) {
                    AddSink<K, V, Combine> sink(store, combine);
                    drain(rdd->pipe(), p, task, sink);
                    sink.flush();
                }
                store.seal();
                Rows<Row> rows;
                if (emits) {
                    rows = spares_.take();
                    emit(store, rows, combine);
                }
                return spares_.lend(std::move(rows));
            });
    }
    void emit(Store& store, Rows<Row>& rows, const Combine& combine) const {
        if constexpr (std::is_same_v<Filter, KeepAll>)
            store.emit(rows, combine, *filter_);
        else
            store.emit(rows, combine, KeepIf<Filter>{*filter_, combine.site});
    }

    const Recipe recipe_;
    const std::shared_ptr<const Partitioner> partitioner_;
    const Duration batch_, window_, pane_;
    const Function<F> combine_;
    const Function<Filter> filter_;
    Rows<Store> stores_;
    const SpareRows<Row> spares_;
    const std::shared_ptr<SlabPool> slabs_ = share(new SlabPool());
    std::optional<MemoryReservation> memory_;
    StoredPanes stored_;
    bool taken_ = false; // the batch that runs was, at this time
    Time time_{};
    Time due_{}, paneEnd_{}; // of the batch that runs: when the next RDD is due, and whose pane it belongs to
};

} // namespace rivulet::detail
