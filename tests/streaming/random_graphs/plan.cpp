#include "plan.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace graphs {
namespace {

constexpr const char* kNames[] = {"source",
                                  "map",
                                  "filter",
                                  "flatMap",
                                  "mapValues",
                                  "flatMapValues",
                                  "mapPartitions",
                                  "repartition",
                                  "distinct",
                                  "count",
                                  "reduce",
                                  "countByValue",
                                  "reduceByKey",
                                  "groupByKey",
                                  "combineByKey",
                                  "sorted",
                                  "cached",
                                  "unionWith",
                                  "join",
                                  "leftOuterJoin",
                                  "fullOuterJoin",
                                  "cogroup",
                                  "transformWith",
                                  "window",
                                  "reduceByKeyAndWindow",
                                  "inverseWindow",
                                  "groupByKeyAndWindow",
                                  "countByWindow",
                                  "reduceByWindow",
                                  "countByValueAndWindow",
                                  "updateStateByKey",
                                  "mapWithState",
                                  "expiringState",
                                  "stateSnapshots"};
static_assert(std::size(kNames) == kKinds);

bool isBinary(Kind kind) { return kind >= Kind::unionWith && kind <= Kind::transformWith; }
bool isWindow(Kind kind) { return kind >= Kind::window && kind <= Kind::countByValueAndWindow; }
bool multiplies(Kind kind) { return isBinary(kind) || kind == Kind::flatMap || kind == Kind::flatMapValues; }

std::map<int, std::vector<long>> grouped(const Batch& batch) {
    std::map<int, std::vector<long>> groups;
    for (const auto& [key, value] : batch) groups[key].push_back(value);
    return groups;
}

long sumOf(const std::vector<long>& values) {
    long sum = 0;
    for (const long value : values) sum = (sum + value) % kModulus;
    return sum;
}

/// A step with what it keeps from batch to batch.
class Evaluation {
  public:
    Evaluation(const Step& step, const std::vector<Stream>& streams, bool plantedBug)
        : step_(step),
          streams_(streams),
          plantedBug_(plantedBug) {}

    std::optional<Batch> at(int n, int parentSlide) {
        if (n % step_.slide != 0) return std::nullopt;
        const Batch a =
            isWindow(step_.kind) ? windowAt(n, parentSlide) : *streams_[std::size_t(step_.first)][std::size_t(n)];
        const Batch b = step_.second < 0 ? Batch() : *streams_[std::size_t(step_.second)][std::size_t(n)];
        Batch result = resultOf(a, b, n);
        std::sort(result.begin(), result.end());
        return result;
    }

  private:
    Batch windowAt(int n, int parentSlide) const {
        Batch all;
        const int length = step_.window - (plantedBug_ ? parentSlide : 0);
        for (int m = std::max(n - length + 1, 1); m <= n; ++m)
            if (const auto& batch = streams_[std::size_t(step_.first)][std::size_t(m)])
                all.insert(all.end(), batch->begin(), batch->end());
        return all;
    }

    Batch resultOf(const Batch& a, const Batch& b, int n) {
        Batch result;
        switch (step_.kind) {
        case Kind::source:
        case Kind::repartition:
        case Kind::sorted:
        case Kind::cached:
        case Kind::window: return a;
        case Kind::map:
            for (const auto& [key, value] : a) result.emplace_back((key + 1) % 4, (value * 3 + 1) % kModulus);
            return result;
        case Kind::filter:
            for (const Row& row : a)
                if (row.second % 3 != 0) result.push_back(row);
            return result;
        case Kind::flatMap:
            for (const auto& [key, value] : a)
                for (long i = 0; i < value % 3; ++i) result.emplace_back(key, (value + i) % kModulus);
            return result;
        case Kind::mapValues:
            for (const auto& [key, value] : a) result.emplace_back(key, (value + 7) % kModulus);
            return result;
        case Kind::flatMapValues:
            for (const auto& [key, value] : a)
                for (const long out : {value, kModulus - 1 - value}) result.emplace_back(key, out);
            return result;
        case Kind::mapPartitions: // adds one to every value: what a partition holds does not show
            for (const auto& [key, value] : a) result.emplace_back(key, (value + 1) % kModulus);
            return result;
        case Kind::distinct: {
            const std::set<Row> rows(a.begin(), a.end());
            return Batch(rows.begin(), rows.end());
        }
        case Kind::count:
        case Kind::countByWindow: return {{0, long(a.size())}};
        case Kind::reduce:
        case Kind::reduceByWindow: {
            if (a.empty()) return {};
            Row sum = a.front();
            for (std::size_t i = 1; i < a.size(); ++i)
                sum = {std::max(sum.first, a[i].first), (sum.second + a[i].second) % kModulus};
            return {sum};
        }
        case Kind::countByValue:
        case Kind::countByValueAndWindow: {
            std::map<Row, long> counts;
            for (const Row& row : a) ++counts[row];
            for (const auto& [row, count] : counts) result.emplace_back(row.first, (row.second + count) % kModulus);
            return result;
        }
        case Kind::reduceByKey:
        case Kind::combineByKey:
        case Kind::inverseWindow:
            for (const auto& [key, values] : grouped(a)) result.emplace_back(key, sumOf(values));
            return result;
        case Kind::reduceByKeyAndWindow:
            for (const auto& [key, values] : grouped(a))
                result.emplace_back(key, *std::max_element(values.begin(), values.end()));
            return result;
        case Kind::groupByKey:
        case Kind::groupByKeyAndWindow:
            for (const auto& [key, values] : grouped(a))
                result.emplace_back(key, (sumOf(values) + long(values.size())) % kModulus);
            return result;
        case Kind::unionWith:
        case Kind::transformWith:
            result = a;
            result.insert(result.end(), b.begin(), b.end());
            return result;
        case Kind::join:
        case Kind::leftOuterJoin:
        case Kind::fullOuterJoin: {
            const auto left = grouped(a), right = grouped(b);
            for (const auto& [key, values] : left)
                for (const long v : values) {
                    const auto found = right.find(key);
                    if (found != right.end())
                        for (const long w : found->second) result.emplace_back(key, (v * 2 + w) % kModulus);
                    else if (step_.kind != Kind::join)
                        result.emplace_back(key, (v * 2) % kModulus);
                }
            if (step_.kind == Kind::fullOuterJoin)
                for (const auto& [key, values] : right)
                    if (!left.contains(key))
                        for (const long w : values) result.emplace_back(key, w);
            return result;
        }
        case Kind::cogroup: {
            auto left = grouped(a), right = grouped(b);
            for (const auto& [key, values] : right) left[key];
            for (const auto& [key, values] : left)
                result.emplace_back(key, (sumOf(values) * 2 + sumOf(right[key])) % kModulus);
            return result;
        }
        case Kind::updateStateByKey: {
            auto arrived = grouped(a);
            for (const auto& [key, total] : totals_) arrived[key];
            for (const auto& [key, values] : arrived) {
                const long total = (totals_[key] + sumOf(values)) % kModulus;
                if (total % 7 == 0)
                    totals_.erase(key); // the function gives nothing
                else
                    totals_[key] = total;
            }
            for (const auto& [key, total] : totals_) result.emplace_back(key, total);
            return result;
        }
        case Kind::mapWithState:
        case Kind::expiringState:
        case Kind::stateSnapshots: {
            for (const auto& [key, values] : grouped(a)) {
                for (std::size_t i = 0; i < values.size(); ++i) result.emplace_back(key, ++totals_[key]);
                touched_[key] = n;
            }
            if (step_.kind == Kind::expiringState)
                for (auto at = touched_.begin(); at != touched_.end();) {
                    if (at->second >= n - kTimeout) {
                        ++at;
                        continue;
                    }
                    result.emplace_back(at->first, -totals_[at->first]);
                    totals_.erase(at->first);
                    at = touched_.erase(at);
                }
            if (step_.kind == Kind::stateSnapshots) return Batch(totals_.begin(), totals_.end());
            return result;
        }
        }
        return result;
    }

    const Step& step_;
    const std::vector<Stream>& streams_;
    const bool plantedBug_;
    std::map<int, long> totals_;
    std::map<int, int> touched_;
};

} // namespace

const char* nameOf(Kind kind) { return kNames[int(kind)]; }

Plan randomPlan(unsigned seed) {
    std::mt19937 random(seed);
    const auto upTo = [&](int n) { return int(random() % unsigned(n)); };
    Plan plan;
    plan.sources = 1 + upTo(2);
    std::vector<int> depth, growth; // how many steps lie behind each other, and how many of them multiply rows
    for (int i = 0; i < plan.sources; ++i) {
        plan.steps.push_back({Kind::source});
        depth.push_back(0);
        growth.push_back(0);
    }
    const int wanted = plan.sources + 3 + upTo(6);
    for (int tries = 0; int(plan.steps.size()) < wanted && tries < 200; ++tries) {
        Step step{Kind(1 + upTo(kKinds - 1))};
        step.first = upTo(int(plan.steps.size()));
        const Step& parent = plan.steps[std::size_t(step.first)];
        step.slide = parent.slide;
        int deep = depth[std::size_t(step.first)], grown = growth[std::size_t(step.first)];
        if (isBinary(step.kind)) {
            step.second = upTo(int(plan.steps.size()));
            if (plan.steps[std::size_t(step.second)].slide != step.slide) continue;
            deep = std::max(deep, depth[std::size_t(step.second)]);
            grown += growth[std::size_t(step.second)];
        }
        if (isWindow(step.kind)) {
            step.window = parent.slide * (1 + upTo(4));
            step.slide = parent.slide * (1 + upTo(3));
            if (step.slide > 6) continue;
            ++grown;
        }
        if (multiplies(step.kind)) ++grown;
        if (deep >= 6 || grown > 3) continue;
        plan.steps.push_back(step);
        depth.push_back(deep + 1);
        growth.push_back(grown);
    }
    return plan;
}

std::string textOf(const Plan& plan) {
    std::string text;
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
        const Step& step = plan.steps[i];
        text += std::to_string(i) + " = " + nameOf(step.kind);
        if (step.first >= 0) text += " of " + std::to_string(step.first);
        if (step.second >= 0) text += " and " + std::to_string(step.second);
        if (step.window > 0)
            text += ", window " + std::to_string(step.window) + ", slide " + std::to_string(step.slide);
        text += '\n';
    }
    return text;
}

std::vector<Stream> randomInput(unsigned seed, const Plan& plan, int batches) {
    std::mt19937 random(seed ^ 0x5eedU);
    std::vector<Stream> input(std::size_t(plan.sources), Stream(std::size_t(batches) + 1));
    for (Stream& stream : input)
        for (int n = 1; n <= batches; ++n) {
            Batch batch;
            const auto size = random() % 4 == 0 ? 0 : random() % 6;
            for (unsigned i = 0; i < size; ++i) batch.emplace_back(int(random() % 4), long(random() % 50));
            stream[std::size_t(n)] = batch;
        }
    return input;
}

std::vector<Stream> evaluate(const Plan& plan, const std::vector<Stream>& input, int batches, bool plantedBug) {
    std::vector<Stream> streams;
    streams.reserve(plan.steps.size());
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
        const Step& step = plan.steps[i];
        if (step.kind == Kind::source) {
            streams.push_back(input[i]);
            for (auto& batch : streams.back())
                if (batch) std::sort(batch->begin(), batch->end());
            continue;
        }
        Evaluation evaluation(step, streams, plantedBug);
        Stream stream(std::size_t(batches) + 1);
        for (int n = 1; n <= batches; ++n)
            stream[std::size_t(n)] = evaluation.at(n, plan.steps[std::size_t(step.first)].slide);
        streams.push_back(std::move(stream));
    }
    return streams;
}

} // namespace graphs
