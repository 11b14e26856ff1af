#pragma once

#include "rivulet/file_system.h"
#include "rivulet/rdd/pipe.h"

#include <cstring>
#include <string>
#include <string_view>

/// Where chains begin: collections, ranges, text files.
namespace rivulet::detail {

/// size * slice / slices without overflow.
inline std::uint64_t sliceBound(std::uint64_t size, int slice, int slices) {
    const std::uint64_t i = std::uint64_t(slice), n = std::uint64_t(slices);
    return size / n * i + size % n * i / n;
}

/// A collection in slices: slice i is [i * size / n, (i + 1) * size / n).
template <class T> class CollectionPipe {
  public:
    using value_type = T;
    struct Cursor {
        std::size_t at, end;
    };

    CollectionPipe(std::shared_ptr<const Rows<T>> rows, int slices) : rows_(std::move(rows)), slices_(slices) {}
    int partitions() const { return slices_; }
    Cursor open(int slice, TaskContext&) const { return {bound(slice), bound(slice + 1)}; }
    template <class Sink> bool advance(Cursor& cursor, Sink& sink) const {
        const T* rows = rows_->data();
        const std::size_t stop = std::min(cursor.end, cursor.at + kChunk);
        for (std::size_t i = cursor.at; i < stop; ++i) sink(rows[i]);
        cursor.at = stop;
        return cursor.at < cursor.end;
    }

  private:
    std::size_t bound(int slice) const { return sliceBound(rows_->size(), slice, slices_); }

    std::shared_ptr<const Rows<T>> rows_;
    int slices_;
};

/// start, start + step, ... below (or, for a negative step, above) an end that `count` stands for.
class RangePipe {
  public:
    using value_type = long;
    struct Cursor {
        std::uint64_t at, end;
    };

    RangePipe(long start, long step, std::uint64_t count, int slices)
        : start_(start),
          step_(step),
          count_(count),
          slices_(slices) {}
    int partitions() const { return slices_; }
    Cursor open(int slice, TaskContext&) const { return {bound(slice), bound(slice + 1)}; }
    template <class Sink> bool advance(Cursor& cursor, Sink& sink) const {
        constexpr std::uint64_t kBlock = 8 * kChunk; // nothing is stored, so a block only has to end now and then
        const std::uint64_t n = std::min(kBlock, cursor.end - cursor.at);
        const std::uint64_t step = std::uint64_t(step_);
        std::uint64_t x = std::uint64_t(start_) + cursor.at * step;
        for (std::uint64_t i = 0; i < n; ++i, x += step) sink(long(x));
        cursor.at += n;
        return cursor.at < cursor.end;
    }

  private:
    std::uint64_t bound(int slice) const { return sliceBound(count_, slice, slices_); }

    long start_, step_;
    std::uint64_t count_;
    int slices_;
};

/// Pushes the lines of a block that ends with a complete line: without their terminators, `\n` or `\r\n`.
template <class Sink> void pushLines(std::string_view block, Sink& sink) {
    const char* at = block.data();
    const char* const end = at + block.size();
    while (at < end) {
        const char* newline = static_cast<const char*>(std::memchr(at, '\n', std::size_t(end - at)));
        const char* stop = newline ? newline : end;
        std::string_view line(at, std::size_t(stop - at));
        if (newline && !line.empty() && line.back() == '\r') line.remove_suffix(1);
        sink(line);
        at = stop + 1;
    }
}

/// Reads the lines of one split of a file, a block of complete lines at a time.
class LineBlocks {
  public:
    virtual ~LineBlocks() = default;
    /// Points `block` to the next complete lines, maybe none, and says whether there may be more.
    virtual bool next(std::string_view& block) = 0;
};

/// The splits of what `textFile` was given; listed on first need, so that errors surface in the action that asks.
class TextInput {
  public:
    virtual ~TextInput() = default;
    virtual int partitions() const = 0;
    virtual std::unique_ptr<LineBlocks> open(int partition) const = 0;

    static std::shared_ptr<const TextInput> make(const Engine& engine, std::string uris, int minPartitions,
                                                 std::source_location where);
    /// Of files that were listed already.
    static std::shared_ptr<const TextInput> ofFiles(const Engine& engine, std::vector<FileStatus> files);
};

class TextPipe {
  public:
    using value_type = std::string_view;
    struct Cursor {
        std::unique_ptr<LineBlocks> blocks;
    };

    explicit TextPipe(std::shared_ptr<const TextInput> input) : input_(std::move(input)) {}
    int partitions() const { return input_->partitions(); }
    Cursor open(int partition, TaskContext&) const { return {input_->open(partition)}; }
    template <class Sink> bool advance(Cursor& cursor, Sink& sink) const {
        std::string_view block;
        const bool more = cursor.blocks->next(block);
        pushLines(block, sink);
        return more;
    }

  private:
    std::shared_ptr<const TextInput> input_;
};

/// Several RDDs as one: their partitions one after the other, or (where all are partitioned alike) partition i of all
/// as partition i.
template <class T> class UnionNode final : public Node<T> {
  public:
    using Parents = std::vector<NodePtr<T>>;

    UnionNode(LineagePtr lineage, Parents parents) : Node<T>(std::move(lineage)), parents_(std::move(parents)) {}
    int partitions() const override {
        if (aligned()) return this->lineage()->partitioner()->numPartitions();
        int sum = 0;
        for (const auto& parent : parents_) sum += parent->partitions();
        return sum;
    }

  protected:
    ReaderPtr<T> compute(int partition, TaskContext& task) const override {
        if (aligned()) return ReaderPtr<T>(new Chained(parents_, partition, task));
        for (const auto& parent : parents_) {
            const int n = parent->partitions();
            if (partition < n) return parent->open(partition, task);
            partition -= n;
        }
        std::terminate(); // the scheduler asks for partitions that exist
    }

  private:
    class Chained final : public Reader<T> {
      public:
        Chained(const Parents& parents, int partition, TaskContext& task)
            : parents_(parents),
              partition_(partition),
              task_(task) {}
        bool next(std::span<const T>& chunk) override {
            chunk = {};
            if (at_ == parents_.size()) return false;
            if (!reader_) reader_ = parents_[at_]->open(partition_, task_);
            if (!reader_->next(chunk)) done_ = true;
            if (!done_) return true;
            last_ = std::move(reader_); // the chunk lives in it until the next call
            done_ = false;
            return ++at_ < parents_.size();
        }

      private:
        const Parents& parents_;
        int partition_;
        TaskContext& task_;
        std::size_t at_ = 0;
        bool done_ = false;
        ReaderPtr<T> reader_, last_;
    };
    bool aligned() const { return this->lineage()->partitioner() != nullptr; }

    Parents parents_;
};

/// No partitions at all.
template <class T> class EmptyNode final : public Node<T> {
  public:
    using Node<T>::Node;
    int partitions() const override { return 0; }

  protected:
    ReaderPtr<T> compute(int, TaskContext&) const override { std::terminate(); }
};

} // namespace rivulet::detail
