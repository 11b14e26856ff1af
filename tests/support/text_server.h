#pragma once

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

/// A TCP server for tests: on the loopback, at a port that the system chooses, sending what the test tells it.
namespace rivulet::test {

/// A file descriptor that is closed with its owner.
class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {
        if (fd_ < 0) throw std::runtime_error(std::string("no descriptor: ") + std::strerror(errno));
    }
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor() { close(); }
    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }
    int get() const { return fd_; }
    /// Whether `events` come true within so many milliseconds.
    bool ready(short events, int milliseconds) const {
        pollfd entry{fd_, events, 0};
        return ::poll(&entry, 1, milliseconds) == 1;
    }

  private:
    int fd_;
};

class TextServer {
  public:
    static constexpr int kPatience = 30'000; // milliseconds after which a test that hangs fails

    /// One client.
    class Connection {
      public:
        explicit Connection(Descriptor socket) : socket_(std::move(socket)) {}

        /// Sends all of it, waiting as long as the client does not read.
        void send(std::string_view bytes) {
            while (!bytes.empty()) {
                const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
                if (sent < 0) throw std::runtime_error(std::string("send: ") + std::strerror(errno));
                bytes.remove_prefix(std::size_t(sent));
            }
        }
        /// Sends until nothing more has been taken for a while, and returns how many bytes were.
        std::size_t sendUntilBlocked(std::string_view bytes, int quietMilliseconds = 200) {
            std::size_t taken = 0;
            while (taken < bytes.size() && socket_.ready(POLLOUT, quietMilliseconds)) {
                const ssize_t sent =
                    ::send(socket_.get(), bytes.data() + taken, bytes.size() - taken, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (sent > 0) taken += std::size_t(sent);
            }
            return taken;
        }
        /// The next line that the client sends, without its end; waits for it. Empty where it has closed its side.
        std::string readLine() {
            for (;;) {
                if (const auto end = received_.find('\n'); end != received_.npos) {
                    std::string line = received_.substr(0, end);
                    received_.erase(0, end + 1);
                    return line;
                }
                char bytes[4096];
                if (!socket_.ready(POLLIN, kPatience)) throw std::runtime_error("no line has come");
                const ssize_t size = ::recv(socket_.get(), bytes, sizeof bytes, 0);
                if (size <= 0) return {};
                received_.append(bytes, std::size_t(size));
            }
        }
        void close() { socket_.close(); }
        /// The client is told that no more comes.
        void closeSending() { ::shutdown(socket_.get(), SHUT_WR); }
        /// Waits until the client has closed its side.
        bool closedByClient() const { return closedWithin(kPatience); }
        /// Whether it has.
        bool isClosedByClient() const { return closedWithin(0); }

      private:
        bool closedWithin(int milliseconds) const {
            char byte;
            return socket_.ready(POLLIN, milliseconds) && ::recv(socket_.get(), &byte, 1, 0) <= 0;
        }
        Descriptor socket_;
        std::string received_; // and not read
    };

    enum class Begin { Listening, Refusing };

    explicit TextServer(Begin begin = Begin::Listening) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
            ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
            throw std::runtime_error(std::string("bind: ") + std::strerror(errno));
        port_ = ntohs(address.sin_port);
        if (begin == Begin::Listening) listen();
    }
    /// Until it is called, a server that begins refusing refuses connections.
    void listen() {
        if (::listen(socket_.get(), 16) != 0) throw std::runtime_error(std::string("listen: ") + std::strerror(errno));
    }
    int port() const { return port_; }
    /// Whether a client has connected that was not accepted yet.
    bool hasClient() const { return socket_.ready(POLLIN, 0); }
    /// Waits for the next client.
    Connection accept() { return Connection(acceptSocket()); }
    Descriptor acceptSocket() {
        if (!socket_.ready(POLLIN, kPatience)) throw std::runtime_error("nobody has connected");
        return Descriptor(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }

  private:
    Descriptor socket_;
    int port_ = 0;
};

} // namespace rivulet::test
