#pragma once

#include "rivulet/stream/core.h"
#include "rivulet/stream/durable/stored_panes.h"

/// Streams whose RDDs are computed when their batch runs and then kept as rows, without the lineage that they came
/// from: a window holds its panes and not what was received, and a state does not remember every batch since the start.
namespace rivulet::detail {

/// The rows of one partition.
template <class T> using KeptRows = std::shared_ptr<const Rows<T>>;

/// Arrays that are used again, batch after batch, when nobody holds their rows any more: fresh memory costs more than
/// what is written to it.
///
/// Threads: any
template <class T> class SpareRows {
  public:
    /// Keeps as many as a batch has partitions.
    explicit SpareRows(int partitions) : home_(share(new Home(std::size_t(partitions)))) {}

    /// An empty array.
    Rows<T> take() const {
        Rows<T> rows;
        const std::lock_guard lock(home_->mutex);
        if (home_->spares.empty()) return rows;
        std::swap(rows, home_->spares[home_->spares.size() - 1]);
        home_->spares.pop_back();
        return rows;
    }
    /// For readers; the array comes back when the last of them is gone.
    KeptRows<T> lend(Rows<T> rows) const {
        const auto lent = share(new Lent{std::move(rows), home_});
        return KeptRows<T>(lent, &lent->rows);
    }

  private:
    struct Home {
        const std::size_t most;
        std::mutex mutex; // guards the following
        Rows<Rows<T>> spares;
        explicit Home(std::size_t count) : most(count) { spares.reserve(count); }
    };
    struct Lent {
        Rows<T> rows;
        std::shared_ptr<Home> home;
        ~Lent() {
            if (rows.empty() || rows.capacity() > rows.size() * 4) return; // it was not of use
            rows.clear();
            const std::lock_guard lock(home->mutex);
            if (home->spares.size() < home->most) home->spares.push_back(std::move(rows));
        }
    };

    std::shared_ptr<Home> home_;
};

/// An RDD of rows that are there already.
template <class T> class KeptNode final : public Node<T> {
  public:
    KeptNode(LineagePtr lineage, std::vector<KeptRows<T>> partitions, MemoryReservation memory)
        : Node<T>(std::move(lineage)),
          partitions_(std::move(partitions)),
          memory_(std::move(memory)) {}
    int partitions() const override { return int(partitions_.size()); }

  protected:
    ReaderPtr<T> compute(int partition, TaskContext&) const override {
        const auto& rows = partitions_[std::size_t(partition)];
        return ReaderPtr<T>(new RowsReader<T>(rows, *rows));
    }

  private:
    std::vector<KeptRows<T>> partitions_;
    MemoryReservation memory_;
};

template <class T> class KeptStreamNode : public StreamNode<RDD<T>>, public KeptByBatch {
  public:
    using StreamNode<RDD<T>>::StreamNode;

    void materialize(Time time) override {
        if (!isValidTime(*this->core(), time, this->slide())) return;
        std::shared_ptr<const Partitioner> partitioner;
        auto rows = makeRows(time, partitioner);
        if (rows) keepRows(time, std::move(*rows), std::move(partitioner));
    }
    void commit(Time) override {}
    void abort(Time time) noexcept override { this->drop(time); }
    Duration neededOfParents(Duration) const override {
        return Duration::zero();
    } // it keeps rows, not what they came from

  protected:
    /// Runs the jobs that compute the rows of this batch; none where the stream has no RDD then.
    virtual std::optional<std::vector<KeptRows<T>>> makeRows(Time time,
                                                             std::shared_ptr<const Partitioner>& partitioner) = 0;
    /// Gives the RDD of a time its rows.
    void keepRows(Time time, std::vector<KeptRows<T>> rows, std::shared_ptr<const Partitioner> partitioner) {
        const auto engine = this->core()->context().engine();
        std::int64_t bytes = 0;
        for (const auto& partition : rows) bytes += std::int64_t(rowsSizeBytes(*partition));
        MemoryReservation memory(engine->memory(), engine->memory()->consumer("streams"), bytes);
        auto made = makeLineage(engine, "KeptRDD", this->site(), std::move(partitioner));
        auto node = makeNode<KeptNode<T>>(made, std::move(rows), std::move(memory));
        this->set(time, RDD<T>(std::move(made), ErasedPipe<T>(std::move(node))));
    }
    std::optional<RDD<T>> compute(Time) override { return std::nullopt; } // there is what was materialized, and no more
};

/// A pane: what a stream had in one batch.
template <class Recipe>
class PaneNode final : public KeptStreamNode<typename Recipe::RddType::Owned>, public DurableState {
  public:
    using T = typename Recipe::RddType::Owned;

    PaneNode(std::weak_ptr<StreamCore> core, CallSite site, Recipe recipe)
        : KeptStreamNode<T>(std::move(core), site, recipe.root()->slide(), {recipe.root()}),
          recipe_(std::move(recipe)) {}

    void materialize(Time time) override {
        fresh_.clear();
        time_ = time;
        KeptStreamNode<T>::materialize(time);
    }
    void commit(Time) override {
        fresh_.clear();
        stored_.commit();
    }
    void abort(Time time) noexcept override {
        fresh_.clear();
        stored_.abort();
        this->drop(time);
    }

    DurableState* durable() override { return this; }
    std::string form() const override {
        if constexpr (Storable<T>)
            return std::string(this->site().operation) + " of " + storedForm<T>();
        else
            throwNotStorable(this->site());
    }
    void recover(const DurableReader& reader) override {
        if constexpr (Storable<T>) {
            for (const auto& [batch, pieces] : stored_.read(reader)) {
                std::vector<KeptRows<T>> rows;
                for (const auto& [key, piece] : pieces) {
                    while (rows.size() <= key.partition) rows.push_back(share(new Rows<T>()));
                    readPaneRows(piece, const_cast<Rows<T>&>(*rows[key.partition])); // made here
                }
                this->keepRows(batch, std::move(rows), nullptr);
            }
        } else {
            static_cast<void>(reader);
        }
    }
    void save(DurableWriter& writer) override {
        if constexpr (Storable<T>) {
            stored_.eraseUpTo(writer, time_ - this->rememberedFor());
            for (std::size_t p = 0; p < fresh_.size(); ++p) {
                PaneWriter out(time_, p == 0); // that there was a pane is known by its first partition
                for (const T& row : *fresh_[p]) out.row(row);
                stored_.write(writer, std::uint32_t(p), time_, out.finish());
            }
        } else {
            static_cast<void>(writer);
        }
    }

  protected:
    std::optional<std::vector<KeptRows<T>>> makeRows(Time time,
                                                     std::shared_ptr<const Partitioner>& partitioner) override {
        const auto rdd = recipe_(time);
        if (!rdd) return std::nullopt;
        partitioner = rdd->partitioner();
        const auto& pipe = rdd->pipe();
        return fresh_ = runTasks<KeptRows<T>, std::remove_cvref_t<decltype(pipe)>>(
                   rdd->lineagePtr(), this->site(), allPartitions(rdd->getNumPartitions()),
                   [&](int p, TaskContext& task) -> KeptRows<T> {
                       auto rows = share(new Rows<T>());
                       AppendSink<T> sink{*rows};
                       drain(pipe, p, task, sink);
                       return rows;
                   });
    }

  private:
    Recipe recipe_;
    std::vector<KeptRows<T>> fresh_; // of the batch that runs
    Time time_{};
    StoredPanes stored_;
};

} // namespace rivulet::detail
