#include "rivulet/serialization/stored.h"

#include <limits>

namespace rivulet::detail {

void throwTooShort(std::size_t needed, std::size_t left) {
    throw CorruptionError("stored bytes end too early: expected " + std::to_string(needed) + " more, found " +
                          std::to_string(left));
}

void throwBytesLeft(std::size_t left) {
    throw CorruptionError("stored bytes are longer than what was read of them: expected their end, found " +
                          std::to_string(left) + " more; the type's serialize has changed");
}

void throwBadByte(const char* what, unsigned value) {
    throw CorruptionError("stored bytes are damaged: expected " + std::string(what) + ", found " +
                          std::to_string(value));
}

std::uint32_t checkedCount(std::size_t count) {
    if (count > std::numeric_limits<std::uint32_t>::max())
        throw UsageError("a text or container of " + std::to_string(count) +
                         " elements is to be stored; one may have up to 4294967295");
    return std::uint32_t(count);
}

} // namespace rivulet::detail
