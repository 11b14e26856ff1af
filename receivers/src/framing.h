#pragma once

#include "rivulet/socket_stream.h"

namespace rivulet::detail {

/// Framing by newlines. A line that is longer than `maxLineBytes` is dropped and counted.
MakeFraming lineFraming(const char* operation, std::size_t maxLineBytes);
/// Framing by a length of four bytes before each frame.
MakeFraming lengthFraming(const char* operation, std::size_t maxFrameBytes);

} // namespace rivulet::detail
