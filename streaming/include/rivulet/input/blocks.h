#pragma once

#include "rivulet/memory_account.h"
#include "rivulet/rdd/source.h"
#include "rivulet/serialization/stored.h"

#include <functional>

/// What was received, in the pieces in which it came.
namespace rivulet::detail {

/// Who waits for a block to be written to where it outlives the process.
class BlockSender {
  public:
    virtual ~BlockSender() = default;
    /// The name under which the number of its last record is stored with the block; empty: none is.
    virtual std::string_view id() const { return {}; }
    /// All records up to this number are written; in memory, where nothing outlives the process. Called by any thread:
    /// be quick.
    virtual void written(std::uint64_t number) = 0;
};

/// Complete records in the form in which their receiver got them: bytes of text, or rows of elements.
struct ReceivedBlock {
    std::shared_ptr<const void> data; // the first byte of a text, or the rows
    std::size_t begin = 0, end = 0;   // the part of it that is meant
    long records = 0;
    std::size_t sizeBytes = 0;
    std::function<void()> onProcessed;   // called when the batch that has it is done; may be empty
    std::shared_ptr<BlockSender> sender; // may be null
    std::uint64_t firstNumber = 0;       // of the sender's, which count from 1
    std::uint64_t sequence = 0;          // of the receiver's blocks
    MemoryReservation reservation;
};

/// The blocks of one batch, and how they are dealt to partitions; a block is never split.
class ReceivedBatch {
  public:
    ReceivedBatch() = default;
    /// A partition for every 64 KiB and (of what came over a longer time) for each of `intervals`; at most `most`.
    ReceivedBatch(std::vector<ReceivedBlock> blocks, long intervals, int most);

    const std::vector<ReceivedBlock>& blocks() const { return blocks_; }
    int partitions() const { return int(bounds_.size()) - 1; }
    std::size_t begin(int partition) const { return bounds_[std::size_t(partition)]; }
    long records() const;

  private:
    std::vector<ReceivedBlock> blocks_;
    std::vector<std::size_t> bounds_{0}; // partition i has the blocks from bound i to bound i + 1
};
using ReceivedBatchPtr = std::shared_ptr<const ReceivedBatch>;

/// Takes the first `records` from a block, which keeps the others.
using CutBlock = ReceivedBlock (*)(ReceivedBlock& block, long records);

/// A block's text, where it is text.
inline std::string_view textOf(const ReceivedBlock& block) {
    return {static_cast<const char*>(block.data.get()) + block.begin, block.end - block.begin};
}
/// A block of all of a text that has so many records.
ReceivedBlock textBlock(std::string text, long records);

/// Contents of blocks: how elements are read from them, and blocks from what is stored. Lines of text, as views:
struct ReceivedLines {
    using value_type = std::string_view;
    static std::string form() { return "lines"; }
    static std::string_view encode(const ReceivedBlock& block, std::string&) { return textOf(block); }
    static ReceivedBlock decode(std::string_view bytes, long records) { return textBlock(std::string(bytes), records); }
    /// Pushes from `at` on, as much as makes a block of a chain, and says where the rest begins.
    template <class Sink> static std::size_t push(const ReceivedBlock& block, std::size_t, Sink& sink) {
        pushLines(textOf(block), sink);
        return block.end;
    }
    static ReceivedBlock cut(ReceivedBlock& block, long records);
};

/// Frames, as views of what follows their length: four bytes, the highest first.
struct ReceivedFrames {
    using value_type = std::string_view;
    static std::string form() { return "frames"; }
    static std::string_view encode(const ReceivedBlock& block, std::string&) { return textOf(block); }
    static ReceivedBlock decode(std::string_view bytes, long records) { return textBlock(std::string(bytes), records); }
    static constexpr std::size_t kHeader = 4;
    static std::size_t lengthAt(const char* header) {
        const auto byte = [&](int i) { return std::size_t(static_cast<unsigned char>(header[i])); };
        return byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
    }
    template <class Sink> static std::size_t push(const ReceivedBlock& block, std::size_t, Sink& sink) {
        for (std::string_view text = textOf(block); !text.empty();) {
            const std::size_t length = lengthAt(text.data());
            std::string_view frame = text.substr(kHeader, length);
            text.remove_prefix(kHeader + length);
            sink(frame);
        }
        return block.end;
    }
    static ReceivedBlock cut(ReceivedBlock& block, long records);
};

/// Rows of elements; those of a type that cannot be stored have no form.
template <class T> struct ReceivedRows {
    using value_type = T;
    static std::string form() {
        if constexpr (Storable<T>)
            return storedForm<T>();
        else
            return {};
    }
    /// The bytes that are stored of a block, in `room` where they are not its own.
    static std::string_view encode(const ReceivedBlock& block, std::string& room) {
        if constexpr (Storable<T>) {
            const T* rows = static_cast<const Rows<T>*>(block.data.get())->data();
            ByteWriter out;
            out.reserve(block.sizeBytes);
            for (std::size_t i = block.begin; i < block.end; ++i) out(rows[i]);
            room = std::move(out).text();
        }
        return room;
    }
    static ReceivedBlock decode(std::string_view bytes, long records) {
        auto rows = share(new Rows<T>());
        if constexpr (Storable<T>) {
            ByteReader in(bytes);
            for (long i = 0; i < records; ++i) {
                T x{};
                in(x);
                rows->push_back(std::move(x));
            }
            in.finish();
        }
        return block(std::move(rows), bytes.size());
    }
    template <class Sink> static std::size_t push(const ReceivedBlock& block, std::size_t at, Sink& sink) {
        const T* rows = static_cast<const Rows<T>*>(block.data.get())->data();
        const std::size_t stop = std::min(block.end, at + kChunk);
        for (; at < stop; ++at) sink(rows[at]);
        return at;
    }
    static ReceivedBlock cut(ReceivedBlock& block, long records) {
        ReceivedBlock first;
        first.data = block.data;
        first.begin = block.begin;
        first.end = block.begin = block.begin + std::size_t(records);
        first.records = records;
        first.sizeBytes = std::size_t(double(block.sizeBytes) * double(records) / double(block.records));
        block.records -= records;
        block.sizeBytes -= first.sizeBytes;
        return first;
    }
    static ReceivedBlock block(std::shared_ptr<const Rows<T>> rows, std::size_t sizeBytes) {
        ReceivedBlock made;
        made.end = rows->size();
        made.records = long(rows->size());
        made.sizeBytes = sizeBytes;
        made.data = std::move(rows);
        return made;
    }
};

/// The elements of a batch that was received, fused like those of a file.
template <class Content> class ReceivedPipe {
  public:
    using value_type = typename Content::value_type;
    struct Cursor {
        std::size_t block, end, at;
    };

    explicit ReceivedPipe(ReceivedBatchPtr batch) : batch_(std::move(batch)) {}
    int partitions() const { return batch_->partitions(); }
    Cursor open(int partition, TaskContext&) const {
        return {batch_->begin(partition), batch_->begin(partition + 1), 0};
    }
    template <class Sink> bool advance(Cursor& cursor, Sink& sink) const {
        if (cursor.block == cursor.end) return false;
        const ReceivedBlock& block = batch_->blocks()[cursor.block];
        cursor.at = Content::push(block, std::max(cursor.at, block.begin), sink);
        if (cursor.at >= block.end) {
            ++cursor.block;
            cursor.at = 0;
        }
        return cursor.block < cursor.end;
    }

  private:
    ReceivedBatchPtr batch_;
};

} // namespace rivulet::detail
