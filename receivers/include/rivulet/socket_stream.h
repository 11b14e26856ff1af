#pragma once

#include "rivulet/input/received.h"
#include "rivulet/streaming_context.h"

#include <span>
#include <string>

namespace rivulet {
namespace detail {

/// Cuts what one connection sends into blocks of complete records.
///
/// Threads: one at a time
class Framing {
  public:
    virtual ~Framing() = default;
    /// Where the next bytes are to be read into: about `sizeBytes` of room.
    virtual std::span<char> room(std::size_t sizeBytes) = 0;
    /// So many bytes are there now: gives the records that are complete, none where there are none.
    ///
    /// Errors: what it throws ends the connection
    virtual ReceivedBlock filled(std::size_t sizeBytes) = 0;
    /// The peer has closed its side: gives what is left, where that is a record.
    virtual ReceivedBlock end() = 0;
    /// How many records are left in pieces: dropped by a stop.
    virtual long unfinished() const = 0;
    virtual CutBlock cut() const = 0;
};
/// A framing that is given what was read, and keeps by itself what it needs of it.
class CopyingFraming : public Framing {
  public:
    std::span<char> room(std::size_t sizeBytes) final;
    ReceivedBlock filled(std::size_t sizeBytes) final { return feed({buffer_.get(), sizeBytes}); }

  protected:
    virtual ReceivedBlock feed(std::string_view bytes) = 0;

  private:
    std::unique_ptr<char[]> buffer_;
    std::size_t sizeBytes_ = 0;
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

void checkDecoded(const std::string& peer, std::size_t taken, std::size_t given, std::size_t maxRestBytes);

/// Framing by a function of the program's.
template <class T, class F> class DecodedFraming final : public CopyingFraming {
  public:
    DecodedFraming(std::string peer, std::size_t maxRestBytes, ReceivedBlocks& blocks, F decode)
        : peer_(std::move(peer)),
          maxRestBytes_(maxRestBytes),
          blocks_(blocks),
          decode_(std::move(decode)) {}
    ReceivedBlock end() override {
        blocks_.countDropped(unfinished());
        rest_.clear();
        return {};
    }
    long unfinished() const override { return rest_.empty() ? 0 : 1; }
    CutBlock cut() const override { return &ReceivedRows<T>::cut; }

  protected:
    ReceivedBlock feed(std::string_view bytes) override {
        if (!rest_.empty()) {
            rest_ += bytes;
            bytes = rest_;
        }
        std::vector<T> elements;
        const std::size_t taken = decode_(bytes, elements);
        checkDecoded(peer_, taken, bytes.size(), maxRestBytes_);
        rest_ = std::string(bytes.substr(taken));
        auto rows = share(new Rows<T>());
        rows->reserve(elements.size());
        for (auto&& x : elements) rows->push_back(std::move(x));
        return ReceivedRows<T>::block(std::move(rows), taken + elements.size() * sizeof(T));
    }

  private:
    const std::string peer_;
    const std::size_t maxRestBytes_;
    ReceivedBlocks& blocks_;
    F decode_;
    std::string rest_;
};

/// A new decoder for each connection.
template <class T, class F> struct MakeDecodedFraming {
    F decode;
    std::size_t maxRestBytes;
    std::unique_ptr<Framing> operator()(const std::string& peer, ReceivedBlocks& blocks) const {
        return std::unique_ptr<Framing>(new DecodedFraming<T, F>(peer, maxRestBytes, blocks, decode));
    }
};
std::size_t maxRecordBytes(const StreamingContext& ssc);

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

/// What a TCP server sends, decoded by `decode(bytes, elements)`: it appends to the `std::vector<T>` what the bytes
/// hold, and returns how many of them it has used. The others are given to it again, with what follows them.
///
///     auto readings = socketStream<Reading>(ssc, "localhost", 9999, [](std::string_view bytes, auto& readings) {
///         std::size_t used = 0;
///         for (; bytes.size() - used >= sizeof(Reading); used += sizeof(Reading))
///             std::memcpy(&readings.emplace_back(), bytes.data() + used, sizeof(Reading));
///         return used;
///     });
///
/// As `socketTextStream` otherwise. What `decode` throws ends the connection, which is then made anew, with a new copy
/// of `decode`; so does a record of more than `rivulet.streaming.receiver.maxLineBytes`. Half a record at the end is
/// dropped and counted.
///
/// Threads: `decode` runs on the I/O pool, which all sockets share: keep it short. One call at a time for a connection
/// Source:  Spark StreamingContext.socketStream
template <class T, class F>
    requires std::is_invocable_r_v<std::size_t, F&, std::string_view, std::vector<T>&>
detail::SocketStream<detail::ReceivedRows<T>>
socketStream(const StreamingContext& ssc, const std::string& host, int port, F decode,
             std::source_location where = std::source_location::current()) {
    static_assert(kIsOwned<T> && !detail::kHoldsView<T>,
                  "the elements of a socket stream wait for their batch, so they own their bytes: std::string, not "
                  "std::string_view");
    return detail::socketClientStream<detail::ReceivedRows<T>>(
        ssc, {"socketStream", host, port},
        detail::MakeDecodedFraming<T, F>{std::move(decode), detail::maxRecordBytes(ssc)}, where);
}

/// How a socket server listens, and what it bears from those who connect.
struct SocketServerOptions {
    std::string host = "127.0.0.1"; ///< the address to listen at; "0.0.0.0" for all
    int maxConnections = 1000;      ///< more wait to be accepted until one ends
    Duration idleTimeout{};         ///< a connection that sends nothing for so long is closed; 0: never
    std::size_t maxLineBytes = 0;   ///< 0: `rivulet.streaming.receiver.maxLineBytes`
};

/// The lines of a server's clients, and where it listens.
class SocketServerStream : public ReceivedTextStream {
  public:
    SocketServerStream(ReceivedTextStream stream, int port) : ReceivedTextStream(std::move(stream)), port_(port) {}
    /// The port that is bound: the system's choice where 0 was asked for.
    int port() const { return port_; }

  private:
    int port_;
};

/// The lines that clients send to a TCP port: listens, where `socketTextStream` connects.
///
/// The port is bound at the call and accepts clients from the start on. The lines of one client are in order, those of
/// several are mixed as they arrive. All clients together have one buffer and one rate; where they are exhausted none
/// is read, and TCP makes them wait. A line that is too long is dropped and counted, and so is half a line at the stop;
/// what follows the last newline when a client disconnects is a line.
///
/// Shape:   as `socketTextStream`
/// Errors:  UsageError where `port` is not 0 to 65535, or an option is negative; IoError where it cannot be bound
SocketServerStream socketServerStream(const StreamingContext& ssc, int port, SocketServerOptions options = {},
                                      std::source_location where = std::source_location::current());

} // namespace rivulet
