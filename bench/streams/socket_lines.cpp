// How fast lines come in from a socket: a sender on the loopback that never waits by itself, against a bare Asio read
// and a loop of memchr.

#include "workloads.h"

#include <utility> // Asio needs it first

#include <algorithm>
#include <arpa/inet.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <netinet/in.h>
#include <rivulet/rivulet.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kBytes = std::size_t{1} << 30;

/// Lines of 20 to 75 bytes, about 1 MiB of them.
const std::string& lines() {
    static const std::string text = [] {
        std::string lines;
        for (std::size_t i = 0; lines.size() < 1 << 20; ++i)
            lines += std::to_string(1'000'000 + i) + std::string(12 + i * 7 % 56, 'x') + '\n';
        return lines;
    }();
    return text;
}

/// Sends the lines, again and again, to the first client.
class Sender {
  public:
    Sender() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) < 0 || ::listen(listener_, 1) < 0 ||
            ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) < 0)
            throw std::runtime_error("the sender cannot listen on the loopback interface");
        port = ntohs(address.sin_port);
        thread_ = std::jthread([this] { send(); });
    }
    ~Sender() {
        thread_.join();
        ::close(listener_);
    }
    static std::size_t rounds() { return kBytes / lines().size(); }
    int port = 0;

  private:
    void send() const {
        const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        for (std::size_t i = 0; i < rounds(); ++i)
            for (std::string_view rest = lines(); !rest.empty();) {
                const ssize_t sent = ::send(client, rest.data(), rest.size(), MSG_NOSIGNAL);
                if (sent < 0) return;
                rest.remove_prefix(static_cast<std::size_t>(sent));
            }
        ::close(client);
    }

    const int listener_;
    std::jthread thread_;
};

struct LineTally {
    std::uint64_t count = 0, bytes = 0;
    std::string text() const { return std::to_string(count) + ' ' + std::to_string(bytes); }
};

std::string byHand(const Settings&) {
    namespace asio = boost::asio;
    const Sender sender;
    asio::io_context io;
    asio::ip::tcp::socket socket(io);
    socket.connect({asio::ip::address_v4::loopback(), static_cast<unsigned short>(sender.port)});
    std::string buffer(256 << 10, '\0');
    LineTally tally;
    std::size_t held = 0;
    boost::system::error_code error;
    while (!error) {
        held += socket.read_some(asio::buffer(buffer.data() + held, buffer.size() - held), error);
        const char* at = buffer.data();
        const char* const end = at + held;
        while (const char* newline = static_cast<const char*>(std::memchr(at, '\n', std::size_t(end - at)))) {
            ++tally.count;
            tally.bytes += std::uint64_t(newline - at);
            at = newline + 1;
        }
        held = std::size_t(end - at);
        std::memmove(buffer.data(), at, held);
    }
    return tally.text();
}

std::string byRivulet(const Settings& settings) {
    const Sender sender;
    rivulet::Context context("local[" + std::to_string(settings.threads) + "]", "socket-lines");
    const rivulet::StreamingContext ssc(context, 10ms);
    const std::uint64_t wanted = Sender::rounds() * std::uint64_t(std::count(lines().begin(), lines().end(), '\n'));
    LineTally tally;
    std::mutex mutex;
    std::condition_variable done;
    rivulet::socketTextStream(ssc, "127.0.0.1", sender.port)
        .map([](std::string_view line) { return std::pair(1L, long(line.size())); })
        .mapPartitions([](auto elements) {
            std::pair<long, long> sum(0, 0);
            for (const auto& [lines, bytes] : elements) {
                sum.first += lines;
                sum.second += bytes;
            }
            return std::vector<std::pair<long, long>>{sum};
        })
        .foreachRDD([&](const auto& rdd) {
            const auto sums = rdd.collect();
            const std::lock_guard lock(mutex);
            for (const auto& [lines, bytes] : sums) {
                tally.count += std::uint64_t(lines);
                tally.bytes += std::uint64_t(bytes);
            }
            if (tally.count >= wanted) done.notify_one();
        });
    ssc.start();
    std::unique_lock lock(mutex);
    if (!done.wait_for(lock, 120s, [&] { return tally.count >= wanted; }))
        throw std::runtime_error("socketLines: the lines have not all arrived");
    lock.unlock();
    ssc.stop();
    return tally.text();
}

} // namespace

void addSocketLines(Suite& suite) {
    suite.add(Contest{.name = "socketLines",
                      .about = "1 GiB of short lines from a socket, counted; the hand loop has one thread",
                      .contestants = {{"hand", byHand}, {"rivulet", byRivulet}}});
}

} // namespace bench
