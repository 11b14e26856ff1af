#pragma once

#include <atomic>
#include <exception>
#include <string>
#include <thread>
#include <vector>

/// Serves the lines of text files, over and over, to one TCP client on the loopback: the outside world of the demo.
/// Knows nothing of Rivulet, and counts what it has sent by itself.
///
/// Threads: one of its own sends; the others' calls may come from any
class Feeder {
  public:
    /// Listens on a port that the system chooses. `linesPerSecond` 0: as fast as the client takes them.
    ///
    /// Errors: std::runtime_error where a file cannot be read, or where none holds a line
    Feeder(std::vector<std::string> files, double linesPerSecond);
    ~Feeder();

    int port() const { return port_; }
    std::size_t fileCount() const { return files_.size(); }
    /// Ends the sending after a whole line and returns when it has ended. The connection stays open until the feeder
    /// goes: closing it would look like a failure to the client.
    ///
    /// Errors: throws what ended the sending before, if anything did
    void stop();
    long sentLines() const { return sentLines_; }
    long sentWords() const { return sentWords_; }

  private:
    void run(std::stop_token stop);
    bool waitFor(int socket, short events, int timeoutMs) const;
    bool send(std::string_view text);

    const std::vector<std::string> files_;
    const double linesPerSecond_;
    int listener_ = -1, wakeUp_ = -1, client_ = -1;
    int port_ = 0;
    std::atomic<long> sentLines_ = 0, sentWords_ = 0;
    std::exception_ptr failure_; // of the thread; read when it has ended
    std::jthread thread_;
};

/// Whether certainly nobody listens at an address of this machine; false where that cannot be told. Connects to
/// nothing, so that a server which serves one client is not taken by the question.
bool isRefused(const std::string& host, const std::string& port);
