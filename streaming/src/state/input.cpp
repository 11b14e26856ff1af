#include "rivulet/stream/state/input.h"

namespace rivulet::detail {

void orderByGroup(const Rows<std::uint32_t>& groups, std::size_t groupCount, Rows<std::uint32_t>& begin,
                  Rows<std::uint32_t>& order) {
    // Counted one place further on than they begin, so that the places end up where the groups end, and begin.
    begin.assign(groupCount + 2);
    for (const std::uint32_t group : groups) ++begin[group + 2];
    for (std::size_t group = 2; group < begin.size(); ++group) begin[group] += begin[group - 1];
    order.assign(groups.size());
    for (std::size_t i = 0; i < groups.size(); ++i) order[begin[groups[i] + 1]++] = std::uint32_t(i);
}

} // namespace rivulet::detail
