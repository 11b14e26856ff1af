#include "graph.h"

namespace graphs {

using namespace rivulet;

namespace {

long sumOf(const std::vector<long>& values) {
    long sum = 0;
    for (const long value : values) sum = sumModulo(sum, value);
    return sum;
}

} // namespace

std::optional<RowStream> binaryStep(const Step& step, const RowStream& first, const RowStream& second) {
    switch (step.kind) {
    case Kind::unionWith: return first.unionWith(second);
    case Kind::join:
        return first.join(second).mapValues(
            [](const std::pair<long, long>& both) { return modulo(both.first * 2 + both.second); });
    case Kind::leftOuterJoin:
        return first.leftOuterJoin(second).mapValues([](const std::pair<long, std::optional<long>>& both) {
            return modulo(both.first * 2 + both.second.value_or(0));
        });
    case Kind::fullOuterJoin:
        return first.fullOuterJoin(second).mapValues(
            [](const std::pair<std::optional<long>, std::optional<long>>& both) {
                return modulo(both.first.value_or(0) * 2 + both.second.value_or(0));
            });
    case Kind::cogroup:
        return first.cogroup(second).mapValues([](const std::pair<std::vector<long>, std::vector<long>>& both) {
            return modulo(sumOf(both.first) * 2 + sumOf(both.second));
        });
    case Kind::transformWith:
        return first.transformWith(second, [](const RDD<Row>& a, const RDD<Row>& b) { return a.unionWith(b); });
    default: return std::nullopt;
    }
}

} // namespace graphs
