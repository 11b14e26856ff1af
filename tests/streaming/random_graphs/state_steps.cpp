#include "graph.h"

namespace graphs {

using namespace rivulet;

std::optional<RowStream> stateStep(const Step& step, const RowStream& first) {
    const auto countRecords = [](const int& key, std::optional<long> value, State<long>& state) {
        if (!value) return Row(key, -state.get()); // it is timing out
        state.update(state.getOption().value_or(0) + 1);
        return Row(key, state.get());
    };
    switch (step.kind) {
    case Kind::updateStateByKey:
        return first.updateStateByKey(
            [](std::span<const long> values, std::optional<long> before) -> std::optional<long> {
                long total = before.value_or(0);
                for (const long value : values) total = sumModulo(total, value);
                if (total % 7 == 0) return std::nullopt;
                return total;
            });
    case Kind::mapWithState: return first.mapWithState(countRecords);
    case Kind::expiringState: return first.mapWithState(StateSpec::function(countRecords).timeout(kTimeout * kBatch));
    case Kind::stateSnapshots: return first.mapWithState(countRecords).stateSnapshots();
    default: return std::nullopt;
    }
}

} // namespace graphs
