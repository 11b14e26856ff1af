#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>

namespace bench {

/// A TCP server on a free loopback port that sends lines "<nanoseconds> <word> <word> ..." at a steady rate, to one
/// client.
///
/// The time stamp is that of steady_clock when the line was due, so a line that waits for a slow reader shows its wait.
class LineFeeder {
  public:
    /// Errors: std::system_error if no port can be had
    explicit LineFeeder(int linesPerSecond);
    ~LineFeeder();
    LineFeeder(const LineFeeder&) = delete;
    LineFeeder& operator=(const LineFeeder&) = delete;

    int port() const { return port_; }
    std::uint64_t linesSent() const { return linesSent_; }
    /// Ends the lines and the connection; whoever reads sees the end of the stream.
    void stop();
    /// Processor time that the feeder took; known when it has stopped.
    double cpuSeconds() const { return cpuSeconds_; }

  private:
    void serve(std::stop_token stop);
    void feed(std::stop_token stop, int client);

    const int linesPerSecond_;
    int listener_ = -1;
    int port_ = 0;
    std::atomic<std::uint64_t> linesSent_ = 0;
    double cpuSeconds_ = 0; // written by the thread at its end
    std::jthread thread_;
};

/// When the line of a feeder was due, in nanoseconds of steady_clock.
std::int64_t stampOf(std::string_view line);

} // namespace bench
