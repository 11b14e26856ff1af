#pragma once

#include "rivulet/shuffle/exchange.h"

#include <algorithm>
#include <cmath>

/// Sorting by key: a sample gives the bounds of the ranges, rows go to their range, every range is sorted by itself.
namespace rivulet::detail {

template <class Less> struct Directed {
    Less less;
    bool ascending;
    template <class A, class B> bool operator()(const A& a, const B& b) const {
        return ascending ? less(a, b) : less(b, a);
    }
};

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
    std::stable_sort(candidates.begin(), candidates.end(),
                     [&](const Candidate& a, const Candidate& b) { return less(a.key, b.key); });
    std::vector<K> bounds;
    const double step = total / partitions;
    double seen = 0, target = step;
    for (const Candidate& candidate : candidates) {
        if (int(bounds.size()) + 1 >= partitions) break;
        seen += candidate.weight;
        if (seen < target || (!bounds.empty() && !less(bounds.back(), candidate.key))) continue;
        bounds.push_back(candidate.key);
        target += step;
    }
    if (!bounds.empty() && !less(bounds.back(), candidates.back().key))
        bounds.pop_back(); // nothing lies above the last key
    return bounds;
}

template <class T, class Less> class SortedNode final : public Node<T> {
  public:
    SortedNode(LineagePtr lineage, std::shared_ptr<const ShuffleDependency> shuffle, Less less,
               const OperatorSite& site)
        : Node<T>(std::move(lineage)),
          shuffle_(std::move(shuffle)),
          less_(std::move(less)),
          site_(&site) {}
    int partitions() const override { return shuffle_->reducePartitions(); }

  protected:
    std::unique_ptr<Reader<T>> compute(int partition, TaskContext& task) const override {
        auto rows = std::make_shared<std::vector<T>>();
        RoutedReader<T> reader(*shuffle_, partition, task);
        for (bool more = true; more;) {
            std::span<const T> chunk;
            more = reader.next(chunk);
            rows->insert(rows->end(), chunk.begin(), chunk.end());
        }
        callUser(*site_, [&] {
            std::stable_sort(rows->begin(), rows->end(),
                             [&](const T& a, const T& b) { return less_(a.first, b.first); });
        });
        const std::span<const T> span(*rows);
        return std::make_unique<RowsReader<T>>(std::move(rows), span);
    }

  private:
    std::shared_ptr<const ShuffleDependency> shuffle_;
    Less less_;
    const OperatorSite* site_;
};

} // namespace rivulet::detail
