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
///     file     = magic form block* end
///     magic    = "RVOBJ\0\0\2"                           8 bytes; the last is the version of the format
///     form     = size checksum text[size]               what the elements look like (serialization/type_form.h)
///     block    = size count checksum seal payload[size] about 64 KiB of `count` elements
///     payload  = element*                               by Cereal's PortableBinary archive
///     end      = 0xffffffff blocks 0 seal               the number of blocks
///
/// Numbers have 32 bits and are little-endian. A checksum is that of its text or payload, a seal that of the three
/// numbers before it and of the block's place, so that a size is believed before so much memory is asked for, and no
/// block can be missing. An element is never cut: one that is larger than a block makes its block larger. What is
/// damaged or cut off is a CorruptionError, never a shorter file. Each file holds one partition, in order. The
/// directory is written as saveAsTextFile writes it.
namespace rivulet::detail {

/// Writes one part.
class ObjectWriter {
  public:
    ObjectWriter(TextOutput::Part& part, const std::string& form);
    ~ObjectWriter();
    ObjectWriter(const ObjectWriter&) = delete;
    ObjectWriter& operator=(const ObjectWriter&) = delete;

    /// Where the elements of the current block are written.
    std::ostream& elements();
    /// Counts an element that was written. True: the block is full, and `flush` is to be called.
    bool added();
    void flush();
    /// Writes the last block, and the end.
    void finish();

  private:
    struct Block;
    TextOutput::Part& part_;
    std::unique_ptr<Block> block_;
    std::uint32_t blocks_ = 0;
};

/// Reads one part, block by block.
///
/// Errors: IoError, and CorruptionError with path, offset, what was expected and what was found
class ObjectReader {
  public:
    /// Opens a file whose elements must have this form.
    ObjectReader(const std::string& path, const std::string& form);
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
