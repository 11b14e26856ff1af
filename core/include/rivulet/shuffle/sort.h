#pragma once

#include "rivulet/shuffle/exchange.h"

#include <algorithm>

/// Sorting by key: a sample gives the bounds of the ranges, rows go to their range, every range is sorted by itself.
namespace rivulet::detail {

/// The user's order of keys, up or down; what it throws is told to come from the sort, on whatever thread.
template <class Less> struct Directed {
    Less less;
    bool ascending;
    std::shared_ptr<const OperatorSite> site;
    template <class A, class B> bool operator()(const A& a, const B& b) const {
        return ascending ? callUser(*site, less, a, b) : callUser(*site, less, b, a);
    }
};

/// Sorts 0 ... count - 1 by `before(i, j)`, equals in their order. Any order is safe, be it strict and weak or not
/// (NaNs, `<=`): it is a merge sort, which compares within bounds only.
template <class Before> std::vector<std::size_t> sortedPositions(std::size_t count, const Before& before) {
    std::vector<std::size_t> order(count), merged(count);
    for (std::size_t i = 0; i < count; ++i) order[i] = i;
    for (std::size_t width = 1; width < count; width *= 2) {
        for (std::size_t from = 0; from < count; from += 2 * width) {
            const auto at = [&](std::size_t i) { return order.begin() + std::ptrdiff_t(std::min(i, count)); };
            const auto out = merged.begin() + std::ptrdiff_t(from);
            if (from + width >= count || !before(*at(from + width), *(at(from + width) - 1)))
                std::copy(at(from), at(from + 2 * width), out);
            else
                std::merge(at(from), at(from + width), at(from + width), at(from + 2 * width), out, before);
        }
        order.swap(merged);
    }
    return order;
}

/// The keys that a reservoir kept of one partition, and how many there were.
template <class K> struct KeySample {
    std::vector<K> keys;
    std::uint64_t count = 0;
};

template <class K> struct SampleSink {
    KeySample<K>& sample;
    std::size_t capacity;
    std::uint64_t state;
    template <class Row> void operator()(Row&& row) {
        const std::uint64_t seen = sample.count++;
        if (sample.keys.size() < capacity) {
            sample.keys.push_back(own(row.first));
        } else if (const std::uint64_t at = (state = mixBits(state + 0x9e3779b97f4a7c15ULL)) % (seen + 1);
                   at < capacity) {
            sample.keys[at] = own(row.first);
        }
    }
};

/// Ascending, distinct bounds that divide the sampled weight evenly among `partitions` ranges; fewer where there are
/// fewer keys.
template <class K, class Less>
std::vector<K> rangeBounds(std::vector<KeySample<K>> samples, int partitions, const Less& less) {
    struct Candidate {
        K key;
        double weight;
    };
    std::vector<Candidate> candidates;
    double total = 0;
    for (auto& sample : samples) {
        const double weight = sample.keys.empty() ? 0 : double(sample.count) / double(sample.keys.size());
        for (K& key : sample.keys) {
            candidates.push_back({std::move(key), weight});
            total += weight;
        }
    }
    const auto order = sortedPositions(
        candidates.size(), [&](std::size_t a, std::size_t b) { return less(candidates[a].key, candidates[b].key); });
    std::vector<K> bounds;
    const double step = total / partitions;
    double seen = 0, target = step;
    for (const std::size_t i : order) {
        const Candidate& candidate = candidates[i];
        if (int(bounds.size()) + 1 >= partitions) break;
        seen += candidate.weight;
        if (seen < target || (!bounds.empty() && !less(bounds.back(), candidate.key))) continue;
        bounds.push_back(candidate.key);
        target += step;
    }
    if (!bounds.empty() && !less(bounds.back(), candidates[order.back()].key))
        bounds.pop_back(); // nothing lies above the last key
    return bounds;
}

/// Reads pairs in the order of their keys.
template <class T, class Less> ReaderPtr<T> sortedReader(Rows<T> rows, const Less& less) {
    // Positions are sorted, and rows then moved once.
    const auto order =
        sortedPositions(rows.size(), [&](std::size_t a, std::size_t b) { return less(rows[a].first, rows[b].first); });
    const auto sorted = share(new Rows<T>());
    sorted->reserve(rows.size());
    for (const std::size_t i : order) sorted->push_back(std::move(rows[i]));
    return ReaderPtr<T>(new RowsReader<T>(sorted, *sorted));
}

template <class T, class Less> class SortedNode final : public Node<T> {
  public:
    SortedNode(LineagePtr lineage, std::shared_ptr<const ShuffleDependency> shuffle, Less less)
        : Node<T>(std::move(lineage)),
          shuffle_(std::move(shuffle)),
          less_(std::move(less)) {}
    int partitions() const override { return shuffle_->reducePartitions(); }

  protected:
    ReaderPtr<T> compute(int partition, TaskContext& task) const override {
        Rows<T> rows;
        RoutedReader<T> reader(*shuffle_, partition, task);
        for (bool more = true; more;) {
            std::span<const T> chunk;
            more = reader.next(chunk);
            for (const T& row : chunk) rows.push_back(row);
        }
        return sortedReader(std::move(rows), less_);
    }

  private:
    std::shared_ptr<const ShuffleDependency> shuffle_;
    Less less_;
};

/// The parent's own partitions, each sorted: where the parent is partitioned as the result is to be.
template <class Pipe, class Less> class SortedInPlaceNode final : public Node<owned_t<typename Pipe::value_type>> {
  public:
    using T = owned_t<typename Pipe::value_type>;

    SortedInPlaceNode(LineagePtr lineage, Pipe pipe, Less less)
        : Node<T>(std::move(lineage)),
          pipe_(std::move(pipe)),
          less_(std::move(less)) {}
    int partitions() const override { return pipe_.partitions(); }

  protected:
    ReaderPtr<T> compute(int partition, TaskContext& task) const override {
        Rows<T> rows;
        AppendSink<T> sink{rows};
        drain(pipe_, partition, task, sink);
        return sortedReader(std::move(rows), less_);
    }

  private:
    Pipe pipe_;
    Less less_;
};

} // namespace rivulet::detail
