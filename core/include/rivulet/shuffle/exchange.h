#pragma once

#include "rivulet/shuffle/aggregate.h"

/// Rows that change their partition and nothing else: `partitionBy`, `repartition`, and what `sortByKey` sorts.
namespace rivulet::detail {

template <class T> class RoutedRows final : public MapOutput {
  public:
    explicit RoutedRows(std::size_t partitions) : buckets_(partitions) {}
    std::size_t sizeBytes() const override {
        std::size_t sum = 0;
        for (const auto& bucket : buckets_) sum += rowsSizeBytes<T>(bucket);
        return sum;
    }
    bool isEmpty() const override {
        for (const auto& bucket : buckets_)
            if (!bucket.empty()) return false;
        return true;
    }
    Rows<T>& bucket(std::size_t i) { return buckets_[i]; }
    const Rows<T>& bucket(std::size_t i) const { return buckets_[i]; }

  private:
    Rows<Rows<T>> buckets_;
};

/// Routes a row by its key.
template <class K> struct ByKey {
    Router<K> route;
    struct Stepper {
        const Router<K>& route;
        template <class Row> std::size_t operator()(const Row& row) { return route.ofKey(row.first); }
    };
    std::size_t partitions() const { return route.partitions(); }
    Stepper start(int) const { return {route}; }
};

/// Deals rows out in turn, each map partition from another start, so that the results differ in size by at most the
/// number of map partitions.
struct RoundRobin {
    std::size_t count;
    struct Stepper {
        std::size_t next, count;
        template <class Row> std::size_t operator()(const Row&) { return next = next + 1 == count ? 0 : next + 1; }
    };
    std::size_t partitions() const { return count; }
    Stepper start(int partition) const { return {std::size_t(mixBits(std::uint64_t(partition) + 1)) % count, count}; }
};

template <class T, class Stepper> struct DealSink {
    RoutedRows<T>& rows;
    Stepper route;
    template <class X> void operator()(X&& row) {
        auto& bucket = rows.bucket(route(std::as_const(row)));
        bucket.push_back(own(std::forward<X>(row)));
    }
};

template <class Pipe, class Route> class Exchange final : public ShuffleDependency {
  public:
    using T = owned_t<typename Pipe::value_type>;

    Exchange(LineagePtr parent, Pipe pipe, Route route)
        : ShuffleDependency(std::move(parent), kIsErased<Pipe>, pipe.partitions(), int(route.partitions())),
          pipe_(std::move(pipe)),
          route_(std::move(route)) {}

    std::shared_ptr<const MapOutput> runMapTask(int partition, TaskContext& task) const override {
        auto output = adopt(new RoutedRows<T>(route_.partitions()));
        DealSink<T, typename Route::Stepper> sink{static_cast<RoutedRows<T>&>(*output), route_.start(partition)};
        drain(pipe_, partition, task, sink);
        return output;
    }

  private:
    Pipe pipe_;
    Route route_;
};

/// The rows that each map task left for a partition, one after the other in the order of the map partitions.
template <class T> class RoutedReader final : public Reader<T> {
  public:
    RoutedReader(const ShuffleDependency& shuffle, int partition, TaskContext& task)
        : shuffle_(shuffle),
          partition_(std::size_t(partition)),
          task_(task) {}
    bool next(std::span<const T>& chunk) override {
        chunk = {};
        if (at_ == shuffle_.mapPartitions()) return false;
        output_ = task_.engine().shuffles().get(shuffle_.id(), at_);
        if (!output_) throwMissingOutput(shuffle_.id(), at_);
        const auto& rows = static_cast<const RoutedRows<T>&>(*output_).bucket(partition_);
        chunk = std::span<const T>(rows.data(), rows.size()).subspan(done_);
        if (chunk.size() > kChunk) {
            chunk = chunk.first(kChunk);
            done_ += kChunk;
        } else {
            done_ = 0;
            ++at_;
        }
        return at_ < shuffle_.mapPartitions();
    }

  private:
    const ShuffleDependency& shuffle_;
    std::size_t partition_;
    TaskContext& task_;
    int at_ = 0;
    std::size_t done_ = 0;
    std::shared_ptr<const MapOutput> output_;
};

template <class T> class ExchangedNode final : public Node<T> {
  public:
    ExchangedNode(LineagePtr lineage, std::shared_ptr<const ShuffleDependency> shuffle)
        : Node<T>(std::move(lineage)),
          shuffle_(std::move(shuffle)) {}
    int partitions() const override { return shuffle_->reducePartitions(); }

  protected:
    ReaderPtr<T> compute(int partition, TaskContext& task) const override {
        return ReaderPtr<T>(new RoutedReader<T>(*shuffle_, partition, task));
    }

  private:
    std::shared_ptr<const ShuffleDependency> shuffle_;
};

} // namespace rivulet::detail
