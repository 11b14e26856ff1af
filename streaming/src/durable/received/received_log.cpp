#include "durable/received/received_log.h"

#include "rivulet/log.h"

#include <deque>

namespace rivulet::detail {
namespace {

/// One write: more would have those wait who could be acknowledged.
constexpr std::size_t kGroupBytes = 8 << 20;
constexpr std::uint64_t kFewBlocks = 64;

/// What is before the content of a stored block: its records, and the bytes that it counts for in memory.
std::string headOf(const ReceivedBlock& block) {
    ByteWriter out;
    out(std::uint64_t(block.records), std::uint64_t(block.sizeBytes));
    return std::move(out).text();
}

std::uint64_t sequenceIn(std::string_view key) {
    std::uint64_t sequence = 0;
    for (const char byte : key.substr(4)) sequence = sequence << 8 | std::uint8_t(byte);
    return sequence;
}

std::string senderKey(std::uint32_t number, std::string_view id) { return keyOf(number).append(id); }

} // namespace

ReceivedLog::~ReceivedLog() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
}

void ReceivedLog::add(std::uint32_t number, ReceivedInput& input, std::string_view position, std::string_view planned) {
    const std::uint64_t taken = ReceivedInput::readPosition(position);
    std::uint64_t next = std::max(taken, ReceivedInput::readPosition(planned));
    std::vector<ReceivedBlock> waiting;
    const auto take = [&](std::string_view key, std::string_view payload) {
        const std::uint64_t sequence = sequenceIn(key);
        ByteReader in(payload);
        std::uint64_t records = 0, sizeBytes = 0;
        in(records, sizeBytes);
        ReceivedBlock block = input.decode(in.bytes(in.left()), long(records));
        block.sizeBytes = sizeBytes;
        block.sequence = sequence;
        waiting.push_back(std::move(block));
        next = std::max(next, sequence + 1);
    };
    // Not from the first key on: RocksDB would go through what was erased.
    store_.each(Family::received, keyOf(number), blockKey(number, taken), Stored::received, take);
    ReceivedInput::Senders senders;
    store_.each(Family::senders, keyOf(number), Stored::sender, [&](std::string_view key, std::string_view payload) {
        ByteReader in(payload);
        in(senders[std::string(key.substr(4))]);
        in.finish();
    });
    input.setSenders(std::move(senders));
    input.blocks().goOn(std::move(waiting), taken, next);
    if (!input.isToWriteAhead()) return;
    sources_.push_back({number, &input, input.sharedBlocks()});
    input.blocks().writeAhead([this] { wake(); });
}

void ReceivedLog::begin() {
    if (!sources_.empty()) thread_ = std::thread([this] { run(); });
}

void ReceivedLog::wake() {
    std::lock_guard lock(mutex_);
    if (std::exchange(awake_, true) || writing_) return;
    changed_.notify_all();
}

void ReceivedLog::flush() {
    std::unique_lock lock(mutex_);
    if (thread_.joinable()) changed_.wait(lock, [this] { return (!awake_ && !writing_) || failure_; });
}

bool ReceivedLog::failed() const {
    std::lock_guard lock(mutex_);
    return bool(failure_);
}

void ReceivedLog::requireWorking() const {
    std::lock_guard lock(mutex_);
    if (failure_) std::rethrow_exception(failure_);
}

void ReceivedLog::run() noexcept {
    try {
        for (;;) {
            {
                std::unique_lock lock(mutex_);
                writing_ = false;
                if (!awake_) changed_.notify_all(); // who flushes
                changed_.wait(lock, [this] { return awake_ || stopping_; });
                if (stopping_) return;
                awake_ = false;
                writing_ = true;
            }
            for (auto group = gather(); !group.empty(); group = gather()) {
                write(group);
                for (const Gathered& gathered : group) gathered.source->blocks->written(gathered.blocks);
            }
        }
    } catch (...) {
        fail(std::current_exception());
    }
}

std::vector<ReceivedLog::Gathered> ReceivedLog::gather() {
    std::vector<Gathered> group;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < sources_.size() && bytes < kGroupBytes; ++i) {
        const Source& source = sources_[(turn_ + i) % sources_.size()];
        auto blocks = source.blocks->gather(kGroupBytes - bytes);
        if (blocks.empty()) continue;
        for (const ReceivedBlock& block : blocks) bytes += block.sizeBytes;
        group.push_back({&source, std::move(blocks)});
    }
    ++turn_;
    return group;
}

void ReceivedLog::write(const std::vector<Gathered>& group) {
    std::vector<AheadValue> values;
    std::deque<std::string> encoded; // whose elements stay where they are
    ReceivedInput::Senders senders;  // of keys
    for (const auto& [source, blocks] : group) {
        for (const ReceivedBlock& block : blocks) {
            const std::string_view body = source->input->encode(block, encoded.emplace_back());
            values.push_back(
                {Family::received, blockKey(source->number, block.sequence), Stored::received, headOf(block), body});
            if (block.sender && !block.sender->id().empty())
                senders[senderKey(source->number, block.sender->id())] =
                    block.firstNumber + std::uint64_t(block.records) - 1;
        }
    }
    for (const auto& [key, number] : senders) {
        ByteWriter out;
        out(number);
        values.push_back({Family::senders, key, Stored::sender, std::move(out).text()});
    }
    store_.writeAhead(values);
}

void ReceivedLog::fail(std::exception_ptr error) noexcept {
    logError("receivers: what was received cannot be written, and the next batch ends the streaming: " +
             messageOf(error));
    for (const Source& source : sources_) source.blocks->writingFailed(error);
    std::lock_guard lock(mutex_);
    failure_ = std::move(error);
    changed_.notify_all();
}

void ReceivedLog::eraseUsed(Changes& changes, std::uint32_t number, std::string_view before, std::string_view after) {
    const std::uint64_t begin = ReceivedInput::readPosition(before), end = ReceivedInput::readPosition(after);
    // A range costs those who read later, so that many small batches are cheaper with a key for each block.
    if (end > begin + kFewBlocks)
        changes.eraseRange(Family::received, blockKey(number, begin), blockKey(number, end));
    else
        for (std::uint64_t block = begin; block < end; ++block)
            changes.erase(Family::received, blockKey(number, block));
}

void ReceivedLog::eraseAll(Changes& changes, std::uint32_t number) {
    for (const Family family : {Family::received, Family::senders})
        changes.eraseRange(family, keyOf(number), keyOf(number + 1));
}

} // namespace rivulet::detail
