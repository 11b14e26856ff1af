#include "connection.h"

namespace rivulet::detail {

Connection::Connection(const Strand& strand, Socket socket, std::shared_ptr<ReceivedBlocks> blocks,
                       std::unique_ptr<Framing> framing, Settings settings, OnEnd onEnd)
    : socket_(std::move(socket)),
      blocks_(std::move(blocks)),
      pace_(strand, blocks_->sharedClock()),
      idle_(strand, blocks_->sharedClock()),
      pause_(strand, settings.readPause),
      framing_(std::move(framing)),
      settings_(settings),
      onEnd_(std::move(onEnd)) {}

void Connection::start() {
    if (settings_.idleTimeout > Duration::zero()) watchIdle();
    read();
}

void Connection::read() {
    if (closed_ || ended_ || reading_) return;
    reading_ = true;
    if (std::exchange(wakesLate_, false)) socket_.wakeAt(1);
    const std::span<char> room = framing_->room(settings_.readBytes);
    socket_.read(room.data(), room.size(), [self = shared_from_this()](std::error_code error, std::size_t size) {
        self->reading_ = false;
        if (self->closed_) return;
        self->readSinceLook_ = true;
        self->readLittle_ = size < self->settings_.readBytes / 4;
        self->take(size);
        self->reply();
        if (self->onFinished_) return self->drain();
        const bool looked = std::exchange(self->looks_, false);
        if (looked && size == 0 && !self->socket_.hasArrived())
            self->end("it sent nothing for " + durationText(self->settings_.idleTimeout));
        else if (looked)
            self->watchIdle();
        else if (error)
            self->end(error.message());
        self->pump();
    });
}

/// What its framing throws ends this connection and no other.
void Connection::take(std::size_t sizeBytes) {
    if (ended_ || sizeBytes == 0) return;
    try {
        ReceivedBlock block = framing_->filled(sizeBytes);
        if (block.records > 0) pending_.push_back(std::move(block));
    } catch (...) {
        why_ = messageOf(std::current_exception());
        ended_ = true;
        if (replies_) farewell_ = replies_->farewell(why_);
    }
}

void Connection::end(std::string why) {
    if (ended_) return;
    ended_ = true;
    why_ = std::move(why);
    ReceivedBlock block = framing_->end();
    if (block.records > 0) pending_.push_back(std::move(block));
}

void Connection::pump() {
    if (closed_ || onFinished_) return;
    while (!pending_.empty()) {
        std::optional<Time> again;
        if (!blocks_->offer(pending_.front(), framing_->cut(), again)) {
            if (again) pace_.callAt(*again, [self = shared_from_this()] { self->pump(); });
            return;
        }
        pending_.pop_front();
    }
    if (!ended_) return readLittle_ && settings_.readPause > Duration::zero() ? readLater() : read();
    if (writing_) return; // its end comes here again
    if (!farewell_.empty()) return write(std::exchange(farewell_, {}));
    if (replies_ && replies_->isOwed()) return reply();
    close();
    if (const OnEnd onEnd = std::exchange(onEnd_, nullptr)) onEnd(why_);
}

/// Waking up for a few lines costs more than taking them: 13 us, and there may be many peers that send a little. So the
/// system is told not to, and what came is looked for when the pause is over.
void Connection::readLater() {
    if (pausing_) return;
    pausing_ = true;
    if (!std::exchange(wakesLate_, true)) socket_.wakeAt(settings_.readBytes / 4);
    pause_.wait([self = shared_from_this()] {
        self->pausing_ = false;
        self->readPaused();
    });
}

void Connection::readPaused() {
    if (closed_) return;
    std::error_code error;
    const std::span<char> room = framing_->room(settings_.readBytes);
    const std::size_t size = socket_.readArrived(room.data(), room.size(), error);
    readSinceLook_ = readSinceLook_ || size > 0;
    readLittle_ = size > 0 && size < settings_.readBytes / 4;
    take(size);
    if (error && !isWouldBlock(error)) end(error.message());
    reply();
    pump();
}

void Connection::reply() {
    if (!replies_ || closed_ || writing_) return;
    std::string text = replies_->next();
    if (!text.empty()) write(std::move(text));
}

void Connection::write(std::string text) {
    writing_ = true;
    outgoing_ = std::move(text);
    socket_.write(outgoing_, [self = shared_from_this()](std::error_code error) {
        self->writing_ = false;
        if (self->closed_) return;
        if (error) { // nobody is there to be told
            self->farewell_.clear();
            self->replies_.reset();
            self->end(error.message());
        }
        self->reply();
        if (self->ended_) self->pump();
    });
}

std::deque<ReceivedBlock> Connection::abandon() {
    onEnd_ = nullptr;
    if (!closed_) close();
    if (onFinished_) std::exchange(onFinished_, nullptr)();
    return std::exchange(pending_, {});
}

/// A peer that sends nothing from one look to the next is idle, unless it is not read.
void Connection::watchIdle() {
    readSinceLook_ = false;
    idle_.callIn(settings_.idleTimeout, [self = shared_from_this()] {
        if (self->readSinceLook_ || !self->reading_) return self->watchIdle();
        self->looks_ = true;
        self->socket_.cancelRead(); // which may have bytes in hand already
    });
}

void Connection::finish(std::function<void()> done) {
    if (closed_) return done();
    onFinished_ = std::move(done);
    if (!reading_) return drain();
    socket_.cancelRead(); // which may have bytes in hand already
}

void Connection::drain() {
    std::error_code error;
    const auto putAll = [this] {
        for (; !pending_.empty(); pending_.pop_front()) blocks_->put(std::move(pending_.front()), true);
    };
    putAll();
    while (!ended_ && !error && blocks_->hasSpace() && !blocks_->hasMaxRate()) {
        const std::span<char> room = framing_->room(settings_.readBytes);
        take(socket_.readArrived(room.data(), room.size(), error));
        if (isEndOfFile(error)) end(error.message());
        putAll();
    }
    blocks_->countDropped(framing_->unfinished()); // half a record that nobody can complete
    onEnd_ = nullptr;
    close();
    std::exchange(onFinished_, nullptr)();
}

void Connection::close() {
    closed_ = true;
    pace_.cancel();
    idle_.cancel();
    pause_.cancel();
    socket_.close();
}

} // namespace rivulet::detail
