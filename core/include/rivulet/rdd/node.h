#pragma once

#include "rivulet/owned.h"
#include "rivulet/rdd/engine.h"

#include <memory>
#include <span>
#include <vector>

namespace rivulet::detail {

/// A growable sequence of bool that, unlike std::vector<bool>, is contiguous.
class BoolRows {
  public:
    using value_type = bool;
    void push_back(bool x) {
        if (size_ == capacity_) grow();
        bools_[size_++] = x;
    }
    void clear() { size_ = 0; }
    void reserve(std::size_t) {}
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    const bool* data() const { return bools_.get(); }
    const bool* begin() const { return bools_.get(); }
    const bool* end() const { return bools_.get() + size_; }
    bool operator[](std::size_t i) const { return bools_[i]; }

  private:
    void grow() {
        capacity_ = capacity_ ? capacity_ * 2 : 64;
        auto grown = std::make_unique<bool[]>(capacity_);
        for (std::size_t i = 0; i < size_; ++i) grown[i] = bools_[i];
        bools_ = std::move(grown);
    }
    std::unique_ptr<bool[]> bools_;
    std::size_t size_ = 0, capacity_ = 0;
};

template <class T> struct RowsOf {
    using type = std::vector<T>;
};
template <> struct RowsOf<bool> {
    using type = BoolRows;
};
/// The elements of a chunk or a stored partition, contiguous for every type.
template <class T> using Rows = typename RowsOf<T>::type;

template <class T> std::size_t rowsSizeBytes(const Rows<T>& rows) { return rows.size() * sizeof(T); }

inline constexpr std::size_t kChunk = 1024; // elements that a block yields where its source can choose

/// Reads one partition chunk by chunk.
template <class T> class Reader {
  public:
    virtual ~Reader() = default;
    /// Points `chunk` to the next elements, maybe none, and says whether there may be more. The chunk is valid until
    /// the next call.
    virtual bool next(std::span<const T>& chunk) = 0;
};

/// Reads what a reference-counted owner holds, kChunk elements at a time.
template <class T> class RowsReader final : public Reader<T> {
  public:
    RowsReader(std::shared_ptr<const void> owner, std::span<const T> rows) : owner_(std::move(owner)), rest_(rows) {}
    bool next(std::span<const T>& chunk) override {
        chunk = rest_.first(std::min(kChunk, rest_.size()));
        rest_ = rest_.subspan(chunk.size());
        return !rest_.empty();
    }

  private:
    std::shared_ptr<const void> owner_;
    std::span<const T> rest_;
};

/// An RDD of elements of type T behind a type-erased handle: what an `RDD<T>` points to.
template <class T> class Node : public NodeBase {
  public:
    using Element = T;
    using NodeBase::NodeBase;

    /// A reader of the cached block where the RDD is persisted, of what `compute` gives otherwise.
    std::unique_ptr<Reader<T>> open(int partition, TaskContext& task) const {
        if (lineage()->storageLevel() == StorageLevel::NONE) return compute(partition, task);
        const auto block =
            task.engine().blocks().getOrCompute(lineage()->id(), partition, [&] { return store(partition, task); });
        const auto& rows = *static_cast<const Rows<T>*>(block.rows.get());
        return readerOf(block.rows, std::span<const T>(rows.data(), rows.size()));
    }

  protected:
    virtual std::unique_ptr<Reader<T>> compute(int partition, TaskContext& task) const = 0;
    static std::unique_ptr<Reader<T>> readerOf(std::shared_ptr<const void> owner, std::span<const T> rows) {
        return std::unique_ptr<Reader<T>>(new RowsReader<T>(std::move(owner), rows));
    }

  private:
    BlockStore::Block store(int partition, TaskContext& task) const {
        auto rows = std::make_shared<Rows<T>>();
        auto reader = compute(partition, task);
        for (bool more = true; more;) {
            task.throwIfCancelled();
            std::span<const T> chunk;
            more = reader->next(chunk);
            for (const T& x : chunk) rows->push_back(x);
        }
        const std::size_t bytes = rowsSizeBytes<T>(*rows);
        return {std::move(rows), bytes};
    }
};

/// A new node, as what its users hold.
template <class N, class... X> std::shared_ptr<const Node<typename N::Element>> makeNode(X&&... x) {
    const N* made = new N(std::forward<X>(x)...);
    return std::shared_ptr<const Node<typename N::Element>>(adopt(made), made);
}

} // namespace rivulet::detail
