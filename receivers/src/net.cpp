#include "net.h"

#include "io_pool.h"
#include "rivulet/error.h"

#include <utility> // Asio needs it first

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/write.hpp>
#include <mutex>

namespace rivulet::detail {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Executor = asio::strand<asio::io_context::executor_type>;

struct Strand::Impl {
    Executor executor;
};

Strand::Strand(IoPool& pool) : impl_(std::make_shared<const Impl>(Impl{asio::make_strand(pool.context())})) {}

void Strand::post(std::function<void()> handler) const { asio::post(impl_->executor, std::move(handler)); }

// ---- time

/// The system's clock is waited for by Asio. A manual one tells when it was moved, and then the time is looked at.
struct StrandTimer::Impl : std::enable_shared_from_this<Impl> {
    /// How a manual clock reaches the timer, as long as there is one.
    struct Watch {
        std::mutex mutex;
        Impl* timer; // guarded by mutex
    };

    Impl(const Strand& onStrand, Clock& ofClock)
        : strand(onStrand),
          clock(ofClock),
          manual(dynamic_cast<ManualClock*>(&ofClock)),
          timer(strand.impl().executor) {}

    void watch() {
        if (!manual) return;
        watched = std::make_shared<Watch>();
        watched->timer = this;
        manual->onAdvance([watch = watched] {
            std::lock_guard lock(watch->mutex);
            if (watch->timer) watch->timer->look();
            return watch->timer != nullptr;
        });
    }
    void unwatch() {
        if (!watched) return;
        std::lock_guard lock(watched->mutex);
        watched->timer = nullptr;
    }
    void look() {
        strand.post([weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->callIfDue();
        });
    }
    void wait() {
        if (manual) return look();
        timer.expires_after(std::max(Duration(0), due - clock.now()));
        timer.async_wait([weak = weak_from_this()](error_code cancelled) {
            const auto self = weak.lock();
            if (self && !cancelled) self->callIfDue();
        });
    }
    void callIfDue() {
        if (!call) return;
        if (clock.now() >= due) return std::exchange(call, nullptr)();
        if (!manual) wait(); // the clock's milliseconds are coarser than the timer's
    }

    const Strand strand;
    Clock& clock; // the owner keeps it
    ManualClock* const manual;
    asio::steady_timer timer;
    std::shared_ptr<Watch> watched;
    Time due{};
    std::function<void()> call;
};

StrandTimer::StrandTimer(const Strand& strand, std::shared_ptr<Clock> clock)
    : clock_(std::move(clock)),
      impl_(std::make_shared<Impl>(strand, *clock_)) {
    impl_->watch();
}

StrandTimer::~StrandTimer() { impl_->unwatch(); }

void StrandTimer::callAt(Time time, std::function<void()> call) {
    impl_->due = time;
    impl_->call = std::move(call);
    impl_->wait();
}

void StrandTimer::cancel() {
    impl_->call = nullptr;
    impl_->timer.cancel();
}

struct ReadPause::Impl {
    asio::steady_timer timer;
    const std::chrono::steady_clock::duration length;
};

ReadPause::ReadPause(const Strand& strand, Duration length)
    : impl_(std::make_unique<Impl>(Impl{asio::steady_timer(strand.impl().executor), length})) {}
ReadPause::~ReadPause() = default;

void ReadPause::wait(std::function<void()> call) {
    const auto now = std::chrono::steady_clock::now();
    impl_->timer.expires_at(now - now.time_since_epoch() % impl_->length + impl_->length);
    impl_->timer.async_wait([call = std::move(call)](error_code cancelled) {
        if (!cancelled) call();
    });
}

void ReadPause::cancel() { impl_->timer.cancel(); }

// ---- connections

struct Socket::Impl {
    asio::basic_stream_socket<tcp, Executor> socket;
};

Socket::Socket(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Socket::Socket(Socket&&) noexcept = default;
Socket::~Socket() = default;

void Socket::read(char* buffer, std::size_t sizeBytes, std::function<void(std::error_code, std::size_t)> done) {
    impl_->socket.async_read_some(asio::buffer(buffer, sizeBytes),
                                  [done = std::move(done)](error_code error, std::size_t size) { done(error, size); });
}

void Socket::cancelRead() {
    error_code ignored;
    impl_->socket.cancel(ignored);
}

void Socket::write(std::string_view bytes, std::function<void(std::error_code)> done) {
    asio::async_write(impl_->socket, asio::buffer(bytes.data(), bytes.size()),
                      [done = std::move(done)](error_code error, std::size_t) { done(error); });
}

std::size_t Socket::readArrived(char* buffer, std::size_t sizeBytes, std::error_code& error) {
    error_code failure;
    if (!impl_->socket.non_blocking()) impl_->socket.non_blocking(true, failure);
    const std::size_t size = failure ? 0 : impl_->socket.read_some(asio::buffer(buffer, sizeBytes), failure);
    error = failure;
    return size;
}

void Socket::wakeAt(std::size_t sizeBytes) {
    error_code ignored;
    impl_->socket.set_option(asio::socket_base::receive_low_watermark(int(sizeBytes)), ignored);
}

bool Socket::hasArrived() const {
    error_code ignored;
    return impl_->socket.available(ignored) > 0;
}

std::string Socket::peer() const {
    error_code ignored;
    const auto peer = impl_->socket.remote_endpoint(ignored);
    return peer.address().to_string() + ":" + std::to_string(peer.port());
}

void Socket::close() {
    error_code ignored;
    impl_->socket.close(ignored);
}

bool isWouldBlock(const std::error_code& error) {
    return error == std::errc::operation_would_block || error == std::errc::resource_unavailable_try_again;
}

bool isEndOfFile(const std::error_code& error) { return error == std::error_code(error_code(asio::error::eof)); }

struct Connector::Impl : std::enable_shared_from_this<Impl> {
    explicit Impl(const Strand& strand) : resolver(strand.impl().executor), socket(strand.impl().executor) {}

    void resolve(const std::string& host, int port) {
        at = host + ":" + std::to_string(port);
        resolver.async_resolve(
            host, std::to_string(port),
            [self = shared_from_this()](error_code error, const tcp::resolver::results_type& found) {
                if (!self->done) return;
                if (error) return self->fail("cannot resolve ", error);
                asio::async_connect(self->socket, found, [self](error_code failure, const tcp::endpoint&) {
                    if (!self->done) return;
                    if (failure) return self->fail("cannot connect to ", failure);
                    auto made = std::make_unique<Socket::Impl>(Socket::Impl{std::move(self->socket)});
                    std::exchange(self->done, nullptr)(std::make_unique<Socket>(std::move(made)), {});
                });
            });
    }
    void fail(const char* what, const error_code& error) {
        error_code ignored;
        socket.close(ignored);
        std::exchange(done, nullptr)(nullptr, what + at + ": " + error.message());
    }

    asio::ip::basic_resolver<tcp, Executor> resolver;
    asio::basic_stream_socket<tcp, Executor> socket; // until it is connected
    std::string at;
    Done done;
};

Connector::Connector(const Strand& strand) : impl_(std::make_shared<Impl>(strand)) {}
Connector::~Connector() = default;

void Connector::connect(const std::string& host, int port, Done done) {
    impl_->done = std::move(done);
    impl_->resolve(host, port);
}

void Connector::cancel() {
    error_code ignored;
    impl_->done = nullptr; // which may own this
    impl_->resolver.cancel();
    impl_->socket.close(ignored);
}

struct Acceptor::Impl {
    const char* operation;
    asio::basic_socket_acceptor<tcp, Executor> acceptor;

    [[noreturn]] void throwCannot(const char* what, const std::string& at, const error_code& error,
                                  const char* advice) const {
        throw IoError(std::string(operation) + ": cannot " + what + " " + at + ": " + error.message() + " (error " +
                      std::to_string(error.value()) + "); " + advice);
    }
};

Acceptor::Acceptor(const Strand& strand, const char* operation, const std::string& host, int port)
    : impl_(
          std::make_unique<Impl>(Impl{operation, asio::basic_socket_acceptor<tcp, Executor>(strand.impl().executor)})) {
    const std::string at = host + ":" + std::to_string(port);
    error_code error;
    const auto address = asio::ip::make_address(host, error);
    if (error) impl_->throwCannot("listen at", at, error, "give the address of an interface, such as 127.0.0.1");
    const tcp::endpoint endpoint(address, static_cast<unsigned short>(port));
    impl_->acceptor.open(endpoint.protocol(), error);
    if (!error) impl_->acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) impl_->acceptor.bind(endpoint, error);
    if (error) impl_->throwCannot("bind", at, error, "choose another port, or 0 for a free one");
}
Acceptor::~Acceptor() = default;

int Acceptor::port() const { return impl_->acceptor.local_endpoint().port(); }

void Acceptor::listen() {
    error_code error;
    impl_->acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) impl_->throwCannot("listen at port", std::to_string(port()), error, "choose another port");
}

void Acceptor::accept(std::function<void(std::error_code, std::unique_ptr<Socket>)> done) {
    impl_->acceptor.async_accept(
        [done = std::move(done)](error_code error, asio::basic_stream_socket<tcp, Executor> socket) {
            auto made = std::make_unique<Socket::Impl>(Socket::Impl{std::move(socket)});
            done(error, std::make_unique<Socket>(std::move(made)));
        });
}

void Acceptor::close() {
    error_code ignored;
    impl_->acceptor.close(ignored);
}

} // namespace rivulet::detail
