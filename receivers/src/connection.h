#pragma once

#include "net.h"
#include "rivulet/socket_stream.h"

#include <deque>

namespace rivulet::detail {

/// One connection, from its first byte to its end: reads where there are room and permits for what was read before.
///
/// Threads: used on its strand alone
class Connection : public std::enable_shared_from_this<Connection> {
  public:
    struct Settings {
        std::size_t readBytes = 256 << 10;
        Duration idleTimeout{}; // 0: none
        Duration readPause{};   // after a read that brought little; 0: none
    };
    /// An eighth of a batch, and 10 ms at most: a record is so much older at worst. Short batches are not for pauses.
    static Duration readPauseOf(Duration batch) {
        return batch < Duration(16) ? Duration::zero() : std::min(batch / 8, Duration(10));
    }
    using OnEnd = std::function<void(const std::string& why)>;
    /// What the peer is told, where the protocol has that.
    class Replies {
      public:
        virtual ~Replies() = default;
        /// The next thing to say; empty: nothing now.
        virtual std::string next() = 0;
        /// Whether there will be something to say, for which a connection stays when the peer has sent its last.
        virtual bool isOwed() const = 0;
        /// What is said before the connection ends for this reason.
        virtual std::string farewell(const std::string& why) const = 0;
    };

    /// `onEnd` is called once, when all that came has been put; not after `finish`.
    Connection(const Strand& strand, Socket socket, std::shared_ptr<ReceivedBlocks> blocks,
               std::unique_ptr<Framing> framing, Settings settings, OnEnd onEnd);
    void start();
    /// Before the start.
    void use(std::shared_ptr<Replies> replies) { replies_ = std::move(replies); }
    /// There may be something to say.
    void reply();
    /// Closes at once, and gives back what was refused so far. `onEnd` is not called.
    std::deque<ReceivedBlock> abandon();
    /// There may be room again.
    void resume() { pump(); }
    /// A stop: puts what has arrived already, as far as there is room for it, and closes, then calls `done`. Whoever
    /// stopped sending has lost nothing.
    void finish(std::function<void()> done);

  private:
    void read();
    void take(std::size_t sizeBytes);
    void pump();
    void watchIdle();
    void drain();
    void readLater();
    void readPaused();
    void end(std::string why);
    void write(std::string text);
    void close();

    Socket socket_;
    const std::shared_ptr<ReceivedBlocks> blocks_;
    StrandTimer pace_, idle_;
    ReadPause pause_;
    const std::unique_ptr<Framing> framing_;
    const Settings settings_;
    OnEnd onEnd_;
    std::function<void()> onFinished_;  // once it is to finish
    std::deque<ReceivedBlock> pending_; // refused so far
    std::string why_;                   // of the end
    std::shared_ptr<Replies> replies_;  // may be null
    std::string outgoing_, farewell_;   // what is being written, what is to be written at the end
    bool reading_ = false, readSinceLook_ = false, looks_ = false, readLittle_ = false, pausing_ = false,
         wakesLate_ = false, ended_ = false, closed_ = false, writing_ = false;
};

} // namespace rivulet::detail
