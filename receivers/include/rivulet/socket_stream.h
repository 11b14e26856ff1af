#pragma once

#include "rivulet/input/received.h"
#include "rivulet/streaming_context.h"

#include <string>

namespace rivulet {
namespace detail {

/// Cuts what one connection sends into blocks of complete records.
///
/// Threads: one at a time
class Framing {
  public:
    virtual ~Framing() = default;
    /// Takes what was read and gives the records that are complete now; none where there are none.
    ///
    /// Errors: what it throws ends the connection
    virtual ReceivedBlock feed(std::string_view bytes) = 0;
    /// The peer has closed its side: gives what is left, where that is a record.
    virtual ReceivedBlock end() = 0;
    /// How many records are left in pieces: dropped by a stop.
    virtual long unfinished() const = 0;
    virtual CutBlock cut() const = 0;
};
/// Makes the framing of a new connection to (or from) `peer`.
using MakeFraming = std::function<std::unique_ptr<Framing>(const std::string& peer, ReceivedBlocks& blocks)>;

/// Where a socket stream connects to.
struct SocketAddress {
    const char* operation;
    std::string host;
    int port = 0;
};
/// What starts and stops the receiver of a socket stream.
class SocketReceiver {
  public:
    virtual ~SocketReceiver() = default;
    virtual void start() = 0;
    /// Returns when nothing more will be put.
    virtual void stop() noexcept = 0;
};
std::shared_ptr<SocketReceiver> makeSocketClient(StreamCore& core, ReceivedInput& input, SocketAddress address,
                                                 MakeFraming makeFraming);
void checkSocketAddress(const SocketAddress& address, std::source_location where);

/// The node of a stream that sockets feed.
template <class Content> class SocketNode final : public ReceivedNode<Content> {
  public:
    using ReceivedNode<Content>::ReceivedNode;

    void use(std::shared_ptr<SocketReceiver> receiver) { receiver_ = std::move(receiver); }
    void start() override { receiver_->start(); }
    void stop() noexcept override { receiver_->stop(); }

  private:
    std::shared_ptr<SocketReceiver> receiver_;
};

template <class Content>
using SocketStream = DStream<typename Content::value_type, NodeRecipe<StreamNode<ReceivedRdd<Content>>>>;

template <class Content>
SocketStream<Content> socketClientStream(const StreamingContext& ssc, const SocketAddress& address,
                                         MakeFraming makeFraming, std::source_location where) {
    checkSocketAddress(address, where);
    const auto& core = ssc.core();
    core->requireOpen(address.operation, where);
    auto node = share(new SocketNode<Content>(core, CallSite{address.operation, where}, "Socket stream"));
    node->use(makeSocketClient(*core, *node, address, std::move(makeFraming)));
    ReceivedInput::declare(*core, node);
    return SocketStream<Content>(NodeRecipe<StreamNode<ReceivedRdd<Content>>>(std::move(node)));
}

} // namespace detail

/// The lines of a text stream, fused as views into the blocks that were received.
using ReceivedTextStream = detail::SocketStream<detail::ReceivedLines>;
/// Frames of bytes, fused as views into the blocks that were received.
using ReceivedFrameStream = detail::SocketStream<detail::ReceivedFrames>;

/// The lines that a TCP server sends: connects to it at the start, and again whenever the connection fails or ends.
///
/// Lines end with `\n` or `\r\n`; what follows the last one when the peer disconnects is a line too. Bytes are passed
/// on as they are. When `rivulet.streaming.receiver.bufferBytes` wait to be processed, or more would exceed the rate
/// (`rivulet.streaming.receiver.maxRate`, backpressure), nothing more is read, and TCP makes the sender wait. A line of
/// more than `rivulet.streaming.receiver.maxLineBytes` is dropped, logged and counted (`droppedRecords`).
///
/// Shape:   one RDD per batch; a partition for every 64 KiB, at most the default parallelism
/// Cost:    no compute thread; all receivers share `rivulet.streaming.io.threads` threads
/// Errors:  UsageError where `port` is not 1 to 65535. A server that cannot be reached is logged, told to the
///          listeners, and tried again after a pause that doubles from `rivulet.streaming.receiverRestartDelay` up to
///          `rivulet.streaming.receiverMaxRestartDelay`
/// Source:  Spark StreamingContext.socketTextStream
ReceivedTextStream socketTextStream(const StreamingContext& ssc, const std::string& host, int port,
                                    std::source_location where = std::source_location::current());

/// The frames that a TCP server sends: four bytes of length, the highest first, then so many bytes.
///
/// As `socketTextStream` otherwise. A frame of more than `rivulet.streaming.receiver.maxLineBytes` ends the connection,
/// which is then made anew; half a frame at the end is dropped and counted.
///
/// Source: Spark StreamingContext.rawSocketStream, whose frames are blocks of serialized elements
ReceivedFrameStream rawSocketStream(const StreamingContext& ssc, const std::string& host, int port,
                                    std::source_location where = std::source_location::current());

} // namespace rivulet
