#pragma once

#include "rivulet/rdd/text_output.h"

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <source_location>
#include <string>
#include <vector>

/// The files that `saveAsObjectFile` writes, as far as the elements' type does not matter.
///
///     file     = magic block*
///     magic    = "RVOBJ\0\0\1"                         8 bytes; the last is the version of the format
///     block    = size checksum count payload[size]    three little-endian numbers of 32 bits, then about 64 KiB
///     payload  = element*                             `count` of them, by Cereal's PortableBinary archive
///
/// An element is never cut: one that is larger than a block makes its block larger. The checksum is that of the
/// payload; a block that is damaged or cut off is a CorruptionError, never a shorter file. Each file holds one
/// partition, in order. The directory is written as saveAsTextFile writes it.
namespace rivulet::detail {

/// Writes one part.
class ObjectWriter {
  public:
    explicit ObjectWriter(TextOutput::Part& part);
    ~ObjectWriter();
    ObjectWriter(const ObjectWriter&) = delete;
    ObjectWriter& operator=(const ObjectWriter&) = delete;

    /// Where the elements of the current block are written.
    std::ostream& elements();
    /// Counts an element that was written. True: the block is full, and `flush` is to be called.
    bool added();
    void flush();

  private:
    struct Block;
    TextOutput::Part& part_;
    std::unique_ptr<Block> block_;
};

/// Reads one part, block by block.
///
/// Errors: IoError, and CorruptionError with path, offset, what was expected and what was found
class ObjectReader {
  public:
    explicit ObjectReader(const std::string& path);
    ~ObjectReader();
    ObjectReader(ObjectReader&&) noexcept;

    /// Goes to the next block; false at the end of the file.
    bool next();
    std::istream& elements();
    std::uint32_t count() const;
    /// Throws the CorruptionError of a block whose elements are not of the type that they are read as.
    [[noreturn]] void throwOtherType(const std::string& why) const;
    /// Throws it where elements are left that nobody read.
    void checkAllRead();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The parts of a directory, or of what else names files.
std::vector<std::string> objectParts(const std::string& uris, std::source_location where);

} // namespace rivulet::detail
