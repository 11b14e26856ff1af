#pragma once

#include "rivulet/rdd/actions.h"
#include "rivulet/rdd/operations/random.h"
#include "rivulet/rdd/operations/stepped_pipe.h"

namespace rivulet::detail {

// ---- steps

/// Takes elements each by itself: with a probability, or as often as a Poisson variable says.
struct SampleStep {
    bool withReplacement;
    double parameter; // the mean, or the logarithm of the probability to be left out
    std::uint64_t seed;
    template <class T> using result = T;
    struct State {
        Random random;
        std::uint64_t gap;
    };
    State start(int partition) const {
        State state{Random::ofPartition(seed, partition), 0};
        if (!withReplacement) state.gap = state.random.gap(parameter);
        return state;
    }
    template <class X, class Sink> void operator()(State& state, X&& x, Sink& next) const {
        if (withReplacement) {
            for (std::uint64_t n = state.random.poisson(parameter); n > 0; --n) next(std::as_const(x));
        } else if (state.gap > 0) {
            --state.gap;
        } else {
            next(std::forward<X>(x));
            state.gap = state.random.gap(parameter);
        }
    }
};

/// Takes the elements whose random number lies in a share of [0, 1).
struct ShareStep {
    double from, to;
    std::uint64_t seed;
    template <class T> using result = T;
    using State = Random;
    State start(int partition) const { return Random::ofPartition(seed, partition); }
    template <class X, class Sink> void operator()(State& random, X&& x, Sink& next) const {
        const double at = random.uniform();
        if (at >= from && at < to) next(std::forward<X>(x));
    }
};

/// As SampleStep, with a fraction for each key.
template <class K> struct SampleByKeyStep {
    std::shared_ptr<const KeyMap<K, double>> fractions;
    bool withReplacement;
    std::uint64_t seed;
    template <class T> using result = T;
    using State = Random;
    State start(int partition) const { return Random::ofPartition(seed, partition); }
    template <class X, class Sink> void operator()(State& random, X&& x, Sink& next) const {
        const auto fraction = fractions->find(own(std::as_const(x.first)));
        if (fraction == fractions->end()) throwNoFraction();
        if (withReplacement)
            for (std::uint64_t n = random.poisson(fraction->second); n > 0; --n) next(std::as_const(x));
        else if (random.uniform() < fraction->second)
            next(std::forward<X>(x));
    }
};

/// Takes the elements that were picked beforehand, by their position among those of their key.
template <class K> struct PickByKeyStep {
    using Picked = KeyMap<K, std::vector<Pick>>;
    std::shared_ptr<const std::vector<Picked>> picks; // by partition
    template <class T> using result = T;
    struct State {
        const Picked* picked;
        KeyMap<K, std::pair<std::uint64_t, std::size_t>> seen; // elements of the key, picks that are done
    };
    State start(int partition) const { return {&(*picks)[std::size_t(partition)], {}}; }
    template <class X, class Sink> void operator()(State& state, X&& x, Sink& next) const {
        const auto picked = state.picked->find(own(std::as_const(x.first)));
        if (picked == state.picked->end()) return;
        auto& [position, done] = state.seen[picked->first];
        for (; done < picked->second.size() && picked->second[done].position == position; ++done)
            next(std::as_const(x));
        ++position;
    }
};

/// The picked elements of a partition, in order of their positions.
template <class T> struct PickSink {
    const std::vector<Pick>& picks;
    Rows<T>& rows;
    std::uint64_t position = 0;
    template <class X> void operator()(X&& x) {
        for (; rows.size() < picks.size() && picks[rows.size()].position == position;)
            rows.push_back(own(std::as_const(x)));
        ++position;
    }
};

template <class K> struct CountKeysSink {
    KeyMap<K, long>& counts;
    template <class X> void operator()(X&& x) { ++counts[own(std::as_const(x.first))]; }
};

// ---- operations

/// The operations of RDD that take some of the elements at random.
///
/// The same seed, the same number of partitions and the same elements in the same order give the same sample, whatever
/// the number of threads; without a seed every call takes another one.
template <class Self, class T> class SamplingOperations {
    using Where = std::source_location;
    const Self& self() const { return static_cast<const Self&>(*this); }

  public:
    /// Each element by itself with the probability `fraction`; with replacement as often as a Poisson variable with
    /// this mean says. The size of the sample varies. Keeps the partitioner.
    ///
    /// Cost:   without replacement a decrement per element, and a logarithm per element that is taken
    /// Errors: UsageError where `fraction` is negative, or above 1 without replacement
    /// Source: Spark RDD.sample
    auto sample(bool withReplacement, double fraction, std::uint64_t seed = randomSeed(),
                Where where = Where::current()) const {
        requireFraction("sample", withReplacement, fraction, where);
        return stepped(self(), "sample", where, self().partitioner(),
                       SampleStep{withReplacement, withReplacement ? fraction : logOfMiss(fraction), seed});
    }
    /// Parts of the elements, in sizes about as the weights say. Every element is in exactly one of them, as long as
    /// this RDD gives the same elements in the same order each time. Keeps the partitioner.
    ///
    /// Shape:  RDD<T> -> vector of as many RDD<T> as weights
    /// Cost:   each part computes this RDD by itself: cache it
    /// Errors: UsageError where a weight is negative or their sum is not positive
    /// Source: Spark RDD.randomSplit
    auto randomSplit(const std::vector<double>& weights, std::uint64_t seed = randomSeed(),
                     Where where = Where::current()) const {
        const auto bounds = sharesOf(weights, where);
        std::vector<decltype(part(0, 0, seed, where))> parts;
        for (std::size_t i = 0; i < weights.size(); ++i) parts.push_back(part(bounds[i], bounds[i + 1], seed, where));
        return parts;
    }
    /// Exactly `size` elements in random order, all sets of them equally likely; fewer where there are fewer and
    /// `withReplacement` is false.
    ///
    /// Cost:   two jobs: one counts, the other takes; the sample is held by the caller
    /// Errors: UsageError where `size` is negative
    /// Source: Spark RDD.takeSample
    std::vector<owned_t<T>> takeSample(bool withReplacement, long size, std::uint64_t seed = randomSeed(),
                                       Where where = Where::current()) const {
        using Owned = owned_t<T>;
        requireSampleSize(size, where);
        if (size == 0) return {};
        const auto picks = pickElements(self().countPartitions("takeSample", where), withReplacement,
                                        std::uint64_t(size), Random(seed));
        std::vector<int> partitions;
        std::size_t total = 0;
        for (std::size_t p = 0; p < picks.size(); ++p) {
            total += picks[p].size();
            if (!picks[p].empty()) partitions.push_back(int(p));
        }
        const auto& pipe = self().pipe();
        auto parts = runTasks<Rows<Owned>, std::remove_cvref_t<decltype(pipe)>>(
            self().lineagePtr(), CallSite{"takeSample", where}, partitions, [&](int p, TaskContext& task) {
                Rows<Owned> rows;
                const auto& wanted = picks[std::size_t(p)];
                PickSink<Owned> sink{wanted, rows};
                auto cursor = pipe.open(p, task);
                while (rows.size() < wanted.size() && pipe.advance(cursor, sink)) task.throwIfCancelled();
                return rows;
            });
        std::vector<Owned*> places(total);
        for (std::size_t i = 0; i < parts.size(); ++i)
            for (std::size_t n = 0; n < parts[i].size(); ++n)
                places[picks[std::size_t(partitions[i])][n].place] = &parts[i][n];
        std::vector<Owned> sample;
        sample.reserve(total);
        for (Owned* x : places)
            if (x) sample.push_back(std::move(*x));
        return sample;
    }
    /// The pairs, each with the probability that `fractions` has for its key; with replacement as often as a Poisson
    /// variable with this mean says. Keeps the partitioner.
    ///
    /// Errors: UsageError where a fraction is not one; from the action where a key has none
    /// Source: Spark PairRDDFunctions.sampleByKey
    auto sampleByKey(bool withReplacement, const KeyMap<KeyTypeOf<T>, double>& fractions,
                     std::uint64_t seed = randomSeed(), Where where = Where::current()) const
        requires AnyPair<T>
    {
        using K = KeyTypeOf<T>;
        requireKey<K>();
        for (const auto& fraction : fractions) requireFraction("sampleByKey", withReplacement, fraction.second, where);
        return stepped(self(), "sampleByKey", where, self().partitioner(),
                       SampleByKeyStep<K>{detail::share(new KeyMap<K, double>(fractions)), withReplacement, seed});
    }
    /// Of each key exactly `ceil(fraction * count)` pairs, all sets of them equally likely; keys without a fraction
    /// give none. Keeps the partitioner.
    ///
    /// Cost:   a job that counts the keys of each partition runs at once; memory for the positions of the sample
    /// Errors: UsageError where a fraction is negative, or above 1 without replacement
    /// Source: Spark PairRDDFunctions.sampleByKeyExact
    auto sampleByKeyExact(bool withReplacement, const KeyMap<KeyTypeOf<T>, double>& fractions,
                          std::uint64_t seed = randomSeed(), Where where = Where::current()) const
        requires AnyPair<T>
    {
        using K = KeyTypeOf<T>;
        requireKey<K>();
        for (const auto& fraction : fractions)
            requireFraction("sampleByKeyExact", withReplacement, fraction.second, where);
        const auto& pipe = self().pipe();
        const auto counts =
            self().template run<KeyMap<K, long>>("sampleByKeyExact", where, [&](int p, TaskContext& task) {
                KeyMap<K, long> keys;
                CountKeysSink<K> sink{keys};
                drain(pipe, p, task, sink);
                return keys;
            });
        auto picks = detail::share(new std::vector<KeyMap<K, std::vector<Pick>>>(counts.size()));
        for (const auto& [key, fraction] : fractions) {
            std::vector<long> ofKey;
            double total = 0;
            for (const auto& partition : counts) {
                const auto found = partition.find(key);
                ofKey.push_back(found == partition.end() ? 0 : found->second);
                total += double(ofKey.back());
            }
            // of each key another sequence, whatever the order in which the map gives them
            auto picked = pickElements(ofKey, withReplacement, shareOf(fraction, total),
                                       Random::ofPartition(seed, int(hashOf(key) >> 1)));
            for (std::size_t p = 0; p < picked.size(); ++p)
                if (!picked[p].empty()) (*picks)[p].emplace(key, std::move(picked[p]));
        }
        return stepped(self(), "sampleByKeyExact", where, self().partitioner(), PickByKeyStep<K>{std::move(picks)});
    }

  private:
    auto part(double from, double to, std::uint64_t seed, Where where) const {
        return stepped(self(), "randomSplit", where, self().partitioner(), ShareStep{from, to, seed});
    }
};

} // namespace rivulet::detail
