#pragma once

#include <utility> // Asio needs it first

#include "rivulet/socket_stream.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <deque>

namespace rivulet::detail {

using Strand = boost::asio::strand<boost::asio::io_context::executor_type>;
using TcpSocket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Strand>;

/// One connection, from its first byte to its end: reads where there are room and permits for what was read before.
///
/// Threads: used on its strand alone
class Connection : public std::enable_shared_from_this<Connection> {
  public:
    struct Settings {
        std::size_t readBytes = 256 << 10;
        Duration idleTimeout{}; // 0: none
    };
    using OnEnd = std::function<void(const std::string& why)>;

    /// `onEnd` is called once, when all that came has been put; not after `finish`.
    Connection(TcpSocket socket, std::shared_ptr<ReceivedBlocks> blocks, std::unique_ptr<Framing> framing,
               Settings settings, OnEnd onEnd);
    void start();
    /// There may be room again.
    void resume() { pump(); }
    /// A stop: puts what has arrived already, as far as there is room for it, and closes. Whoever stopped sending has
    /// lost nothing.
    void finish();

  private:
    void read();
    void take(std::string_view bytes);
    void pump();
    void pumpAt(Time time);
    void watchIdle();
    void end(std::string why);
    void close();

    TcpSocket socket_;
    boost::asio::steady_timer pace_, idle_;
    const std::shared_ptr<ReceivedBlocks> blocks_;
    const std::unique_ptr<Framing> framing_;
    const Settings settings_;
    OnEnd onEnd_;
    const std::unique_ptr<char[]> buffer_;
    std::deque<ReceivedBlock> pending_; // refused so far
    std::string why_;                   // of the end
    bool reading_ = false, readSinceLook_ = false, ended_ = false, closed_ = false;
};

} // namespace rivulet::detail
