#include "graph.h"

namespace graphs {

using namespace rivulet;

std::optional<RowStream> narrowStep(const Step& step, const RowStream& first) {
    switch (step.kind) {
    case Kind::map:
        return first.map([](const Row& row) { return Row((row.first + 1) % 4, modulo(row.second * 3 + 1)); });
    case Kind::filter: return first.filter([](const Row& row) { return row.second % 3 != 0; });
    case Kind::flatMap:
        return first.flatMap([](const Row& row) {
            Batch rows;
            for (long i = 0; i < row.second % 3; ++i) rows.emplace_back(row.first, modulo(row.second + i));
            return rows;
        });
    case Kind::mapValues: return first.mapValues([](long value) { return modulo(value + 7); });
    case Kind::flatMapValues:
        return first.flatMapValues([](long value) { return std::vector{value, kModulus - 1 - value}; });
    case Kind::mapPartitions:
        return first.mapPartitions([](PartitionElements<Row> rows) {
            Batch changed;
            for (const Row& row : rows) changed.emplace_back(row.first, modulo(row.second + 1));
            return changed;
        });
    case Kind::cached: return first.map([](const Row& row) { return row; }).cache();
    default: return std::nullopt;
    }
}

} // namespace graphs
