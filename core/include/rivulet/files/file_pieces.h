#pragma once

#include "rivulet/file_system.h"
#include "rivulet/rdd/pipe.h"

#include <string>
#include <string_view>

/// Files as elements, whole or in records of a fixed length.
namespace rivulet::detail {

/// Bytes of a file that one task reads.
struct FilePiece {
    FileStatus file;
    std::uint64_t begin, end;
};

/// The pieces of what `wholeTextFiles` and the like were given, by partition; listed on first need, so that errors
/// surface in the action that asks.
class FilePieces {
  public:
    virtual ~FilePieces() = default;
    virtual int partitions() const = 0;
    virtual const std::vector<FilePiece>& of(int partition) const = 0;

    /// Each file is one piece; about `minPartitions` partitions.
    static std::shared_ptr<const FilePieces> whole(std::string uris, int minPartitions, std::source_location where);
    /// Pieces of whole records, a partition for each.
    static std::shared_ptr<const FilePieces> records(const Engine& engine, std::string uris, std::uint64_t recordBytes,
                                                     std::source_location where);
};

/// Reads a piece from its begin to its end, as far as it is asked for.
class PieceReader {
  public:
    explicit PieceReader(const FilePiece& piece);
    /// The next `size` bytes or what is left, valid until the next call; nothing at the end.
    ///
    /// Errors: IoError where the file became shorter
    std::string_view next(std::uint64_t size);
    std::uint64_t left() const { return piece_->end - at_; }

  private:
    const FilePiece* piece_;
    std::unique_ptr<InputFile> file_;
    std::uint64_t at_;
    std::string bytes_;
};

/// A file's path and all its bytes.
class WholeFilesPipe {
  public:
    using value_type = std::pair<std::string_view, std::string_view>;
    struct Cursor {
        int partition;
        std::size_t at;
    };

    explicit WholeFilesPipe(std::shared_ptr<const FilePieces> pieces) : pieces_(std::move(pieces)) {}
    int partitions() const { return pieces_->partitions(); }
    Cursor open(int partition, TaskContext&) const { return {partition, 0}; }
    template <class Sink> bool advance(Cursor& cursor, Sink& sink) const {
        const auto& files = pieces_->of(cursor.partition);
        const FilePiece& piece = files[cursor.at];
        PieceReader reader(piece);
        sink(value_type(piece.file.path, reader.next(reader.left())));
        return ++cursor.at < files.size();
    }

  private:
    std::shared_ptr<const FilePieces> pieces_;
};

class RecordsPipe {
  public:
    using value_type = std::string_view;
    struct Cursor {
        std::unique_ptr<PieceReader> reader;
    };

    RecordsPipe(std::shared_ptr<const FilePieces> pieces, std::uint64_t recordBytes)
        : pieces_(std::move(pieces)),
          recordBytes_(recordBytes) {}
    int partitions() const { return pieces_->partitions(); }
    Cursor open(int partition, TaskContext&) const {
        return {std::make_unique<PieceReader>(pieces_->of(partition).front())};
    }
    template <class Sink> bool advance(Cursor& cursor, Sink& sink) const {
        constexpr std::uint64_t kBlock = 256 << 10;
        const std::string_view block =
            cursor.reader->next(std::max<std::uint64_t>(1, kBlock / recordBytes_) * recordBytes_);
        for (std::size_t at = 0; at < block.size(); at += recordBytes_) sink(block.substr(at, recordBytes_));
        return cursor.reader->left() > 0;
    }

  private:
    std::shared_ptr<const FilePieces> pieces_;
    std::uint64_t recordBytes_;
};

} // namespace rivulet::detail
