#include "rivulet/stream/state/table.h"

#include <functional>

namespace rivulet::detail {

void sortDescending(Rows<std::uint32_t>& numbers) { std::sort(numbers.begin(), numbers.end(), std::greater<>()); }

} // namespace rivulet::detail
