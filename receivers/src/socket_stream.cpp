#include "rivulet/socket_stream.h"

#include "io_pool.h"
#include "rivulet/log.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <atomic>
#include <future>

namespace rivulet {
namespace detail {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

struct SocketSettings {
    std::string host;
    std::string port;
    std::chrono::milliseconds restartDelay;
    std::size_t bufferBytes, maxLineBytes;
};

/// The connection of one socket stream: connect, read, wait where the buffer is full, connect again. All handlers run
/// on one strand.
class SocketReceiver : public std::enable_shared_from_this<SocketReceiver> {
  public:
    SocketReceiver(asio::io_context& io, std::shared_ptr<MemoryAccount> memory, SocketSettings settings)
        : strand_(asio::make_strand(io)),
          settings_(std::move(settings)),
          lines_(std::move(memory), settings_.bufferBytes, [this] { resume(); }),
          resolver_(strand_),
          socket_(strand_),
          timer_(strand_) {}

    void start() {
        asio::post(strand_, [self = shared_from_this()] { self->connect(); });
    }
    /// Returns when nothing more will be put.
    void stop() {
        std::promise<void> closed;
        asio::post(strand_, [this, &closed] {
            readRest();
            stopping_ = true;
            resolver_.cancel();
            timer_.cancel();
            close();
            if (!rest_.empty() || skipping_) ++dropped_; // half a line that nobody can complete
            rest_.clear();
            skipping_ = false;
            closed.set_value();
        });
        closed.get_future().wait();
    }
    ReceivedLines& lines() { return lines_; }
    long dropped() const { return dropped_.load(); }

  private:
    static constexpr std::size_t kReadBytes = 256 << 10;

    std::string peer() const { return settings_.host + ":" + settings_.port; }

    void connect() {
        if (stopping_) return;
        resolver_.async_resolve(
            settings_.host, settings_.port,
            [self = shared_from_this()](error_code error, const tcp::resolver::results_type& found) {
                if (self->stopping_) return;
                if (error) return self->restart("cannot resolve", error);
                self->connectTo(found);
            });
    }
    void connectTo(const tcp::resolver::results_type& found) {
        asio::async_connect(socket_, found, [self = shared_from_this()](error_code error, const tcp::endpoint&) {
            if (self->stopping_) return self->close();
            if (error) return self->restart("cannot connect to", error);
            logInfo("socketTextStream: connected to " + self->peer());
            self->connected_ = true;
            self->read();
        });
    }
    void restart(const char* what, error_code error) {
        if (stopping_) return;
        logWarn(std::string("socketTextStream: ") + what + " " + peer() + ": " + error.message() +
                "; trying again in " + durationText(settings_.restartDelay));
        close();
        timer_.expires_after(settings_.restartDelay);
        timer_.async_wait([self = shared_from_this()](error_code cancelled) {
            if (!cancelled) self->connect();
        });
    }
    void close() {
        connected_ = false;
        error_code ignored;
        socket_.close(ignored);
    }

    /// Reads on where there is a connection and room, and no read under way already.
    void read() {
        if (stopping_ || !connected_ || full_ || reading_) return;
        reading_ = true;
        socket_.async_read_some(asio::buffer(buffer_.get(), kReadBytes),
                                [self = shared_from_this()](error_code error, std::size_t size) {
                                    self->reading_ = false;
                                    if (self->stopping_) return;
                                    self->take(std::string_view(self->buffer_.get(), size));
                                    if (!error) return self->read();
                                    self->endOfStream();
                                    self->restart("lost the connection to", error);
                                });
    }
    /// Before a stop: what has arrived already, as far as there is room for it, is received; whoever stopped sending
    /// has lost nothing.
    void readRest() {
        error_code error;
        if (connected_) socket_.non_blocking(true, error);
        while (connected_ && !full_ && !error) {
            const std::size_t size = socket_.read_some(asio::buffer(buffer_.get(), kReadBytes), error);
            take(std::string_view(buffer_.get(), size));
        }
        if (error == asio::error::eof) endOfStream();
    }
    /// Puts the complete lines and keeps the rest.
    void take(std::string_view bytes) {
        if (skipping_) {
            const auto newline = bytes.find('\n');
            if (newline == bytes.npos) return;
            bytes.remove_prefix(newline + 1);
            skipping_ = false;
            ++dropped_;
        }
        const auto last = bytes.rfind('\n');
        if (last == bytes.npos) {
            rest_ += bytes;
            if (rest_.size() > settings_.maxLineBytes) skipLine();
            return;
        }
        std::string block;
        block.reserve(rest_.size() + last + 1);
        block += rest_;
        block += bytes.substr(0, last + 1);
        rest_ = bytes.substr(last + 1);
        if (block.size() > settings_.maxLineBytes) block = withoutLongLines(block);
        const long lines = std::count(block.begin(), block.end(), '\n');
        if (lines > 0) put(std::move(block), lines);
        if (rest_.size() > settings_.maxLineBytes) skipLine();
    }
    std::string withoutLongLines(std::string_view block) {
        std::string kept;
        while (!block.empty()) {
            const std::string_view line = block.substr(0, block.find('\n') + 1);
            block.remove_prefix(line.size());
            if (line.size() - 1 <= settings_.maxLineBytes) {
                kept += line;
                continue;
            }
            warnOfLongLine();
            ++dropped_;
        }
        return kept;
    }
    void put(std::string block, long lines) {
        if (!lines_.put(std::move(block), lines)) full_ = true;
    }
    void warnOfLongLine() const {
        logWarn("socketTextStream: a line from " + peer() + " has more than " + std::to_string(settings_.maxLineBytes) +
                " bytes and is dropped; raise rivulet.streaming.receiver.maxLineBytes to take it");
    }
    void skipLine() {
        warnOfLongLine();
        rest_ = std::string();
        skipping_ = true;
    }
    /// What follows the last newline is a line too.
    void endOfStream() {
        if (skipping_) ++dropped_;
        skipping_ = false;
        if (rest_.empty()) return;
        rest_ += '\n';
        put(std::exchange(rest_, {}), 1);
    }
    /// A batch has taken what waited.
    void resume() {
        asio::post(strand_, [self = shared_from_this()] {
            self->full_ = false;
            self->read();
        });
    }

    asio::strand<asio::io_context::executor_type> strand_;
    const SocketSettings settings_;
    ReceivedLines lines_; // own synchronization
    std::atomic<long> dropped_ = 0;

    // Used on the strand alone.
    tcp::resolver resolver_;
    tcp::socket socket_;
    asio::steady_timer timer_;
    const std::unique_ptr<char[]> buffer_ = std::make_unique_for_overwrite<char[]>(kReadBytes);
    std::string rest_;
    bool stopping_ = false, connected_ = false, reading_ = false, full_ = false, skipping_ = false;
};

class SocketNode final : public ReceivedLinesNode {
  public:
    SocketNode(const std::shared_ptr<StreamCore>& core, CallSite site, SocketSettings settings)
        : ReceivedLinesNode(core, site, core->batchDuration()),
          pool_(IoPool::shared(int(core->context().conf().getInt("rivulet.streaming.io.threads")))),
          receiver_(std::make_shared<SocketReceiver>(pool_->context(), core->context().engine()->memory(),
                                                     std::move(settings))) {}
    void start() override { receiver_->start(); }
    void stop() noexcept override { receiver_->stop(); }
    long dropped() const override { return receiver_->dropped(); }

  protected:
    ReceivedLines& lines() const override { return receiver_->lines(); }

  private:
    // The pool is held here and not by the receiver, which its own handlers hold.
    std::shared_ptr<IoPool> pool_;
    std::shared_ptr<SocketReceiver> receiver_;
};

} // namespace
} // namespace detail

ReceivedTextStream socketTextStream(const StreamingContext& ssc, const std::string& host, int port,
                                    std::source_location where) {
    if (port < 1 || port > 65535)
        throw UsageError("socketTextStream: port " + std::to_string(port) + " does not exist; ports are 1 to 65535",
                         where);
    const auto& core = ssc.core();
    core->requireOpen("socketTextStream", where);
    const Conf& conf = core->context().conf();
    auto node = std::make_shared<detail::SocketNode>(
        core, CallSite{"socketTextStream", where},
        detail::SocketSettings{host, std::to_string(port), conf.getDuration("rivulet.streaming.receiverRestartDelay"),
                               std::size_t(conf.getBytes("rivulet.streaming.receiver.bufferBytes")),
                               std::size_t(conf.getBytes("rivulet.streaming.receiver.maxLineBytes"))});
    core->add(std::shared_ptr<detail::Input>(node));
    return ReceivedTextStream(detail::NodeRecipe<detail::StreamNode<detail::ReceivedRdd>>(std::move(node)));
}

} // namespace rivulet
