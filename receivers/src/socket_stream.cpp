#include "connection.h"

#include "framing.h"
#include "io_pool.h"
#include "rivulet/log.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/post.hpp>

#include <future>

namespace rivulet {
namespace detail {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/// Connects to a server, and again, after a pause, whenever that fails or ends. All handlers run on one strand.
class SocketClient final : public SocketReceiver, public std::enable_shared_from_this<SocketClient> {
  public:
    SocketClient(asio::io_context& io, ReceivedInput& input, SocketAddress address, MakeFraming makeFraming)
        : strand_(asio::make_strand(io)),
          input_(input),
          blocks_(input.sharedBlocks()),
          address_(std::move(address)),
          makeFraming_(std::move(makeFraming)),
          backoff_(input.backoff()),
          resolver_(strand_),
          socket_(strand_),
          timer_(strand_) {}

    void start() override {
        blocks_->onSpace([weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->resume();
        });
        input_.tellStarted();
        asio::post(strand_, [self = shared_from_this()] { self->connect(); });
    }
    void stop() noexcept override {
        std::promise<void> closed;
        asio::post(strand_, [this, &closed] {
            stopping_ = true;
            resolver_.cancel();
            timer_.cancel();
            error_code ignored;
            socket_.close(ignored);
            if (connection_) connection_->finish();
            connection_.reset();
            closed.set_value();
        });
        closed.get_future().wait();
        input_.tellStopped();
    }

  private:
    std::string peer() const { return address_.host + ":" + std::to_string(address_.port); }

    void connect() {
        if (stopping_) return;
        resolver_.async_resolve(
            address_.host, std::to_string(address_.port),
            [self = shared_from_this()](error_code error, const tcp::resolver::results_type& found) {
                if (self->stopping_) return;
                if (error) return self->restart("cannot resolve " + self->peer() + ": " + error.message());
                self->connectTo(found);
            });
    }
    void connectTo(const tcp::resolver::results_type& found) {
        asio::async_connect(socket_, found, [self = shared_from_this()](error_code error, const tcp::endpoint&) {
            if (self->stopping_) return;
            if (error) return self->restart("cannot connect to " + self->peer() + ": " + error.message());
            self->receive();
        });
    }
    void receive() {
        logInfo(std::string(address_.operation) + ": connected to " + peer());
        backoff_.reset();
        connection_ = std::make_shared<Connection>(
            std::exchange(socket_, TcpSocket(strand_)), blocks_, makeFraming_(peer(), *blocks_), Connection::Settings(),
            [weak = weak_from_this()](const std::string& why) {
                if (const auto self = weak.lock()) self->restart("lost the connection to " + self->peer() + ": " + why);
            });
        connection_->start();
    }
    void restart(const std::string& why) {
        if (stopping_) return;
        const Duration pause = backoff_.next();
        logWarn(std::string(address_.operation) + ": " + why + "; trying again in " + durationText(pause));
        input_.tellError(why, nullptr);
        connection_.reset();
        error_code ignored;
        socket_.close(ignored);
        timer_.expires_after(pause);
        timer_.async_wait([self = shared_from_this()](error_code cancelled) {
            if (!cancelled) self->connect();
        });
    }
    /// A batch has taken what waited.
    void resume() {
        asio::post(strand_, [self = shared_from_this()] {
            if (self->connection_) self->connection_->resume();
        });
    }

    Strand strand_;
    ReceivedInput& input_; // stops this before it goes
    const std::shared_ptr<ReceivedBlocks> blocks_;
    const SocketAddress address_;
    const MakeFraming makeFraming_;

    // Used on the strand alone.
    Backoff backoff_;
    asio::ip::basic_resolver<tcp, Strand> resolver_;
    TcpSocket socket_; // until it is connected
    asio::steady_timer timer_;
    std::shared_ptr<Connection> connection_;
    bool stopping_ = false;
};

} // namespace

std::shared_ptr<SocketReceiver> makeSocketClient(StreamCore& core, ReceivedInput& input, SocketAddress address,
                                                 MakeFraming makeFraming) {
    return withPool(core, [&](asio::io_context& io) {
        return std::make_shared<SocketClient>(io, input, std::move(address), std::move(makeFraming));
    });
}

void checkSocketAddress(const SocketAddress& address, std::source_location where) {
    if (address.port < 1 || address.port > 65535)
        throw UsageError(std::string(address.operation) + ": port " + std::to_string(address.port) +
                             " does not exist; ports are 1 to 65535",
                         where);
}

void checkDecoded(const std::string& peer, std::size_t taken, std::size_t given, std::size_t maxRestBytes) {
    if (taken > given)
        throw IoError("socketStream: the decoder says that it used " + std::to_string(taken) + " bytes from " + peer +
                      " but was given " + std::to_string(given));
    if (given - taken > maxRestBytes)
        throw IoError("socketStream: a record from " + peer + " has more than " + std::to_string(maxRestBytes) +
                      " bytes; raise rivulet.streaming.receiver.maxLineBytes to take it");
}

std::size_t maxRecordBytes(const StreamingContext& ssc) {
    return std::size_t(ssc.context().conf().getBytes("rivulet.streaming.receiver.maxLineBytes"));
}

} // namespace detail

ReceivedTextStream socketTextStream(const StreamingContext& ssc, const std::string& host, int port,
                                    std::source_location where) {
    return detail::socketClientStream<detail::ReceivedLines>(
        ssc, {"socketTextStream", host, port}, detail::lineFraming("socketTextStream", detail::maxRecordBytes(ssc)),
        where);
}

ReceivedFrameStream rawSocketStream(const StreamingContext& ssc, const std::string& host, int port,
                                    std::source_location where) {
    return detail::socketClientStream<detail::ReceivedFrames>(
        ssc, {"rawSocketStream", host, port}, detail::lengthFraming("rawSocketStream", detail::maxRecordBytes(ssc)),
        where);
}

} // namespace rivulet
