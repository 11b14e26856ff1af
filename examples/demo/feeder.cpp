#include "feeder.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <netdb.h>
#include <poll.h>
#include <stdexcept>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTickMs = 2;                // how often lines are sent: finer than the finest batch that one can see
constexpr long kMostLinesPerChunk = 1000; // how much is read ahead of a client that does not read

int checked(int result, const char* call) {
    if (result < 0) throw std::runtime_error(std::string("feeder: ") + call + ": " + std::strerror(errno));
    return result;
}

/// Counts as the library does, but with code of its own, because the two counts are compared at the end.
long countWords(std::string_view text) {
    long count = 0;
    bool inWord = false;
    for (const char c : text) {
        const bool isSpace = static_cast<unsigned char>(c) <= ' ';
        count += !isSpace && !inWord;
        inWord = !isSpace;
    }
    return count;
}

void requireLines(const std::vector<std::string>& files) {
    std::uintmax_t size = 0;
    for (const std::string& file : files) {
        std::error_code error;
        if (std::filesystem::is_directory(file, error)) throw std::runtime_error(file + " is a directory; name files");
        errno = 0;
        if (!std::ifstream(file)) throw std::runtime_error("cannot read " + file + ": " + std::strerror(errno));
        if (!std::filesystem::is_regular_file(file, error)) throw std::runtime_error(file + " is not a regular file");
        size += std::filesystem::file_size(file);
    }
    if (size == 0) throw std::runtime_error("there is no line in any of the files");
}

/// The lines of all files, one file after the other, endlessly.
class EndlessLines {
  public:
    explicit EndlessLines(const std::vector<std::string>& files) : files_(files) {}

    void appendNext(std::string& text) {
        while (!std::getline(file_, line_)) {
            // Files may be truncated while they are read; a round without any line would never end.
            if (next_ == files_.size() && !std::exchange(lineInRound_, false))
                throw std::runtime_error("feeder: the files have become empty");
            if (next_ == files_.size()) next_ = 0;
            file_ = std::ifstream(files_[next_++]);
        }
        lineInRound_ = true;
        text += line_;
        text += '\n';
    }

  private:
    const std::vector<std::string>& files_;
    std::size_t next_ = 0;
    std::ifstream file_;
    std::string line_;
    bool lineInRound_ = true;
};

} // namespace

Feeder::Feeder(std::vector<std::string> files, double linesPerSecond)
    : files_(std::move(files)),
      linesPerSecond_(linesPerSecond) {
    requireLines(files_);
    listener_ = checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    checked(::bind(listener_, generic, size), "bind");
    checked(::listen(listener_, 1), "listen");
    checked(::getsockname(listener_, generic, &size), "getsockname");
    port_ = ntohs(address.sin_port);
    wakeUp_ = checked(::eventfd(0, EFD_CLOEXEC), "eventfd");
    thread_ = std::jthread([this](std::stop_token stop) {
        try {
            run(std::move(stop));
        } catch (...) {
            failure_ = std::current_exception();
        }
    });
}

Feeder::~Feeder() {
    try {
        stop();
    } catch (...) {
        // Whoever wants to know calls stop().
    }
    for (const int descriptor : {listener_, wakeUp_, client_})
        if (descriptor >= 0) ::close(descriptor);
}

void Feeder::stop() {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    ::eventfd_write(wakeUp_, 1);
    thread_.join();
    if (failure_) std::rethrow_exception(failure_);
}

/// True when the socket is ready; false when the time is over or a stop is requested.
bool Feeder::waitFor(int socket, short events, int timeoutMs) const {
    pollfd waited[] = {{wakeUp_, POLLIN, 0}, {socket, events, 0}};
    const int ready = ::poll(waited, 2, timeoutMs);
    if (ready < 0 && errno != EINTR) checked(ready, "poll");
    return ready > 0 && !waited[0].revents;
}

/// Sends whole lines and counts them. False where the client has gone, or is slow while a stop is requested: then the
/// lines that it got in part are not counted.
bool Feeder::send(std::string_view text) {
    std::size_t sent = 0;
    bool goOn = true;
    while (goOn && sent < text.size()) {
        const ssize_t size = ::send(client_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size >= 0) {
            sent += std::size_t(size);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            // A line that was begun is completed, for which a client that still reads needs no longer than this.
            const bool inLine = sent > 0 && text[sent - 1] != '\n';
            goOn = waitFor(client_, POLLOUT, -1);
            if (!goOn && inLine) {
                text = text.substr(0, text.find('\n', sent) + 1);
                pollfd waited{client_, POLLOUT, 0};
                goOn = ::poll(&waited, 1, 1000) > 0;
            }
        } else {
            goOn = errno == EINTR;
        }
    }
    const std::string_view whole = text.substr(0, text.substr(0, sent).rfind('\n') + 1);
    sentLines_ += std::count(whole.begin(), whole.end(), '\n');
    sentWords_ += countWords(whole);
    return goOn;
}

void Feeder::run(std::stop_token stop) {
    while (client_ < 0) {
        if (!waitFor(listener_, POLLIN, -1)) {
            if (stop.stop_requested()) return;
            continue;
        }
        client_ = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    }
    EndlessLines lines(files_);
    std::string chunk;
    const auto begin = Clock::now();
    long read = 0;
    while (!stop.stop_requested()) {
        const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
        const long due = linesPerSecond_ == 0 ? read + kMostLinesPerChunk : long(seconds * linesPerSecond_);
        if (due <= read) {
            waitFor(-1, 0, kTickMs);
            continue;
        }
        chunk.clear();
        for (const long end = std::min(due, read + kMostLinesPerChunk); read < end; ++read) lines.appendNext(chunk);
        if (!send(chunk)) return;
    }
}

bool isRefused(const std::string& host, const std::string& port) {
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found))
        throw std::runtime_error("cannot find the host " + host + ": " + ::gai_strerror(error));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, ::freeaddrinfo);
    // A port that can be bound is one that nobody listens at.
    for (const addrinfo* at = found; at; at = at->ai_next) {
        const int socket = ::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (socket < 0) continue; // a kind of address that this machine does not have
        const int on = 1;
        ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (at->ai_family == AF_INET6) ::setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
        const bool free = ::bind(socket, at->ai_addr, at->ai_addrlen) == 0;
        ::close(socket);
        if (!free) return false;
    }
    return true;
}
