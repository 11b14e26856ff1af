#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Random graphs of streams, and a reference that computes what they must give. This header and plan.cpp include
/// nothing of the library: the reference shares no code with what it checks.
namespace graphs {

using Row = std::pair<int, long>;
using Batch = std::vector<Row>;
/// By the number of the batch, 1, 2, ... (0 is unused); none where the stream has no RDD.
using Stream = std::vector<std::optional<Batch>>;

enum class Kind {
    source,
    map,
    filter,
    flatMap,
    mapValues,
    flatMapValues,
    mapPartitions,
    repartition,
    distinct,
    count,
    reduce,
    countByValue,
    reduceByKey,
    groupByKey,
    combineByKey,
    sorted, // transform with sortByKey
    cached,
    unionWith,
    join,
    leftOuterJoin,
    fullOuterJoin,
    cogroup,
    transformWith,
    window,
    reduceByKeyAndWindow,
    inverseWindow,
    groupByKeyAndWindow,
    countByWindow,
    reduceByWindow,
    countByValueAndWindow,
    updateStateByKey,
    mapWithState,
    expiringState, // mapWithState with a time-out
    stateSnapshots,
};
inline constexpr int kKinds = int(Kind::stateSnapshots) + 1;
const char* nameOf(Kind kind);

inline constexpr long kModulus = 9973; // keeps values small; all combinations are sums or maxima modulo this
inline constexpr int kTimeout = 3;     // batches

/// One stream, made of earlier ones. Times are in batches.
struct Step {
    Kind kind;
    int first = -1, second = -1;
    int window = 0, slide = 1;
};
struct Plan {
    int sources = 1;
    std::vector<Step> steps; // the sources come first; all steps are outputs
};

Plan randomPlan(unsigned seed);
std::string textOf(const Plan& plan);
/// `batches` batches for each source, by number; some are empty.
std::vector<Stream> randomInput(unsigned seed, const Plan& plan, int batches);

/// What each step gives, rows in order of their values. With `plantedBug` the windows are a slide too short.
std::vector<Stream> evaluate(const Plan& plan, const std::vector<Stream>& input, int batches, bool plantedBug = false);

} // namespace graphs
