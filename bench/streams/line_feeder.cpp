#include "streams/line_feeder.h"

#include "streams/pace.h"

#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kTick = 1ms;
constexpr int kPollMilliseconds = 20; // how soon a blocked thread notices a stop
constexpr const char* kWords[] = {"river", "stream", "brook", "delta", "lake", "rapid", "spring", "rain"};

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

bool waitFor(int socket, short event, std::stop_token stop) {
    while (!stop.stop_requested()) {
        pollfd entry{socket, event, 0};
        if (poll(&entry, 1, kPollMilliseconds) > 0) return true;
    }
    return false;
}

/// False if the client left or a stop was requested.
bool sendAll(int client, std::string_view text, std::stop_token stop) {
    while (!text.empty()) {
        const ssize_t sent = send(client, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0)
            text.remove_prefix(static_cast<std::size_t>(sent));
        else if (errno == EAGAIN) {
            if (!waitFor(client, POLLOUT, stop)) return false;
        } else if (errno != EINTR)
            return false;
    }
    return true;
}

} // namespace

LineFeeder::LineFeeder(int linesPerSecond) : linesPerSecond_(linesPerSecond) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (listener_ < 0 || bind(listener_, reinterpret_cast<sockaddr*>(&address), size) < 0 || listen(listener_, 1) < 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) < 0)
        fail("the feeder cannot listen on the loopback interface");
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this](std::stop_token stop) { serve(stop); });
}

LineFeeder::~LineFeeder() {
    stop();
    close(listener_);
}

void LineFeeder::stop() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
}

void LineFeeder::serve(std::stop_token stop) {
    while (waitFor(listener_, POLLIN, stop)) { // a client that left may come back
        const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (client < 0) continue;
        const int on = 1;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        feed(stop, client);
        close(client);
    }
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    cpuSeconds_ = static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

void LineFeeder::feed(std::stop_token stop, int client) {
    std::stop_source left;
    const std::stop_callback forward(stop, [&] { left.request_stop(); });
    const auto begin = std::chrono::steady_clock::now();
    std::uint64_t lines = 0;
    std::string text;
    keepPace(left.get_token(), kTick, [&](std::chrono::steady_clock::time_point due) {
        const auto wanted =
            static_cast<std::uint64_t>(std::chrono::duration<double>(due - begin + kTick).count() * linesPerSecond_);
        text.clear();
        const std::uint64_t before = lines;
        const std::string stamp = std::to_string(due.time_since_epoch() / 1ns);
        for (; lines < wanted; ++lines) {
            text += stamp;
            for (std::uint64_t i = 0; i < 3; ++i) {
                text += ' ';
                text += kWords[(lines * 3 + lines / 7 + i) % std::size(kWords)];
            }
            text += '\n';
        }
        if (sendAll(client, text, stop))
            linesSent_ += lines - before;
        else
            left.request_stop();
    });
}

std::int64_t stampOf(std::string_view line) {
    std::int64_t nanoseconds = 0;
    std::from_chars(line.data(), line.data() + line.size(), nanoseconds);
    return nanoseconds;
}

} // namespace bench
