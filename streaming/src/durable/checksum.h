#pragma once

#include <cstdint>
#include <string_view>

namespace rivulet::detail {

/// CRC-32C (Castagnoli), which finds every error of up to 32 bits in a row; by the processor's instruction where it has
/// one.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

} // namespace rivulet::detail
