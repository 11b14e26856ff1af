#include "rivulet/acked_stream.h"

#include "io_pool.h"
#include "rivulet/log.h"
#include "socket_server.h"

#include <algorithm>
#include <charconv>
#include <map>

namespace rivulet {
namespace detail {
namespace {

constexpr std::size_t kMaxNameBytes = 64;

/// A client, as long as the server lives, through all its connections.
///
/// Threads: used on the server's strand alone, but for what it tells of itself and `written`
class AckedClient final : public BlockSender, public std::enable_shared_from_this<AckedClient> {
  public:
    /// Blocks that batches remember hold it longer than there is a server.
    AckedClient(std::string id, std::uint64_t last, std::weak_ptr<SocketServer> server)
        : received(last),
          stored(last),
          id_(std::move(id)),
          server_(std::move(server)) {}

    std::string_view id() const override { return id_; }
    void written(std::uint64_t number) override {
        const auto server = server_.lock();
        if (!server) return;
        server->post([weak = weak_from_this(), number] {
            const auto self = weak.lock();
            if (!self) return;
            self->stored = std::max(self->stored, number);
            if (const auto connected = self->connection.lock()) connected->reply();
        });
    }

    std::uint64_t received, stored; // the last numbers
    std::weak_ptr<Connection> connection;

  private:
    const std::string id_;
    const std::weak_ptr<SocketServer> server_;
};
using AckedClientPtr = std::shared_ptr<AckedClient>;

/// Finds the client that says its name in a connection.
using FindClient = std::function<AckedClientPtr(const std::string& id)>;

/// What a connection has told its client.
class AckedReplies final : public Connection::Replies {
  public:
    std::string next() override {
        if (!client) return {};
        if (!told_) {
            if (client->stored < before_) return {};
            told_ = before_;
            return "RESUME " + std::to_string(before_) + "\n";
        }
        if (*told_ >= client->stored && !again_) return {};
        told_ = client->stored;
        again_ = false;
        return "ACK " + std::to_string(*told_) + "\n";
    }
    bool isOwed() const override { return client && (!told_ || *told_ < client->received || again_); }
    std::string farewell(const std::string& why) const override {
        std::string line = "ERR " + why;
        std::replace(line.begin(), line.end(), '\n', ' ');
        return line + "\n";
    }
    /// A record came again.
    void tellAgain() { again_ = true; }
    /// It has said who it is.
    void enter(AckedClientPtr who) {
        client = std::move(who);
        before_ = client->received;
    }

    AckedClientPtr client; // null until then

  private:
    std::uint64_t before_ = 0; // what earlier connections brought; on its way to the disk, it is awaited
    std::optional<std::uint64_t> told_;
    bool again_ = false;
};

/// A part of a block has the numbers of its records.
ReceivedBlock cutNumbered(ReceivedBlock& block, long records) {
    ReceivedBlock first = ReceivedLines::cut(block, records);
    first.sender = block.sender;
    first.firstNumber = block.firstNumber;
    block.firstNumber += std::uint64_t(records);
    return first;
}

/// Takes names and numbers off, and drops what was received before.
class AckedFraming final : public CopyingFraming {
  public:
    AckedFraming(std::string peer, std::size_t maxLineBytes, std::shared_ptr<AckedReplies> replies, FindClient find)
        : peer_(std::move(peer)),
          maxLineBytes_(maxLineBytes),
          replies_(std::move(replies)),
          find_(std::move(find)) {}

    /// Half a line is no record: its client sends it again.
    ReceivedBlock end() override {
        rest_.clear();
        return {};
    }
    long unfinished() const override { return 0; }
    CutBlock cut() const override { return &cutNumbered; }

  protected:
    ReceivedBlock feed(std::string_view bytes) override {
        std::string records;
        long count = 0;
        std::uint64_t first = 0;
        try {
            for (;;) {
                const std::size_t end = bytes.find('\n');
                if (end == bytes.npos) break;
                std::string_view line = bytes.substr(0, end);
                if (!rest_.empty()) line = rest_ += line;
                if (const auto number = take(line, count == 0)) {
                    if (count++ == 0) first = *number;
                    records.append(line) += '\n';
                }
                rest_.clear();
                bytes.remove_prefix(end + 1);
            }
            rest_ += bytes;
            requireShort(rest_);
        } catch (...) { // nothing of this is taken: it comes again
            if (count > 0) replies_->client->received = first - 1;
            throw;
        }
        if (count == 0) return {};
        ReceivedBlock block = textBlock(std::move(records), count);
        block.sender = replies_->client;
        block.firstNumber = first;
        return block;
    }

  private:
    /// The number of a record that is new, of which `line` then has the content.
    std::optional<std::uint64_t> take(std::string_view& line, bool first) {
        requireShort(line);
        const std::size_t blank = line.find(' ');
        const std::string_view id = line.substr(0, blank);
        if (id.empty() || id.size() > kMaxNameBytes || blank == line.npos) throwBad(line);
        if (!replies_->client)
            replies_->enter(find_(std::string(id)));
        else if (id != replies_->client->id())
            throw IoError("'" + std::string(id) + "' writes in the connection of '" +
                          std::string(replies_->client->id()) + "'; each client has a connection of its own");
        std::uint64_t number = 0;
        const char* const stop = line.data() + line.size();
        const auto [end, error] = std::from_chars(line.data() + blank + 1, stop, number);
        const bool greets = number == 0 && error == std::errc() && (end == stop || *end == ' ' || *end == '\r');
        if (greets) return std::nullopt;
        if (error != std::errc() || end == stop || *end != ' ') throwBad(line);
        AckedClient& client = *replies_->client;
        if (number <= client.received) {
            replies_->tellAgain();
            return std::nullopt;
        }
        if (number != client.received + 1) {
            if (!first || hasRecords_)
                throw IoError("record " + std::to_string(number) + " follows record " +
                              std::to_string(client.received) + "; the numbers of a connection follow each other");
            if (client.received > 0)
                logWarn("ackedServerStream: client '" + std::string(id) + "' goes on with record " +
                        std::to_string(number) + " after " + std::to_string(client.received) +
                        ": what is between was acknowledged by another server, or by this one before its checkpoint "
                        "directory was restored from a copy");
        }
        hasRecords_ = true;
        client.received = number;
        line.remove_prefix(std::size_t(end + 1 - line.data()));
        return number;
    }
    [[noreturn]] void throwBad(std::string_view line) const {
        throw IoError("'" + std::string(line.substr(0, 40)) + "' from " + peer_ +
                      " is no line of the protocol, which is: name, blank, number, blank, record");
    }
    void requireShort(std::string_view line) const {
        if (line.size() > maxLineBytes_ + kMaxNameBytes)
            throw IoError("a record from " + peer_ + " has more than " + std::to_string(maxLineBytes_) +
                          " bytes; raise rivulet.streaming.receiver.maxLineBytes to take it");
    }

    const std::string peer_;
    const std::size_t maxLineBytes_;
    const std::shared_ptr<AckedReplies> replies_;
    const FindClient find_;
    std::string rest_;
    bool hasRecords_ = false;
};

class AckedServer final : public SocketServer {
  public:
    AckedServer(IoPool& pool, ReceivedInput& input, int port, const SocketServerOptions& options,
                std::size_t maxLineBytes)
        : SocketServer(pool, input, "ackedServerStream", port, options, nullptr),
          maxLineBytes_(maxLineBytes) {
        settings_.readPause = Duration::zero(); // a client may wait for an answer before it goes on
    }

    void start() override {
        for (const auto& [id, last] : input_.senders())
            clients_.emplace(id, std::make_shared<AckedClient>(id, last, weak_from_this()));
        SocketServer::start();
    }

  protected:
    std::shared_ptr<Connection> connectionOf(const std::string& peer, Socket socket, Connection::OnEnd onEnd) override {
        auto replies = std::make_shared<AckedReplies>();
        auto slot = std::make_shared<std::weak_ptr<Connection>>();
        auto framing = std::make_unique<AckedFraming>(
            peer, maxLineBytes_, replies, [this, slot](const std::string& id) { return enter(id, slot->lock()); });
        auto connection = std::make_shared<Connection>(strand_, std::move(socket), blocks_, std::move(framing),
                                                       settings_, std::move(onEnd));
        connection->use(std::move(replies));
        *slot = connection;
        return connection;
    }

  private:
    /// A client says its name. Of a connection that it had before, what could not be taken is taken back: it is sent
    /// again.
    AckedClientPtr enter(const std::string& id, const std::shared_ptr<Connection>& connection) {
        auto& client = clients_[id];
        if (!client) client = std::make_shared<AckedClient>(id, 0, weak_from_this());
        if (const auto older = std::exchange(client->connection, connection).lock()) {
            const auto refused = older->abandon();
            if (!refused.empty()) client->received = refused.front().firstNumber - 1;
            forget(older);
        }
        return client;
    }

    const std::size_t maxLineBytes_;
    std::map<std::string, AckedClientPtr> clients_; // used on the strand alone, and before the start
};

} // namespace
} // namespace detail

SocketServerStream ackedServerStream(const StreamingContext& ssc, int port, SocketServerOptions options,
                                     std::source_location where) {
    const auto make = [&](detail::IoPool& pool, detail::ReceivedInput& input, std::size_t maxLineBytes) {
        return std::make_shared<detail::AckedServer>(pool, input, port, options, maxLineBytes);
    };
    return detail::serverStream(ssc,
                                {.operation = "ackedServerStream",
                                 .name = "Acknowledged server stream",
                                 .alwaysWritesAhead = true,
                                 .make = make},
                                port, options, where);
}

} // namespace rivulet
