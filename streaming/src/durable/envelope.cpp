#include "durable/envelope.h"

#include "durable/checksum.h"
#include "rivulet/serialization/stored.h"

#include <limits>

namespace rivulet::detail {
namespace {

constexpr std::uint8_t kVersion = 1;

[[noreturn]] void throwDamaged(const std::string& what, const std::string& expected, const std::string& found) {
    throw CorruptionError(what + " is damaged: expected " + expected + ", found " + found +
                          "; restore the directory from a copy");
}

} // namespace

Envelope envelopeOf(Stored kind, std::string_view first, std::string_view second) {
    const std::size_t size = first.size() + second.size();
    if (size > std::numeric_limits<std::uint32_t>::max())
        throw IoError("a value of " + std::to_string(size) +
                      " bytes is to be stored; one may have up to 4294967295 bytes");
    ByteWriter before, after;
    before(kVersion, std::uint32_t(kind), std::uint32_t(size));
    after(crc32c(second, crc32c(first, crc32c(before.view()))));
    return {std::move(before).text(), std::move(after).text()};
}

std::string enveloped(Stored kind, std::string_view payload) {
    const Envelope envelope = envelopeOf(kind, payload, {});
    std::string value;
    value.reserve(payload.size() + kEnvelopeBytes);
    return std::move(value.append(envelope.before).append(payload).append(envelope.after));
}

std::string_view opened(Stored kind, std::string_view value, const std::string& what) {
    if (value.size() < kEnvelopeBytes)
        throwDamaged(what, "at least " + std::to_string(kEnvelopeBytes) + " bytes", std::to_string(value.size()));
    std::uint8_t version = 0;
    std::uint32_t foundKind = 0, size = 0, checksum = 0;
    ByteReader(value.substr(value.size() - 4))(checksum);
    const std::uint32_t found = crc32c(value.substr(0, value.size() - 4));
    if (found != checksum) throwDamaged(what, "checksum " + std::to_string(checksum), std::to_string(found));
    ByteReader in(value);
    in(version, foundKind, size);
    if (version != kVersion)
        throwDamaged(what, "version " + std::to_string(kVersion) + " of the envelope", std::to_string(version));
    if (foundKind != std::uint32_t(kind))
        throwDamaged(what, "a value of kind " + std::to_string(std::uint32_t(kind)), std::to_string(foundKind));
    if (size != value.size() - kEnvelopeBytes)
        throwDamaged(what, std::to_string(value.size() - kEnvelopeBytes) + " bytes", std::to_string(size));
    return value.substr(kEnvelopeBytes - 4, size);
}

Stored kindOf(std::string_view value) {
    std::uint8_t version = 0;
    std::uint32_t kind = 0;
    if (value.size() >= kEnvelopeBytes) ByteReader{value}(version, kind);
    return Stored(kind);
}

std::string_view openedAny(std::string_view value, const std::string& what) {
    return opened(kindOf(value), value, what);
}

} // namespace rivulet::detail
