#include "rivulet/client.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <mutex>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <poll.h>
#include <random>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace rivulet::client {
namespace {

using Milliseconds = std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

constexpr std::size_t kMaxNameBytes = 64;
constexpr std::size_t kRecordOverhead = 64; // what a record takes in memory beside its bytes
constexpr std::size_t kWriteBytes = 64 << 10;
constexpr std::size_t kMaxReplyBytes = 64 << 10; // a server that sends more without a newline is none

std::string errorText(int error) { return std::generic_category().message(error); }

class Descriptor {
  public:
    explicit Descriptor(int fd = -1) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

  private:
    int fd_;
};

/// For poll: -1 waits for ever.
int pollTimeout(std::optional<Steady::time_point> deadline) {
    if (!deadline) return -1;
    const auto left = std::chrono::ceil<Milliseconds>(*deadline - Steady::now()).count();
    return int(std::clamp<long long>(left, 0, 1 << 30));
}

void checkOptions(const Options& options) {
    if (options.host.empty()) throw ClientError("client: the host has no name; give the server's name or address");
    if (options.port < 1 || options.port > 65535)
        throw ClientError("client: port " + std::to_string(options.port) + " does not exist; ports are 1 to 65535");
    if (options.name.size() > kMaxNameBytes)
        throw ClientError("client: the name '" + options.name + "' has " + std::to_string(options.name.size()) +
                          " bytes; names have up to " + std::to_string(kMaxNameBytes));
    for (const char c : options.name)
        if (static_cast<unsigned char>(c) <= ' ')
            throw ClientError("client: the name '" + options.name +
                              "' has a blank or a control character; use letters, digits and signs");
    if (options.firstPause < Milliseconds(1) || options.longestPause < options.firstPause)
        throw ClientError("client: the pauses must be positive, and longestPause not shorter than firstPause");
}

std::string newName() {
    std::random_device random;
    std::string name = "client";
    for (int i = 0; i < 4; ++i) {
        char part[10];
        std::snprintf(part, sizeof part, "-%08x", unsigned(random()));
        name += part;
    }
    return name;
}

} // namespace

struct Client::Impl {
    explicit Impl(Options given) : options(std::move(given)) {
        checkOptions(options);
        if (options.name.empty()) options.name = newName();
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
            throw ClientError("client: cannot make a pipe: " + errorText(errno));
        wakeOut = Descriptor(ends[0]);
        wakeIn = Descriptor(ends[1]);
        thread = std::thread([this] { run(); });
    }
    ~Impl() { end(); }

    void end() {
        {
            std::lock_guard lock(mutex);
            stopping = true;
            changed.notify_all();
        }
        wake();
        if (thread.joinable()) thread.join();
    }
    void wake() const {
        if (::write(wakeIn.get(), "", 1) < 0) return; // it is full, so the thread wakes anyway
    }
    std::string server() const { return options.host + ":" + std::to_string(options.port); }

    void requireAccepted() const { // with mutex held
        if (!refusal.empty()) throw ClientError("client: " + server() + " has refused: " + refusal);
    }
    template <class Condition>
    bool wait(std::unique_lock<std::mutex>& lock, Milliseconds timeout, const Condition& condition) {
        const auto holds = [&] { return condition() || !refusal.empty(); };
        constexpr Milliseconds kLongest = std::chrono::hours(24 * 365); // more would overflow the clock
        if (timeout >= kLongest)
            changed.wait(lock, holds);
        else if (!changed.wait_for(lock, timeout, holds))
            return false;
        if (!condition()) requireAccepted();
        return true;
    }

    // ---- the thread

    void run() {
        Milliseconds pause = options.firstPause;
        std::mt19937_64 random{std::random_device{}()};
        while (!isStopping()) {
            if (Descriptor socket = connect()) {
                if (session(socket.get())) pause = options.firstPause;
            }
            if (isStopping() || isRefused()) return;
            // So that many clients do not come back at the same moment.
            const auto jittered =
                pause / 2 + Milliseconds(std::int64_t(random() % std::uint64_t(pause.count() / 2 + 1)));
            pause = std::min(2 * pause, options.longestPause);
            const auto until = Steady::now() + jittered;
            while (!isStopping() && Steady::now() < until) waitFor(-1, 0, until);
        }
    }
    bool isStopping() const {
        std::lock_guard lock(mutex);
        return stopping;
    }
    bool isRefused() const {
        std::lock_guard lock(mutex);
        return !refusal.empty();
    }
    void fail(std::string why) {
        std::lock_guard lock(mutex);
        trouble = std::move(why);
        changed.notify_all();
    }

    /// Waits for events at a socket, or until there is something to do; returns the events.
    short waitFor(int socket, short events, std::optional<Steady::time_point> deadline) const {
        pollfd entries[2] = {{wakeOut.get(), POLLIN, 0}, {socket, events, 0}};
        if (::poll(entries, 2, pollTimeout(deadline)) <= 0) return 0;
        char bytes[256];
        if (entries[0].revents)
            while (::read(wakeOut.get(), bytes, sizeof bytes) > 0) {}
        return socket < 0 ? short(0) : entries[1].revents;
    }

    Descriptor connect() {
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;
        addrinfo* found = nullptr;
        if (const int error =
                ::getaddrinfo(options.host.c_str(), std::to_string(options.port).c_str(), &hints, &found)) {
            fail("cannot resolve " + options.host + ": " + ::gai_strerror(error));
            return Descriptor();
        }
        const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
        for (const addrinfo* at = found; at && !isStopping(); at = at->ai_next)
            if (Descriptor socket = connectTo(*at)) return socket;
        return Descriptor();
    }
    Descriptor connectTo(const addrinfo& address) {
        Descriptor socket(
            ::socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address.ai_protocol));
        int error = socket ? 0 : errno;
        if (!error && ::connect(socket.get(), address.ai_addr, address.ai_addrlen) != 0) {
            error = errno;
            if (error == EINPROGRESS) error = connected(socket.get());
        }
        if (error) {
            fail("cannot connect to " + server() + ": " + errorText(error));
            return Descriptor();
        }
        // A peer that is gone without a word shows within a minute.
        const int on = 1, userTimeout = 60'000;
        ::setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
#ifdef TCP_USER_TIMEOUT
        ::setsockopt(socket.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &userTimeout, sizeof userTimeout);
#endif
        static_cast<void>(userTimeout);
        return socket;
    }
    /// Waits for a connection that was begun; the error, if any.
    int connected(int socket) {
        const auto deadline = Steady::now() + options.connectTimeout;
        while (!waitFor(socket, POLLOUT, deadline)) {
            if (isStopping()) return ECANCELED;
            if (Steady::now() >= deadline) return ETIMEDOUT;
        }
        int error = 0;
        socklen_t size = sizeof error;
        return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
    }

    /// One connection, to its end; whether it has come as far as the server's answer.
    bool session(int socket) {
        outgoing = options.name + " 0\n";
        written = 0;
        incoming.clear();
        resumed = false;
        std::string why;
        while (why.empty() && !isStopping()) {
            fill();
            const bool writes = written < outgoing.size();
            const short events = waitFor(socket, short(POLLIN | (writes ? POLLOUT : 0)), std::nullopt);
            if (events & (POLLIN | POLLHUP | POLLERR)) why = read(socket);
            if (why.empty() && (events & POLLOUT)) why = write(socket);
        }
        if (!why.empty()) fail("lost the connection to " + server() + ": " + why);
        return resumed;
    }
    /// Puts into `outgoing` what is to be sent next.
    void fill() {
        std::lock_guard lock(mutex);
        if (written < outgoing.size() || !resumed) return;
        outgoing.clear();
        written = 0;
        for (; sent < records.size() && outgoing.size() < kWriteBytes; ++sent) {
            outgoing += options.name;
            outgoing += ' ';
            outgoing += std::to_string(acknowledged + sent + 1);
            outgoing += ' ';
            outgoing += records[sent];
            outgoing += '\n';
        }
    }
    std::string write(int socket) {
        const ssize_t size = ::send(socket, outgoing.data() + written, outgoing.size() - written, MSG_NOSIGNAL);
        if (size >= 0)
            written += std::size_t(size);
        else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            return errorText(errno);
        return {};
    }
    std::string read(int socket) {
        char bytes[4096];
        const ssize_t size = ::recv(socket, bytes, sizeof bytes, 0);
        if (size == 0) return "the server has closed it";
        if (size < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? "" : errorText(errno);
        incoming.append(bytes, std::size_t(size));
        for (std::size_t end; (end = incoming.find('\n')) != incoming.npos; incoming.erase(0, end + 1))
            if (std::string why = take(std::string_view(incoming).substr(0, end)); !why.empty()) return why;
        return incoming.size() > kMaxReplyBytes ? "it sends what is no answer" : "";
    }
    /// One line of the server's; what is wrong with it.
    std::string take(std::string_view line) {
        const auto after = [&](std::string_view word) -> std::optional<std::string_view> {
            if (!line.starts_with(word)) return std::nullopt;
            return line.substr(word.size());
        };
        std::lock_guard lock(mutex);
        changed.notify_all();
        if (const auto why = after("ERR ")) {
            refusal = trouble = *why;
            return std::string(*why);
        }
        const auto resume = after("RESUME ");
        const auto text = resume ? resume : after("ACK ");
        std::uint64_t number = 0;
        const auto parsed = text ? std::from_chars(text->data(), text->data() + text->size(), number)
                                 : std::from_chars_result{nullptr, std::errc::invalid_argument};
        if (!text || parsed.ec != std::errc() || parsed.ptr != text->data() + text->size() || bool(resume) == resumed)
            return "it answers '" + std::string(line.substr(0, 80)) + "', which is not of the protocol";
        if (resume && !isNumbered) {
            isNumbered = true;
            acknowledged = number;
        }
        if (number > acknowledged + records.size()) {
            refusal = "it has record " + std::to_string(number) + " of '" + options.name +
                      "', and this client has sent up to " + std::to_string(acknowledged + records.size()) +
                      ": another client uses the name";
            trouble = refusal;
            return refusal;
        }
        for (; acknowledged < number; ++acknowledged) {
            bytes -= records.front().size() + kRecordOverhead;
            records.pop_front();
            if (sent > 0) --sent;
        }
        if (resume) { // of a server that has lost what it had acknowledged, the rest goes on
            resumed = true;
            sent = 0;
            trouble.clear();
        }
        return {};
    }

    Options options;
    Descriptor wakeOut, wakeIn;

    mutable std::mutex mutex; // guards the following up to the next empty line
    std::condition_variable changed;
    std::deque<std::string> records; // that are not acknowledged
    std::size_t bytes = 0, sent = 0; // of those; in this connection
    std::uint64_t acknowledged = 0;  // the number of the last
    bool isNumbered = false;         // what the server has is known
    bool stopping = false;
    std::string refusal, trouble = "it has not connected yet";

    // Used by the thread alone.
    std::string outgoing, incoming;
    std::size_t written = 0; // of `outgoing`
    bool resumed = false;

    std::thread thread;
};

Client::Client(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;

bool Client::send(std::string_view record, Milliseconds timeout) {
    if (record.find('\n') != record.npos)
        throw ClientError("client: a record has a newline, which ends records; send several, or escape it");
    if (record.ends_with('\r'))
        throw ClientError("client: a record ends with a carriage return, which the server takes for a part of the "
                          "line's end; leave it out, or escape it");
    {
        std::unique_lock lock(impl_->mutex);
        const std::size_t bytes = record.size() + kRecordOverhead;
        // One record that is larger than the buffer has it for itself.
        if (!impl_->wait(lock, timeout, [&] {
                return impl_->stopping || impl_->records.empty() || impl_->bytes + bytes <= impl_->options.bufferBytes;
            }))
            return false;
        if (impl_->stopping) throw ClientError("client: it is closed; make a new one to send more");
        impl_->requireAccepted();
        impl_->records.emplace_back(record);
        impl_->bytes += bytes;
        if (impl_->sent + 1 < impl_->records.size()) return true; // the thread is at it
    }
    impl_->wake();
    return true;
}

bool Client::flush(Milliseconds timeout) {
    std::unique_lock lock(impl_->mutex);
    return impl_->wait(lock, timeout, [&] { return impl_->records.empty() || impl_->stopping; }) &&
           impl_->records.empty();
}

bool Client::close(Milliseconds timeout) {
    const bool all = flush(timeout);
    impl_->end();
    return all;
}

std::uint64_t Client::stored(Milliseconds timeout) {
    std::unique_lock lock(impl_->mutex);
    if (!impl_->wait(lock, timeout, [&] { return impl_->isNumbered; }))
        throw ClientError("client: what " + impl_->server() + " has stored is not known after " +
                          std::to_string(timeout.count()) + " ms: " + impl_->trouble);
    return impl_->acknowledged;
}

std::size_t Client::pending() const {
    std::lock_guard lock(impl_->mutex);
    return impl_->records.size();
}

const std::string& Client::name() const { return impl_->options.name; }

std::string Client::trouble() const {
    std::lock_guard lock(impl_->mutex);
    return impl_->trouble;
}

} // namespace rivulet::client
