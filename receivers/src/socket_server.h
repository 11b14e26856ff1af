#pragma once

#include "connection.h"

#include <set>

namespace rivulet::detail {

/// Accepts clients and reads what they send. All handlers run on one strand.
class SocketServer : public SocketReceiver, public std::enable_shared_from_this<SocketServer> {
  public:
    SocketServer(IoPool& pool, ReceivedInput& input, const char* operation, int port,
                 const SocketServerOptions& options, MakeFraming makeFraming);
    int port() const { return acceptor_.port(); }
    void start() override;
    void stop() noexcept override;
    /// Runs on its strand, soon.
    void post(std::function<void()> call) const { strand_.post(std::move(call)); }

  protected:
    virtual std::shared_ptr<Connection> connectionOf(const std::string& peer, Socket socket, Connection::OnEnd onEnd);
    /// Forgets a connection that was abandoned.
    void forget(const std::shared_ptr<Connection>& connection);

    const Strand strand_;
    const char* const operation_;
    ReceivedInput& input_; // stops this before it goes
    const std::shared_ptr<ReceivedBlocks> blocks_;
    Connection::Settings settings_;

  private:
    void accept();
    void acceptLater(std::error_code error);
    void receive(Socket socket);
    void resume();

    const std::size_t maxConnections_;
    const MakeFraming makeFraming_;

    // Used on the strand alone (and before the start).
    Acceptor acceptor_;
    StrandTimer again_;
    std::set<std::shared_ptr<Connection>> connections_;
    std::size_t turn_ = 0;
    bool stopping_ = false, accepting_ = false;
};

/// What the streams that listen differ in.
struct ServerKind {
    const char* operation; // as users write it
    const char* name;      // as listeners see it
    bool alwaysWritesAhead = false;
    std::function<std::shared_ptr<SocketServer>(IoPool& pool, ReceivedInput& input, std::size_t maxLineBytes)> make;
};

/// Checks what a program asks of a server, and makes it an input of the program.
SocketServerStream serverStream(const StreamingContext& ssc, const ServerKind& kind, int port,
                                const SocketServerOptions& options, std::source_location where);

} // namespace rivulet::detail
