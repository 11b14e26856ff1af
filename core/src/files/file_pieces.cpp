#include "rivulet/files/file_pieces.h"

#include "rivulet/conf.h"
#include "rivulet/error.h"

#include <functional>
#include <mutex>

namespace rivulet::detail {
namespace {

using Partitions = std::vector<std::vector<FilePiece>>;

class ListedPieces final : public FilePieces {
  public:
    using Cut = std::function<Partitions(std::vector<FileStatus>)>;

    ListedPieces(std::string uris, std::source_location where, Cut cut)
        : uris_(std::move(uris)),
          where_(where),
          cut_(std::move(cut)) {}
    int partitions() const override { return int(listed().size()); }
    const std::vector<FilePiece>& of(int partition) const override { return listed()[std::size_t(partition)]; }

  private:
    const Partitions& listed() const {
        std::lock_guard lock(mutex_);
        if (!listed_) {
            pieces_ = cut_(expandInput(uris_, where_));
            listed_ = true;
        }
        return pieces_;
    }

    const std::string uris_;
    const std::source_location where_;
    const Cut cut_;
    mutable std::mutex mutex_; // guards the following until listed_
    mutable bool listed_ = false;
    mutable Partitions pieces_;
};

} // namespace

std::shared_ptr<const FilePieces> FilePieces::whole(std::string uris, int minPartitions, std::source_location where) {
    return std::make_shared<ListedPieces>(std::move(uris), where, [minPartitions](std::vector<FileStatus> files) {
        std::uint64_t total = 0;
        for (const FileStatus& file : files) total += file.sizeBytes;
        const std::uint64_t most = (total + std::uint64_t(minPartitions) - 1) / std::uint64_t(minPartitions);
        Partitions partitions;
        std::uint64_t size = 0;
        for (FileStatus& file : files) { // small files share a partition
            if (partitions.empty() || size + file.sizeBytes > most) {
                partitions.emplace_back();
                size = 0;
            }
            size += file.sizeBytes;
            partitions.back().push_back({file, 0, file.sizeBytes});
        }
        return partitions;
    });
}

std::shared_ptr<const FilePieces> FilePieces::records(const Engine& engine, std::string uris, std::uint64_t recordBytes,
                                                      std::source_location where) {
    const auto partitionBytes = std::uint64_t(engine.conf().getBytes("rivulet.files.maxPartitionBytes"));
    const std::uint64_t records = std::max<std::uint64_t>(1, partitionBytes / recordBytes);
    return std::make_shared<ListedPieces>(std::move(uris), where, [=](const std::vector<FileStatus>& files) {
        Partitions partitions;
        for (const FileStatus& file : files) {
            if (file.sizeBytes % recordBytes != 0)
                throw IoError("binaryRecords: '" + file.path + "' has " + std::to_string(file.sizeBytes) +
                              " bytes, which are no multiple of the record's " + std::to_string(recordBytes) +
                              ": give the length of its records, or repair the file");
            for (std::uint64_t at = 0; at < file.sizeBytes; at += records * recordBytes)
                partitions.push_back({{file, at, std::min(file.sizeBytes, at + records * recordBytes)}});
        }
        return partitions;
    });
}

PieceReader::PieceReader(const FilePiece& piece)
    : piece_(&piece),
      file_(FileSystem::forUri(piece.file.path)->openRead(FileSystem::pathOf(piece.file.path))),
      at_(piece.begin) {}

std::string_view PieceReader::next(std::uint64_t size) {
    bytes_.resize(std::min(size, left()));
    const std::size_t got = bytes_.empty() ? 0 : file_->readAt(at_, std::span(bytes_.data(), bytes_.size()));
    at_ += got;
    if (got < bytes_.size())
        throw IoError("'" + piece_->file.path + "' ends at byte " + std::to_string(at_) + " but had " +
                      std::to_string(piece_->file.sizeBytes) +
                      " bytes when it was listed: it was truncated while it was read");
    return bytes_;
}

} // namespace rivulet::detail
