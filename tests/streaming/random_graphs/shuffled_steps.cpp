#include "graph.h"

namespace graphs {

using namespace rivulet;

std::optional<RowStream> shuffledStep(const Step& step, const RowStream& first) {
    switch (step.kind) {
    case Kind::repartition: return first.repartition(3);
    case Kind::distinct: return first.transform([](const RDD<Row>& rdd) { return rdd.distinct(); });
    case Kind::count: return first.count().map([](long count) { return Row(0, count); });
    case Kind::reduce:
        return first.reduce(
            [](const Row& a, const Row& b) { return Row(std::max(a.first, b.first), sumModulo(a.second, b.second)); });
    case Kind::countByValue:
        return first.countByValue().map([](const std::pair<Row, long>& counted) {
            return Row(counted.first.first, sumModulo(counted.first.second, counted.second));
        });
    case Kind::reduceByKey: return first.reduceByKey(sumModulo);
    case Kind::groupByKey:
        return first.groupByKey().mapValues([](const std::vector<long>& values) {
            long sum = long(values.size());
            for (const long value : values) sum = sumModulo(sum, value);
            return sum;
        });
    case Kind::combineByKey: return first.combineByKey([](long value) { return modulo(value); }, sumModulo, sumModulo);
    case Kind::sorted: return first.transform([](const RDD<Row>& rdd) { return rdd.sortByKey(); });
    default: return std::nullopt;
    }
}

} // namespace graphs
