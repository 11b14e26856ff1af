#include "durable/inspection/pieces.h"

namespace rivulet::detail {

void eachStateRow(std::string_view piece, const StoredShape& shape,
                  const std::function<void(const StoredRowView&)>& row,
                  const std::function<void(std::string_view key)>& removed) {
    if (!shape.isTuple() || shape.parts().size() != 2)
        throw CorruptionError("checkpoint: a state is stored with a form that is no pair of key and state");
    const StoredShape &key = shape.parts()[0], &state = shape.parts()[1];
    ByteReader in(piece);
    const RowsHeader header = readRowsHeader(in);
    for (std::uint32_t i = 0; i < header.rows; ++i) {
        StoredRowView view;
        if (header.timed) in(view.touched.emplace());
        view.key = key.bytesOf(in, piece);
        view.state = state.bytesOf(in, piece);
        row(view);
    }
    for (std::uint32_t i = 0; i < header.removed; ++i) removed(key.bytesOf(in, piece));
    in.finish();
}

Time eachPaneRow(std::string_view piece, const StoredShape& shape, const std::function<void(std::string_view)>& row) {
    ByteReader in(piece);
    const PaneHeader header = readPaneHeader(in);
    for (std::uint32_t i = 0; i < header.rows; ++i) row(shape.bytesOf(in, piece));
    in.finish();
    return header.time;
}

} // namespace rivulet::detail
