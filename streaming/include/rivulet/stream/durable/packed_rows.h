#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

/// Rows of which all have as many bytes, without the bytes in which they are the same: of numbers of 64 bits mostly few
/// are not zero. A row of a key and a count shrinks from 16 bytes to 4 or 5, and with it all that is done with it: the
/// log, its sync, the files, the recovery.
///
///     packed = piece's header[9] | width u16 | first row[width] | mask[(width + 7) / 8] | others | rest of the piece
///
/// Bit i of the mask says that byte i differs among the rows; `others` are these bytes of each row but the first.
namespace rivulet::detail {

/// A piece of a log of keyed rows (`RowsWriter`), as it is stored.
struct RowsPiece {
    std::string bytes;
    bool packed = false;
};

/// Packs a piece whose rows, so many, have `width` bytes each; 0: they differ. False where that saves too little;
/// `packed` has nothing of use then.
bool packRows(std::string_view piece, std::uint32_t rows, std::size_t width, std::string& packed);
/// The piece that was packed.
///
/// Errors: CorruptionError
void unpackRows(std::string_view packed, std::string& piece);

/// What was packed, row by row; a view.
class PackedRows {
  public:
    static constexpr std::size_t kMostWidth = 256;

    /// Errors: CorruptionError
    explicit PackedRows(std::string_view packed);
    std::string_view header() const { return header_; }
    /// What follows the rows.
    std::string_view rest() const { return rest_; }
    std::uint32_t count() const { return count_; }
    std::size_t width() const { return first_.size(); }
    /// Writes a row to where there is room for it.
    void copy(std::uint32_t index, char* out) const;
    /// The number that a row begins with.
    std::uint32_t numberOf(std::uint32_t index) const;

  private:
    friend bool packRows(std::string_view, std::uint32_t, std::size_t, std::string&);
    /// Bytes that differ among the rows, one after the other.
    struct Run {
        std::uint16_t begin = 0, count = 0;
    };
    struct Runs {
        std::array<Run, kMostWidth / 2 + 1> all{};
        std::size_t count = 0, bytes = 0;
        void add(std::size_t at);
    };

    std::string_view header_, first_, others_, rest_;
    std::uint32_t count_ = 0;
    Runs runs_;
};

} // namespace rivulet::detail
