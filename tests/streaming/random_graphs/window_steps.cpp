#include "graph.h"

namespace graphs {

using namespace rivulet;

std::optional<RowStream> windowStep(const Step& step, const RowStream& first) {
    const Duration window = step.window * kBatch, slide = step.slide * kBatch;
    switch (step.kind) {
    case Kind::window: return first.window(window, slide);
    case Kind::reduceByKeyAndWindow:
        return first.reduceByKeyAndWindow([](long a, long b) { return std::max(a, b); }, window, slide);
    case Kind::inverseWindow:
        return first.reduceByKeyAndWindow(
            sumModulo, [](long a, long b) { return modulo(a - b + kModulus); }, window, slide);
    case Kind::groupByKeyAndWindow:
        return first.groupByKeyAndWindow(window, slide).mapValues([](const std::vector<long>& values) {
            long sum = long(values.size());
            for (const long value : values) sum = sumModulo(sum, value);
            return sum;
        });
    case Kind::countByWindow: return first.countByWindow(window, slide).map([](long count) { return Row(0, count); });
    case Kind::reduceByWindow:
        return first.reduceByWindow(
            [](const Row& a, const Row& b) { return Row(std::max(a.first, b.first), sumModulo(a.second, b.second)); },
            window, slide);
    case Kind::countByValueAndWindow:
        return first.countByValueAndWindow(window, slide).map([](const std::pair<Row, long>& counted) {
            return Row(counted.first.first, sumModulo(counted.first.second, counted.second));
        });
    default: return std::nullopt;
    }
}

} // namespace graphs
