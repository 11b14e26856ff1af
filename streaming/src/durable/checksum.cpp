#include "durable/checksum.h"

#include <array>
#include <cstring>

namespace rivulet::detail {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78; // reflected

constexpr std::array<std::uint32_t, 256> kTable = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? kPolynomial : 0);
        table[i] = crc;
    }
    return table;
}();

std::uint32_t portable(std::string_view bytes, std::uint32_t crc) {
    for (const char byte : bytes) crc = crc >> 8 ^ kTable[(crc ^ std::uint8_t(byte)) & 0xff];
    return crc;
}

#if defined(__x86_64__)
[[gnu::target("sse4.2")]] std::uint32_t byInstruction(std::string_view bytes, std::uint32_t crc) {
    std::uint64_t wide = crc;
    while (bytes.size() >= 8) {
        std::uint64_t word;
        std::memcpy(&word, bytes.data(), 8);
        wide = __builtin_ia32_crc32di(wide, word);
        bytes.remove_prefix(8);
    }
    return portable(bytes, std::uint32_t(wide));
}
#endif

} // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
#if defined(__x86_64__)
    static const bool hasInstruction = __builtin_cpu_supports("sse4.2");
    if (hasInstruction) return ~byInstruction(bytes, ~before);
#endif
    return ~portable(bytes, ~before);
}

} // namespace rivulet::detail
