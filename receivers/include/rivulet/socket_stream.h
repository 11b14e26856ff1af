#pragma once

#include "rivulet/received_lines.h"
#include "rivulet/streaming_context.h"

#include <string>

namespace rivulet {

/// The lines of a text stream, fused as views into the blocks that were received.
using ReceivedTextStream = DStream<std::string_view, detail::NodeRecipe<detail::StreamNode<detail::ReceivedRdd>>>;

/// The lines that a TCP server sends: connects to it at the start, and again whenever the connection fails or ends.
///
/// Lines end with `\n` or `\r\n`; what follows the last one when the peer disconnects is a line too. Bytes are passed
/// on as they are. When `rivulet.streaming.receiver.bufferBytes` wait to be processed, nothing more is read, and TCP
/// makes the sender wait. A line of more than `rivulet.streaming.receiver.maxLineBytes` is dropped, logged and counted
/// (`droppedRecords`).
///
/// Shape:   one RDD per batch; a partition for every 64 KiB, at most the default parallelism
/// Cost:    no compute thread; all receivers share `rivulet.streaming.io.threads` threads
/// Errors:  UsageError where `port` is not 1 to 65535. A server that cannot be reached is logged and tried again after
///          `rivulet.streaming.receiverRestartDelay`
/// Source:  Spark StreamingContext.socketTextStream
ReceivedTextStream socketTextStream(const StreamingContext& ssc, const std::string& host, int port,
                                    std::source_location where = std::source_location::current());

} // namespace rivulet
