#pragma once

#include "rivulet/stream/kept.h"

#include <atomic>

namespace rivulet {

/// What becomes of a record that arrives after the batch of its own time has run.
enum class LateRecords {
    current, ///< goes into the batch that is being made
    side,    ///< goes into the stream of late records, for a later correction
    drop,    ///< is counted, and gone
};

namespace detail {

/// Records that belong to the same batch, of one partition of what arrived at once.
template <class T> struct TimedPiece {
    Time batch;
    KeptRows<T> rows;
};

/// Reads several pieces one after the other.
template <class T> class PiecesReader final : public Reader<T> {
  public:
    explicit PiecesReader(const std::vector<KeptRows<T>>& pieces) : pieces_(pieces) {}
    bool next(std::span<const T>& chunk) override {
        chunk = {};
        if (at_ == pieces_.size()) return false;
        chunk = std::span<const T>(pieces_[at_]->data(), pieces_[at_]->size());
        return ++at_ < pieces_.size();
    }

  private:
    const std::vector<KeptRows<T>>& pieces_;
    std::size_t at_ = 0;
};

template <class T> class PiecesNode final : public Node<T> {
  public:
    using Pieces = std::vector<std::vector<KeptRows<T>>>;

    PiecesNode(LineagePtr lineage, Pieces pieces) : Node<T>(std::move(lineage)), pieces_(std::move(pieces)) {}
    int partitions() const override { return int(pieces_.size()); }

  protected:
    ReaderPtr<T> compute(int partition, TaskContext&) const override {
        return ReaderPtr<T>(new PiecesReader<T>(pieces_[std::size_t(partition)]));
    }

  private:
    Pieces pieces_;
};

/// What a partition of an arrival is divided into.
template <class T> struct TimedSplit {
    std::vector<TimedPiece<T>> pieces;
    KeptRows<T> late; // null where there are none, or where they are not kept
    long lateCount = 0;
};

/// Deals records out to the batches of their own times. An arrival spans few batches, and neighbours mostly share one.
template <class T, class F> class TimedSink {
  public:
    struct Limits {
        Time zero, last, current, newest; // of batches: before the first, run before, being made, that may exist yet
        Duration slide;
    };

    TimedSink(const Limits& limits, LateRecords policy, const F& timeOf, const OperatorSite& site)
        : limits_(limits),
          policy_(policy),
          timeOf_(timeOf),
          site_(site) {}

    template <class X> void operator()(X&& x) {
        const Time time = callUser(site_, timeOf_, std::as_const(x));
        Time batch = floorTime(time - Duration(1), limits_.slide, limits_.zero) + limits_.slide;
        if (batch <= limits_.last) {
            ++lateCount_;
            if (policy_ == LateRecords::drop) return;
            if (policy_ == LateRecords::side) return late_.push_back(own(std::forward<X>(x)));
            batch = limits_.current;
        }
        rowsOf(std::min(batch, limits_.newest)).push_back(own(std::forward<X>(x)));
    }
    TimedSplit<T> finish() {
        TimedSplit<T> split;
        for (auto& [batch, rows] : batches_) split.pieces.push_back({batch, share(new Rows<T>(std::move(rows)))});
        if (!late_.empty()) split.late = share(new Rows<T>(std::move(late_)));
        split.lateCount = lateCount_;
        return split;
    }

  private:
    struct Batch {
        Time time;
        Rows<T> rows;
    };
    Rows<T>& rowsOf(Time batch) {
        for (std::size_t i = batches_.size(); i-- > 0;)
            if (batches_[i].time == batch) return batches_[i].rows;
        batches_.push_back(Batch{batch, {}});
        return batches_[batches_.size() - 1].rows;
    }

    const Limits limits_;
    const LateRecords policy_;
    const F& timeOf_;
    const OperatorSite& site_;
    Rows<Batch> batches_;
    Rows<T> late_;
    long lateCount_ = 0;
};

/// The records that came too late, batch by batch.
template <class T> class LateNode final : public StreamNode<RDD<T>> {
  public:
    using StreamNode<RDD<T>>::StreamNode;
    void give(Time time, RDD<T> rdd) { this->set(time, std::move(rdd)); }

  protected:
    std::optional<RDD<T>> compute(Time) override {
        return this->core()->context().template emptyRDD<T>(this->site().where);
    }
};

/// A stream whose records stand in the batches of their own times: batches run `slack` later than they would, and what
/// has arrived for a batch that is still to come waits.
template <class Recipe, class F>
class EventTimeNode final : public StreamNode<RDD<typename Recipe::RddType::Owned>>,
                            public KeptByBatch,
                            public DurableState {
  public:
    using T = typename Recipe::RddType::Owned;

    EventTimeNode(std::weak_ptr<StreamCore> core, CallSite site, Recipe recipe, F timeOf, Duration slack,
                  LateRecords policy, std::shared_ptr<std::atomic<long>> lateRecords)
        : StreamNode<RDD<T>>(std::move(core), site, recipe.root()->slide(), {recipe.root()}),
          recipe_(std::move(recipe)),
          timeOf_(std::move(timeOf)),
          slack_(slack),
          policy_(policy),
          lateRecords_(std::move(lateRecords)) {}

    void setLateNode(const std::shared_ptr<LateNode<T>>& node) { lateNode_ = node; }

    Duration slack() const override { return slack_; }
    bool hasMore() const override { return !waiting_.empty(); }
    void materialize(Time time) override {
        const auto core = this->core();
        if (!isValidTime(*core, time, this->slide())) return;
        next_ = waiting_;
        nextLate_ = 0;
        std::vector<KeptRows<T>> late;
        if (const auto rdd = recipe_(time)) {
            const Time zero = core->zeroTime();
            const typename TimedSink<T, F>::Limits limits{
                zero, std::max(last_, zero), time,
                floorTime(time + slack_ - Duration(1), this->slide(), zero) + this->slide(), this->slide()};
            const auto& pipe = rdd->pipe();
            auto splits = runTasks<TimedSplit<T>, std::remove_cvref_t<decltype(pipe)>>(
                rdd->lineagePtr(), this->site(), allPartitions(rdd->getNumPartitions()), [&](int p, TaskContext& task) {
                    TimedSink<T, F> sink(limits, policy_, *timeOf_, rdd->lineagePtr()->site());
                    drain(pipe, p, task, sink);
                    return sink.finish();
                });
            for (auto& split : splits) {
                nextLate_ += split.lateCount;
                if (split.late) late.push_back(std::move(split.late));
                for (auto& piece : split.pieces) next_.push_back(std::move(piece));
            }
        }
        std::vector<TimedPiece<T>> kept;
        std::vector<KeptRows<T>> due;
        for (std::size_t i = 0; i < next_.size(); ++i) {
            if (i == waiting_.size()) fresh_ = kept.size();
            if (next_[i].batch > time)
                kept.push_back(std::move(next_[i]));
            else
                due.push_back(std::move(next_[i].rows));
        }
        if (next_.size() == waiting_.size()) fresh_ = kept.size();
        next_ = std::move(kept);
        made_ = time;
        this->set(time, rddOf(*core, std::move(due)));
        if (const auto node = lateNode_.lock()) node->give(time, rddOf(*core, std::move(late)));
    }
    void commit(Time time) override {
        if (!isValidTime(*this->core(), time, this->slide())) return;
        stored_.commit();
        waiting_ = std::move(next_);
        next_.clear();
        last_ = time;
        made_.reset();
        std::int64_t bytes = 0;
        for (const auto& piece : waiting_) bytes += std::int64_t(rowsSizeBytes(*piece.rows));
        const auto& memory = this->core()->context().engine()->memory();
        memory_ = MemoryReservation(memory, memory->consumer("streams"), bytes);
        lateRecords_->fetch_add(nextLate_, std::memory_order_relaxed);
    }
    void abort(Time time) noexcept override {
        next_.clear();
        made_.reset();
        stored_.abort();
        this->drop(time);
    }
    Duration neededOfParents(Duration) const override { return Duration::zero(); }

    DurableState* durable() override { return this; }
    std::string form() const override {
        if constexpr (Storable<T>)
            return std::string(this->site().operation) + " of " + storedForm<T>();
        else
            throwNotStorable(this->site());
    }
    /// What waits, in the order of its arrival.
    void recover(const DurableReader& reader) override {
        if constexpr (Storable<T>) {
            last_ = floorTime(reader.time(), this->slide(), this->core()->zeroTime());
            for (const auto& [batch, pieces] : stored_.read(reader))
                for (const auto& [key, piece] : pieces) {
                    auto rows = share(new Rows<T>());
                    readPaneRows(piece, *rows);
                    waiting_.push_back({batch, std::move(rows)});
                }
        } else {
            static_cast<void>(reader);
        }
    }
    /// What came to wait, and that what was due waits no more.
    void save(DurableWriter& writer) override {
        if constexpr (Storable<T>) {
            if (!made_) return;
            stored_.eraseUpTo(writer, *made_);
            for (std::size_t i = fresh_; i < next_.size(); ++i) {
                PaneWriter out(next_[i].batch, false);
                for (const T& row : *next_[i].rows) out.row(row);
                stored_.write(writer, std::uint32_t(i - fresh_), next_[i].batch, out.finish());
            }
        } else {
            static_cast<void>(writer);
        }
    }

  protected:
    std::optional<RDD<T>> compute(Time) override { return std::nullopt; } // there is what was materialized, and no more

  private:
    /// The pieces in the order of their arrival, in at most as many partitions as is usual.
    RDD<T> rddOf(const StreamCore& core, std::vector<KeptRows<T>> pieces) const {
        const std::size_t count = std::min(pieces.size(), std::size_t(core.context().defaultParallelism()));
        typename PiecesNode<T>::Pieces partitions(count);
        for (std::size_t i = 0; i < pieces.size(); ++i)
            partitions[i * count / pieces.size()].push_back(std::move(pieces[i]));
        auto made = makeLineage(core.context().engine(), "EventTimeRDD", this->site());
        auto node = makeNode<PiecesNode<T>>(made, std::move(partitions));
        return RDD<T>(std::move(made), ErasedPipe<T>(std::move(node)));
    }

    Recipe recipe_;
    Function<F> timeOf_;
    const Duration slack_;
    const LateRecords policy_;
    const std::shared_ptr<std::atomic<long>> lateRecords_;
    std::weak_ptr<LateNode<T>> lateNode_;
    Time last_{};
    std::vector<TimedPiece<T>> waiting_, next_;
    std::size_t fresh_ = 0;    // where in next_ begins what the batch has brought
    std::optional<Time> made_; // the batch that runs, if the stream has one then
    StoredPanes stored_;
    long nextLate_ = 0;
    MemoryReservation memory_; // of what waits
};

} // namespace detail
} // namespace rivulet
