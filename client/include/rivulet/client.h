#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

/// Sends records to a program that has an `ackedServerStream`, so that each counts there once, through crashes of
/// either side. Needs nothing else of Rivulet, and nothing but the standard library and sockets.
namespace rivulet::client {

/// What cannot be sent: a mistake in the call, or the server's refusal.
class ClientError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

struct Options {
    std::string host = "127.0.0.1";
    int port = 0;
    /// By what the server knows whose numbers these are: up to 64 bytes without blanks. One client at a time may use
    /// it. Empty: a new one, by which nothing can be gone on with after a crash.
    std::string name = {};
    /// Records that are not acknowledged are kept, up to so many bytes; then `send` waits.
    std::size_t bufferBytes = 16 << 20;
    /// The pauses between attempts to connect: twice as long each time, with jitter.
    std::chrono::milliseconds firstPause{100}, longestPause{30'000};
    std::chrono::milliseconds connectTimeout{10'000};
};

/// A sender of records, with a connection that it makes anew whenever it is lost.
///
///     Client client({.host = "localhost", .port = 9999, .name = "till-7"});
///     for (std::uint64_t n = client.stored() + 1; n <= receipts.size(); ++n) client.send(receipts[n - 1]);
///     if (!client.close(30s)) std::cerr << client.trouble() << '\n';
///
/// Records are numbered by the order of their `send`, after those that the server has of this name. What is not
/// acknowledged when the connection is lost is sent again. A program that crashed, and starts again with the same name,
/// learns from `stored` which of its records the server has, and goes on with the next.
///
/// Threads: any; one of its own writes and reads
class Client {
  public:
    /// Begins to connect.
    ///
    /// Errors: ClientError where an option cannot be
    explicit Client(Options options);
    /// Ends at once; what is not acknowledged may not have arrived.
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    static constexpr std::chrono::milliseconds kForever = std::chrono::milliseconds::max();

    /// Takes a record, of any bytes but a newline and without a carriage return at its end. Waits while the buffer is
    /// full; false where that took longer.
    ///
    /// Errors: ClientError for a record that cannot be sent, after `close`, and where the server has refused
    bool send(std::string_view record, std::chrono::milliseconds timeout = kForever);
    /// Waits until the server has acknowledged all that was sent; false where that took longer.
    ///
    /// Errors: ClientError where the server has refused
    bool flush(std::chrono::milliseconds timeout);
    /// Flushes, and ends. Returns whether all was acknowledged.
    bool close(std::chrono::milliseconds timeout);

    /// The number of the last record of this name that the server has stored; waits for the first connection.
    ///
    /// Errors: ClientError where that took longer, or the server has refused
    std::uint64_t stored(std::chrono::milliseconds timeout = kForever);
    /// How many records wait for their acknowledgement.
    std::size_t pending() const;
    const std::string& name() const;
    /// Why there is no connection; empty where there is one.
    std::string trouble() const;

  private:
    struct Impl;
    const std::unique_ptr<Impl> impl_;
};

} // namespace rivulet::client
