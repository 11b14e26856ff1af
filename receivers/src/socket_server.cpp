#include "socket_server.h"

#include "framing.h"
#include "io_pool.h"
#include "rivulet/log.h"

#include <future>

namespace rivulet {
namespace detail {

SocketServer::SocketServer(IoPool& pool, ReceivedInput& input, const char* operation, int port,
                           const SocketServerOptions& options, MakeFraming makeFraming)
    : strand_(pool),
      operation_(operation),
      input_(input),
      blocks_(input.sharedBlocks()),
      maxConnections_(std::size_t(options.maxConnections)),
      makeFraming_(std::move(makeFraming)),
      acceptor_(strand_, operation, options.host, port),
      again_(strand_, blocks_->sharedClock()) {
    settings_.readBytes = 64 << 10; // there may be many connections
    settings_.idleTimeout = options.idleTimeout;
    settings_.readPause = Connection::readPauseOf(blocks_->batchDuration());
}

void SocketServer::start() {
    blocks_->onSpace([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->resume();
    });
    acceptor_.listen();
    input_.tellStarted();
    strand_.post([self = shared_from_this()] { self->accept(); });
}

void SocketServer::stop() noexcept {
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

void SocketServer::accept() {
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
void SocketServer::acceptLater(std::error_code error) {
    logWarn(std::string(operation_) + ": cannot accept a client: " + error.message());
    input_.tellError("cannot accept a client: " + error.message(), nullptr);
    again_.callIn(Duration(100), [self = shared_from_this()] { self->accept(); });
}

void SocketServer::receive(Socket socket) {
    const std::string peer = socket.peer();
    const auto slot = std::make_shared<std::weak_ptr<Connection>>();
    auto connection = connectionOf(
        peer, std::move(socket), [weak = weak_from_this(), operation = operation_, slot, peer](const std::string& why) {
            logInfo(std::string(operation) + ": lost the connection to " + peer + ": " + why);
            if (const auto self = weak.lock()) self->forget(slot->lock());
        });
    *slot = connection;
    connections_.insert(connection);
    connection->start();
}

std::shared_ptr<Connection> SocketServer::connectionOf(const std::string& peer, Socket socket,
                                                       Connection::OnEnd onEnd) {
    return std::make_shared<Connection>(strand_, std::move(socket), blocks_, makeFraming_(peer, *blocks_), settings_,
                                        std::move(onEnd));
}

void SocketServer::forget(const std::shared_ptr<Connection>& connection) {
    connections_.erase(connection);
    accept();
}

/// A batch has taken what waited. Whoever is served first gets most of the room, so that is not always the same.
void SocketServer::resume() {
    strand_.post([self = shared_from_this()] {
        const std::vector<std::shared_ptr<Connection>> waiting(self->connections_.begin(), self->connections_.end());
        for (std::size_t i = 0; i < waiting.size(); ++i) waiting[(i + self->turn_) % waiting.size()]->resume();
        ++self->turn_;
    });
}

namespace {

void checkSocketServer(const char* operation, int port, const SocketServerOptions& options,
                       std::source_location where) {
    const std::string name(operation);
    if (port < 0 || port > 65535)
        throw UsageError(name + ": port " + std::to_string(port) +
                             " does not exist; ports are 1 to 65535, and 0 means one that is free",
                         where);
    if (options.maxConnections < 1)
        throw UsageError(
            name + ": maxConnections is " + std::to_string(options.maxConnections) + "; it must be at least 1", where);
    if (options.idleTimeout < Duration::zero())
        throw UsageError(name + ": idleTimeout (" + durationText(options.idleTimeout) +
                             ") must not be negative; 0 means that idle connections stay",
                         where);
}

} // namespace

SocketServerStream serverStream(const StreamingContext& ssc, const ServerKind& kind, int port,
                                const SocketServerOptions& options, std::source_location where) {
    checkSocketServer(kind.operation, port, options, where);
    const auto& core = ssc.core();
    core->requireOpen(kind.operation, where);
    const std::size_t maxLineBytes = options.maxLineBytes > 0 ? options.maxLineBytes : maxRecordBytes(ssc);
    auto node = std::make_shared<SocketNode<ReceivedLines>>(core, CallSite{kind.operation, where}, kind.name);
    if (kind.alwaysWritesAhead) node->alwaysWriteAhead();
    int bound = 0;
    node->use(withPool(*core, [&](IoPool& pool) {
        auto server = kind.make(pool, *node, maxLineBytes);
        bound = server->port();
        return server;
    }));
    ReceivedInput::declare(*core, node);
    using Root = StreamNode<ReceivedRdd<ReceivedLines>>;
    return SocketServerStream(ReceivedTextStream(NodeRecipe<Root>(std::move(node))), bound);
}

} // namespace detail

SocketServerStream socketServerStream(const StreamingContext& ssc, int port, SocketServerOptions options,
                                      std::source_location where) {
    constexpr const char* kOperation = "socketServerStream";
    const auto make = [&](detail::IoPool& pool, detail::ReceivedInput& input, std::size_t maxLineBytes) {
        return std::make_shared<detail::SocketServer>(pool, input, kOperation, port, options,
                                                      detail::lineFraming(kOperation, maxLineBytes));
    };
    return detail::serverStream(ssc, {.operation = kOperation, .name = "Socket server stream", .make = make}, port,
                                options, where);
}

} // namespace rivulet
