#pragma once

#include <rivulet/client.h>

#include <atomic>
#include <exception>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

/// Sends the lines of texts, over and over, by the client library, and counts their words by itself.
///
/// Threads: one of its own sends; the others' calls may come from any
class Sender {
  public:
    Sender(const std::vector<std::string>& files, int port, long linesPerSecond);

    long words() const { return words_; }
    long pending() const { return long(client_.pending()); }
    /// Ends the sending, and returns when all is acknowledged.
    ///
    /// Errors: throws what ended it before
    void finish();
    /// After the end.
    const std::unordered_map<std::string, long>& counts() const { return counts_; }

  private:
    void run(const std::stop_token& stop);
    void countWords(const std::string& line);

    const long linesPerSecond_;
    std::vector<std::string> lines_;
    rivulet::client::Client client_;
    std::atomic<long> words_ = 0;
    std::unordered_map<std::string, long> counts_; // of the thread, until it has ended
    std::exception_ptr failure_;
    std::jthread thread_;
};

/// Texts that every Debian has.
std::vector<std::string> installedLicenses();
