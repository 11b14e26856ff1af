#pragma once

#include "durable/inspection/stored_shape.h"
#include "rivulet/stream/durable/stored_rows.h"

#include <functional>

namespace rivulet::detail {

/// A row of a piece that an operator has stored, as bytes.
struct StoredRowView {
    std::optional<Time> touched; // of states with a time-out
    std::string_view key;        // of a state; the whole row of a window
    std::string_view state;
};

/// Calls `row` for the rows of a piece of a log of states, and `removed` for the keys that it takes away.
///
/// Errors: CorruptionError where the piece is not of this shape
void eachStateRow(std::string_view piece, const StoredShape& shape,
                  const std::function<void(const StoredRowView&)>& row,
                  const std::function<void(std::string_view key)>& removed);
/// The rows of a piece of a window, each of which is one value. Returns the time of its batch.
Time eachPaneRow(std::string_view piece, const StoredShape& shape, const std::function<void(std::string_view)>& row);

} // namespace rivulet::detail
