#include "connection.h"

#include "framing.h"
#include "io_pool.h"
#include "rivulet/log.h"

#include <future>

namespace rivulet {
namespace detail {
namespace {

/// Connects to a server, and again, after a pause, whenever that fails or ends. All handlers run on one strand.
class SocketClient final : public SocketReceiver, public std::enable_shared_from_this<SocketClient> {
  public:
    SocketClient(IoPool& pool, ReceivedInput& input, SocketAddress address, MakeFraming makeFraming)
        : strand_(pool),
          input_(input),
          blocks_(input.sharedBlocks()),
          address_(std::move(address)),
          makeFraming_(std::move(makeFraming)),
          connector_(strand_),
          timer_(strand_, blocks_->sharedClock()) {}

    void start() override {
        blocks_->onSpace([weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->resume();
        });
        backoff_.emplace(input_.backoff());
        input_.tellStarted();
        strand_.post([self = shared_from_this()] { self->connect(); });
    }
    void stop() noexcept override {
        std::promise<void> closed;
        strand_.post([this, &closed] {
            stopping_ = true;
            connector_.cancel();
            timer_.cancel();
            if (!connection_) return closed.set_value();
            std::exchange(connection_, nullptr)->finish([&closed] { closed.set_value(); });
        });
        closed.get_future().wait();
        input_.tellStopped();
    }

  private:
    std::string peer() const { return address_.host + ":" + std::to_string(address_.port); }

    void connect() {
        if (stopping_) return;
        connector_.connect(address_.host, address_.port,
                           [self = shared_from_this()](std::unique_ptr<Socket> socket, const std::string& why) {
                               if (self->stopping_) return;
                               if (!socket) return self->restart(why);
                               self->receive(std::move(*socket));
                           });
    }
    void receive(Socket socket) {
        logInfo(std::string(address_.operation) + ": connected to " + peer());
        backoff_->reset();
        Connection::Settings settings;
        settings.readPause = Connection::readPauseOf(blocks_->batchDuration());
        connection_ =
            std::make_shared<Connection>(strand_, std::move(socket), blocks_, makeFraming_(peer(), *blocks_), settings,
                                         [weak = weak_from_this()](const std::string& why) {
                                             if (const auto self = weak.lock())
                                                 self->restart("lost the connection to " + self->peer() + ": " + why);
                                         });
        connection_->start();
    }
    void restart(const std::string& why) {
        if (stopping_) return;
        const Duration pause = backoff_->next();
        timer_.callIn(pause, [self = shared_from_this()] { self->connect(); });
        logWarn(std::string(address_.operation) + ": " + why + "; trying again in " + durationText(pause));
        input_.tellError(why, nullptr);
        connection_.reset();
    }
    /// A batch has taken what waited.
    void resume() {
        strand_.post([self = shared_from_this()] {
            if (self->connection_) self->connection_->resume();
        });
    }

    Strand strand_;
    ReceivedInput& input_; // stops this before it goes
    const std::shared_ptr<ReceivedBlocks> blocks_;
    const SocketAddress address_;
    const MakeFraming makeFraming_;

    // Used on the strand alone.
    std::optional<Backoff> backoff_;
    Connector connector_;
    StrandTimer timer_; // of the pause
    std::shared_ptr<Connection> connection_;
    bool stopping_ = false;
};

} // namespace

std::shared_ptr<SocketReceiver> makeSocketClient(StreamCore& core, ReceivedInput& input, SocketAddress address,
                                                 MakeFraming makeFraming) {
    return withPool(core, [&](IoPool& pool) {
        return std::make_shared<SocketClient>(pool, input, std::move(address), std::move(makeFraming));
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
