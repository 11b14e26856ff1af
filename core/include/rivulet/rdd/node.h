#pragma once

#include "rivulet/containers/rows.h"
#include "rivulet/owned.h"
#include "rivulet/rdd/engine.h"

#include <memory>
#include <span>
#include <vector>

namespace rivulet::detail {

inline constexpr std::size_t kChunk = 1024; // elements that a block yields where its source can choose

class ReaderBase {
  public:
    virtual ~ReaderBase();
};

/// Reads one partition chunk by chunk.
template <class T> class Reader : public ReaderBase {
  public:
    /// Points `chunk` to the next elements, maybe none, and says whether there may be more. The chunk is valid until
    /// the next call.
    virtual bool next(std::span<const T>& chunk) = 0;
};

template <class T> class ReaderPtr {
  public:
    ReaderPtr() = default;
    explicit ReaderPtr(Reader<T>* made) : reader_(made) {}
    explicit operator bool() const { return bool(reader_); }
    Reader<T>* operator->() const { return static_cast<Reader<T>*>(reader_.get()); }

  private:
    std::unique_ptr<ReaderBase> reader_;
};

/// Reads rows that a reference-counted owner holds, kChunk elements at a time.
template <class T> class RowsReader final : public Reader<T> {
  public:
    RowsReader(std::shared_ptr<const void> owner, const Rows<T>& rows)
        : RowsReader(std::move(owner), std::span<const T>(rows.data(), rows.size())) {}
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
    ReaderPtr<T> open(int partition, TaskContext& task) const {
        if (lineage()->storageLevel() == StorageLevel::NONE) return compute(partition, task);
        auto block =
            task.engine().blocks().getOrCompute(lineage()->id(), partition, [&] { return store(partition, task); });
        const auto& rows = *static_cast<const Rows<T>*>(block.rows.get());
        return ReaderPtr<T>(new RowsReader<T>(std::move(block.rows), rows));
    }

  protected:
    virtual ReaderPtr<T> compute(int partition, TaskContext& task) const = 0;

  private:
    BlockStore::Block store(int partition, TaskContext& task) const {
        const auto rows = share(new Rows<T>());
        auto reader = compute(partition, task);
        for (bool more = true; more;) {
            task.throwIfCancelled();
            std::span<const T> chunk;
            more = reader->next(chunk);
            for (const T& x : chunk) rows->push_back(x);
        }
        return {rows, rowsSizeBytes(*rows)};
    }
};

template <class T> class NodePtr {
  public:
    NodePtr() = default;
    /// `node` is a `Node<T>`.
    explicit NodePtr(std::shared_ptr<const NodeBase> node) : node_(std::move(node)) {}
    const Node<T>* operator->() const { return static_cast<const Node<T>*>(node_.get()); }
    const std::shared_ptr<const NodeBase>& base() const { return node_; }

  private:
    std::shared_ptr<const NodeBase> node_;
};

/// A new node, as what its users hold.
template <class N, class... X> NodePtr<typename N::Element> makeNode(X&&... x) {
    const Node<typename N::Element>* made = new N(std::forward<X>(x)...);
    return NodePtr<typename N::Element>(adopt(made));
}

} // namespace rivulet::detail
