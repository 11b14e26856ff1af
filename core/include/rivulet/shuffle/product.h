#pragma once

#include "rivulet/shuffle/cogroup.h"

#include <algorithm>
#include <optional>

/// What the joins make of the two sides of each group: `join`, the outer joins, `subtractByKey`.
///
/// A product says how many rows and columns a group gives, and makes the element at one of them. It is pushed by a
/// cursor that can stop anywhere in it: one key with a thousand values on both sides gives a million elements, which
/// whoever reads through a handle would otherwise hold at once.
namespace rivulet::detail {

/// A value of a group; of a side that may be missing, as an optional.
template <bool kOptional, class V> using ProductSide = std::conditional_t<kOptional, std::optional<V>, V>;

/// The pairs of a key's values. A side whose values may be missing counts as one missing value where it has none.
template <bool kMissingLeft, bool kMissingRight> struct Product {
    template <class K, class V, class W>
    using Element = std::pair<K, std::pair<ProductSide<kMissingLeft, V>, ProductSide<kMissingRight, W>>>;

    template <class Group> static std::size_t rows(const Group& group) {
        return side<kMissingLeft>(group.second.first.size());
    }
    template <class Group> static std::size_t columns(const Group& group) {
        return side<kMissingRight>(group.second.second.size());
    }
    template <class K, class V, class W>
    static Element<K, V, W> at(const Cogrouped<K, V, W>& group, std::size_t row, std::size_t column) {
        using Values = typename Element<K, V, W>::second_type;
        return {group.first, Values(value<kMissingLeft>(group.second.first, row),
                                    value<kMissingRight>(group.second.second, column))};
    }

  private:
    template <bool kMissing> static std::size_t side(std::size_t values) {
        return kMissing && values == 0 ? 1 : values;
    }
    template <bool kMissing, class V>
    static ProductSide<kMissing, V> value(const std::vector<V>& values, std::size_t i) {
        if constexpr (kMissing)
            if (values.empty()) return std::nullopt;
        return values[i];
    }
};

using InnerProduct = Product<false, false>;
using LeftOuterProduct = Product<false, true>;
using RightOuterProduct = Product<true, false>;
using FullOuterProduct = Product<true, true>;

/// The left values of keys that the right side does not have.
struct LeftOnly {
    template <class K, class V, class W> using Element = std::pair<K, V>;

    template <class Group> static std::size_t rows(const Group& group) {
        return group.second.second.empty() ? group.second.first.size() : 0;
    }
    template <class Group> static std::size_t columns(const Group&) { return 1; }
    template <class K, class V, class W>
    static Element<K, V, W> at(const Cogrouped<K, V, W>& group, std::size_t row, std::size_t) {
        return {group.first, group.second.first[row]};
    }
};

template <class Product, class K, class V, class W> class ProductPipe {
  public:
    using Group = Cogrouped<K, V, W>;
    using value_type = typename Product::template Element<K, V, W>;
    struct Cursor {
        ReaderPtr<Group> reader;
        std::span<const Group> groups; // the first of them is being pushed
        std::size_t row = 0, column = 0;
        bool more = true;
    };

    explicit ProductPipe(NodePtr<Group> groups) : groups_(std::move(groups)) {}
    int partitions() const { return groups_->partitions(); }
    Cursor open(int partition, TaskContext& task) const { return {groups_->open(partition, task), {}}; }
    template <class Sink> bool advance(Cursor& cursor, Sink& sink) const {
        if (cursor.groups.empty() && cursor.more) cursor.more = cursor.reader->next(cursor.groups);
        for (std::size_t room = kChunk; !cursor.groups.empty(); cursor.groups = cursor.groups.subspan(1)) {
            const Group& group = cursor.groups.front();
            const std::size_t rows = Product::rows(group), columns = Product::columns(group);
            for (; cursor.row < rows; ++cursor.row, cursor.column = 0) {
                // Counted before the loop and not in it, which would cost the compiler its vector code.
                const std::size_t end = std::min(columns, cursor.column + room);
                for (std::size_t column = cursor.column; column < end; ++column)
                    sink(Product::at(group, cursor.row, column));
                room -= end - cursor.column;
                cursor.column = end;
                if (end < columns) return true;
            }
            cursor.row = 0;
        }
        return cursor.more;
    }

  private:
    NodePtr<Group> groups_;
};

} // namespace rivulet::detail
