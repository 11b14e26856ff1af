#include "connection.h"

#include "framing.h"
#include "io_pool.h"
#include "rivulet/log.h"

#include <future>
#include <set>

namespace rivulet {
namespace detail {
namespace {

/// Accepts clients and reads their lines. All handlers run on one strand.
class SocketServer final : public SocketReceiver, public std::enable_shared_from_this<SocketServer> {
  public:
    SocketServer(IoPool& pool, ReceivedInput& input, int port, const SocketServerOptions& options,
                 MakeFraming makeFraming)
        : strand_(pool),
          input_(input),
          blocks_(input.sharedBlocks()),
          maxConnections_(std::size_t(options.maxConnections)),
          makeFraming_(std::move(makeFraming)),
          acceptor_(strand_, "socketServerStream", options.host, port),
          again_(strand_, blocks_->sharedClock()) {
        settings_.readBytes = 64 << 10; // there may be many connections
        settings_.idleTimeout = options.idleTimeout;
        settings_.readPause = Connection::readPauseOf(blocks_->batchDuration());
    }
    int port() const { return acceptor_.port(); }

    void start() override {
        blocks_->onSpace([weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->resume();
        });
        acceptor_.listen();
        input_.tellStarted();
        strand_.post([self = shared_from_this()] { self->accept(); });
    }
    void stop() noexcept override {
        std::promise<void> closed;
        strand_.post([this, &closed] {
            stopping_ = true;
            acceptor_.close();
            again_.cancel();
            const auto open = std::exchange(connections_, {});
            if (open.empty()) return closed.set_value();
            const auto left = std::make_shared<std::size_t>(open.size());
            for (const auto& connection : open)
                connection->finish([left, &closed] {
                    if (--*left == 0) closed.set_value();
                });
        });
        closed.get_future().wait();
        input_.tellStopped();
    }

  private:
    void accept() {
        if (stopping_ || accepting_ || connections_.size() >= maxConnections_) return;
        accepting_ = true;
        acceptor_.accept([self = shared_from_this()](std::error_code error, std::unique_ptr<Socket> socket) {
            self->accepting_ = false;
            if (self->stopping_) return;
            if (error) return self->acceptLater(error);
            self->receive(std::move(*socket));
            self->accept();
        });
    }
    /// No descriptors are left, for example; the clients that there are go on.
    void acceptLater(std::error_code error) {
        logWarn("socketServerStream: cannot accept a client: " + error.message());
        input_.tellError("cannot accept a client: " + error.message(), nullptr);
        again_.callIn(Duration(100), [self = shared_from_this()] { self->accept(); });
    }
    void receive(Socket socket) {
        const std::string peer = socket.peer();
        const auto slot = std::make_shared<std::weak_ptr<Connection>>();
        auto connection =
            std::make_shared<Connection>(strand_, std::move(socket), blocks_, makeFraming_(peer, *blocks_), settings_,
                                         [weak = weak_from_this(), slot, peer](const std::string& why) {
                                             logInfo("socketServerStream: lost the connection to " + peer + ": " + why);
                                             const auto self = weak.lock();
                                             if (!self) return;
                                             self->connections_.erase(slot->lock());
                                             self->accept();
                                         });
        *slot = connection;
        connections_.insert(connection);
        connection->start();
    }
    /// A batch has taken what waited. Whoever is served first gets most of the room, so that is not always the same.
    void resume() {
        strand_.post([self = shared_from_this()] {
            const std::vector<std::shared_ptr<Connection>> waiting(self->connections_.begin(),
                                                                   self->connections_.end());
            for (std::size_t i = 0; i < waiting.size(); ++i) waiting[(i + self->turn_) % waiting.size()]->resume();
            ++self->turn_;
        });
    }

    Strand strand_;
    ReceivedInput& input_; // stops this before it goes
    const std::shared_ptr<ReceivedBlocks> blocks_;
    const std::size_t maxConnections_;
    const MakeFraming makeFraming_;
    Connection::Settings settings_;

    // Used on the strand alone (and before the start).
    Acceptor acceptor_;
    StrandTimer again_;
    std::set<std::shared_ptr<Connection>> connections_;
    std::size_t turn_ = 0;
    bool stopping_ = false, accepting_ = false;
};

} // namespace
} // namespace detail

SocketServerStream socketServerStream(const StreamingContext& ssc, int port, SocketServerOptions options,
                                      std::source_location where) {
    if (port < 0 || port > 65535)
        throw UsageError("socketServerStream: port " + std::to_string(port) +
                             " does not exist; ports are 1 to 65535, and 0 means one that is free",
                         where);
    if (options.maxConnections < 1)
        throw UsageError("socketServerStream: maxConnections is " + std::to_string(options.maxConnections) +
                             "; it must be at least 1",
                         where);
    if (options.idleTimeout < Duration::zero())
        throw UsageError("socketServerStream: idleTimeout (" + detail::durationText(options.idleTimeout) +
                             ") must not be negative; 0 means that idle connections stay",
                         where);
    const auto& core = ssc.core();
    core->requireOpen("socketServerStream", where);
    const std::size_t maxLineBytes = options.maxLineBytes > 0 ? options.maxLineBytes : detail::maxRecordBytes(ssc);
    using Node = detail::SocketNode<detail::ReceivedLines>;
    auto node = std::make_shared<Node>(core, CallSite{"socketServerStream", where}, "Socket server stream");
    int bound = 0;
    node->use(detail::withPool(*core, [&](detail::IoPool& pool) {
        auto server = std::make_shared<detail::SocketServer>(pool, *node, port, options,
                                                             detail::lineFraming("socketServerStream", maxLineBytes));
        bound = server->port();
        return server;
    }));
    detail::ReceivedInput::declare(*core, node);
    using Root = detail::StreamNode<detail::ReceivedRdd<detail::ReceivedLines>>;
    return SocketServerStream(ReceivedTextStream(detail::NodeRecipe<Root>(std::move(node))), bound);
}

} // namespace rivulet
