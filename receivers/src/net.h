#pragma once

#include "rivulet/clock.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

/// What receivers need of the network, without templates: Boost.Asio takes the compiler 6 s in every file that sees it,
/// so that one file alone does, `net.cpp`.
namespace rivulet::detail {

class IoPool;

/// Runs handlers on the I/O pool, one after the other.
///
/// Threads: any
class Strand {
  public:
    explicit Strand(IoPool& pool);
    void post(std::function<void()> handler) const;

    struct Impl;
    const Impl& impl() const { return *impl_; }

  private:
    std::shared_ptr<const Impl> impl_;
};

/// Waits on a strand for a time of the program's clock.
///
/// Threads: used on its strand alone
class StrandTimer {
  public:
    StrandTimer(const Strand& strand, std::shared_ptr<Clock> clock);
    ~StrandTimer();
    StrandTimer(const StrandTimer&) = delete;
    StrandTimer& operator=(const StrandTimer&) = delete;

    /// Calls `call` when it is this time, in place of what it was to call before.
    void callAt(Time time, std::function<void()> call);
    void callIn(Duration pause, std::function<void()> call) { callAt(clock_->now() + pause, std::move(call)); }
    void cancel();

  private:
    struct Impl;
    const std::shared_ptr<Clock> clock_;
    const std::shared_ptr<Impl> impl_;
};

/// The pauses between reads that bring little. They are of real time, because they are about calls of the system and
/// not about the program's time; those of one length end at the same moments, so that many connections are read in one
/// go.
///
/// Threads: used on its strand alone
class ReadPause {
  public:
    ReadPause(const Strand& strand, Duration length);
    ~ReadPause();
    /// Calls `call` when the pause that goes on now is over, unless it is cancelled.
    void wait(std::function<void()> call);
    void cancel();

  private:
    struct Impl;
    const std::unique_ptr<Impl> impl_;
};

/// One end of a TCP connection.
///
/// Threads: used on its strand alone
class Socket {
  public:
    struct Impl;

    explicit Socket(std::unique_ptr<Impl> impl);
    Socket(Socket&&) noexcept;
    ~Socket();

    /// Calls `done` with what has been read, when it is something, or with what went wrong. The buffer lasts as long as
    /// `done` does.
    void read(char* buffer, std::size_t sizeBytes, std::function<void(std::error_code, std::size_t)> done);
    /// Has `done` called as soon as may be, with what has been read by then or with an error.
    void cancelRead();
    /// Writes all of the bytes, which last until `done` is called with what went wrong, if anything. One at a time.
    void write(std::string_view bytes, std::function<void(std::error_code)> done);
    /// Reads what has arrived already; `wouldBlock` where it is nothing.
    std::size_t readArrived(char* buffer, std::size_t sizeBytes, std::error_code& error);
    /// From now on fewer bytes than these wake nobody, unless the peer closes.
    void wakeAt(std::size_t sizeBytes);
    /// Whether something has arrived that was not read yet.
    bool hasArrived() const;
    /// "127.0.0.1:40312"
    std::string peer() const;
    void close();

  private:
    std::unique_ptr<Impl> impl_;
};
/// Whether nothing has arrived.
bool isWouldBlock(const std::error_code& error);
/// Whether this is how the peer's close shows.
bool isEndOfFile(const std::error_code& error);

/// Connects to a server.
///
/// Threads: used on its strand alone
class Connector {
  public:
    /// Either with a socket or with the reason why there is none.
    using Done = std::function<void(std::unique_ptr<Socket> socket, const std::string& why)>;

    explicit Connector(const Strand& strand);
    ~Connector();
    void connect(const std::string& host, int port, Done done);
    /// Gives up; `done` is not called any more.
    void cancel();

  private:
    struct Impl;
    const std::shared_ptr<Impl> impl_;
};

/// Listens at a port.
///
/// Threads: used on its strand alone, and before the start
class Acceptor {
  public:
    /// Binds it; what cannot be is an error with its advice.
    Acceptor(const Strand& strand, const char* operation, const std::string& host, int port);
    ~Acceptor();
    int port() const;
    void listen();
    void accept(std::function<void(std::error_code, std::unique_ptr<Socket>)> done);
    void close();

  private:
    struct Impl;
    const std::unique_ptr<Impl> impl_;
};

} // namespace rivulet::detail
