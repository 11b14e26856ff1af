#include "rivulet/stream/state/table.h"

#include "rivulet/stream/state/input.h"

#include <functional>

namespace rivulet::detail {

void sortDescending(Rows<std::uint32_t>& numbers) { std::sort(numbers.begin(), numbers.end(), std::greater<>()); }

void orderByHash(const Rows<std::uint32_t>& hashes, Rows<std::uint32_t>& order) {
    constexpr unsigned kBits = 12;
    Rows<std::uint32_t> groups, begin;
    groups.reserve(hashes.size());
    for (const std::uint32_t hash : hashes) groups.push_back(std::uint32_t(upperBits(hash, kBits)));
    orderByGroup(groups, std::size_t(1) << kBits, begin, order);
}

} // namespace rivulet::detail
