#pragma once

#include "rivulet/serialization/stored.h"

#include <cstdint>
#include <string>
#include <string_view>

/// What is around every stored value, so that nothing is decoded that is not what was written:
///
///     version u8 = 1 | kind u32 | size u32 | payload[size] | crc32c u32 of all before it
///
/// Numbers are little-endian.
namespace rivulet::detail {

/// What a payload is. The numbers are on disks: they are never given to anything else.
enum class Stored : std::uint32_t {
    identity = 1, ///< format, uuid, application
    epoch = 2,
    batch = 3,      ///< what was committed last
    operators = 4,  ///< the table of what has something stored
    plan = 5,       ///< the batch that is being run
    position = 6,   ///< of a source
    state = 7,      ///< a piece of the log of states
    layout = 8,     ///< how the states of an operator are partitioned
    pane = 9,       ///< the rows of a window's pane
    packed = 10,    ///< a piece of the log of states whose rows are packed
    prepared = 20,  ///< what a sink needs to finalize a batch
    finalized = 21, ///< the last batch that a sink is known to have
    received = 22,  ///< a block that a receiver has got
    sender = 23,    ///< the number of its last record
    // 40 and on: of what goes with the directory
    contents = 40, ///< the files of a savepoint
    pace = 41,     ///< how fast a receiver may be
};

inline constexpr std::size_t kEnvelopeBytes = 13;

std::string enveloped(Stored kind, std::string_view payload);
/// What comes before and after a payload of two parts, which is not copied.
struct Envelope {
    std::string before, after;
};
Envelope envelopeOf(Stored kind, std::string_view first, std::string_view second);
/// The payload, a view of `value`.
///
/// Errors: CorruptionError that names `what` where the value is not a whole envelope of this kind
std::string_view opened(Stored kind, std::string_view value, const std::string& what);
/// What a value says to be, before it is opened.
Stored kindOf(std::string_view value);
/// The same of whatever kind it says to be.
std::string_view openedAny(std::string_view value, const std::string& what);

/// A payload that is one value.
template <class T> std::string written(const T& x) {
    ByteWriter out;
    out(x);
    return std::move(out).text();
}
/// Errors: CorruptionError where the payload is not one whole `T`
template <class T> T readAs(std::string_view payload) {
    T x{};
    ByteReader in(payload);
    in(x);
    in.finish();
    return x;
}

} // namespace rivulet::detail
