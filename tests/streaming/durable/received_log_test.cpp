#include "durable/received/received_log.h"
#include "streaming/durable/fault_file_system.h"
#include "support/catch.h"
#include "support/stream_harness.h"
#include "support/temporary_directory.h"

namespace rivulet::test::received_log_test {

using namespace rivulet::detail;
using namespace std::chrono_literals;

// Blocks that are written ahead, on a disk that fails: what was acknowledged is there, once, in its order.

namespace {

constexpr std::uint32_t kNumber = 7; // of the receiver
constexpr int kBlocks = 24, kBlocksPerBatch = 4;

class LoggedInput final : public ReceivedInput {
  public:
    explicit LoggedInput(const StreamingContext& ssc) : ReceivedInput(ssc.core(), "Text") {}
    std::string contentForm() const override { return ReceivedLines::form(); }
    std::string_view encode(const ReceivedBlock& block, std::string& room) const override {
        return ReceivedLines::encode(block, room);
    }
    ReceivedBlock decode(std::string_view bytes, long records) const override {
        return ReceivedLines::decode(bytes, records);
    }
};

/// Two records in a block.
std::string textOfBlock(std::uint64_t sequence) {
    return "first of " + std::to_string(sequence) + "\n" + std::string(500, char('a' + sequence % 26)) + "\n";
}

class TestSender final : public BlockSender {
  public:
    std::string_view id() const override { return "sender"; }
    void written(std::uint64_t number) override { last = number; }
    std::atomic<std::uint64_t> last = 0;
};

struct Reached {
    std::uint64_t acknowledged = 0; // blocks
    std::uint64_t committed = 0;    // the position
};

std::string storedPosition(const CheckpointStore& store) {
    return store.read(Family::meta, "position", Stored::position).value_or("");
}

/// Receives blocks and runs batches until it is done, or the disk has failed.
Reached receive(const std::string& directory, const std::shared_ptr<FaultFileSystem>& disk) {
    Reached reached;
    TestStreamingContext ssc(1s);
    const auto sender = std::make_shared<TestSender>();
    try {
        CheckpointStore store(directory, "test", disk);
        LoggedInput input(ssc);
        ReceivedLog log(store);
        std::string position = storedPosition(store);
        log.add(kNumber, input, position, "");
        store.beginEpoch({});
        log.begin();
        reached.committed = ReceivedInput::readPosition(position);
        reached.acknowledged = input.blocks().next();
        try {
            while (input.blocks().next() < kBlocks) {
                const std::uint64_t sequence = input.blocks().next();
                ReceivedBlock block = textBlock(textOfBlock(sequence), 2);
                block.sender = sender;
                block.firstNumber = 2 * sequence + 1;
                input.blocks().awaitWritten(input.blocks().put(std::move(block)));
                reached.acknowledged = sequence + 1;
                if (input.blocks().next() % kBlocksPerBatch != 0) continue;
                input.allocate(Time(std::chrono::seconds(store.last().id + 1)));
                Changes changes;
                ReceivedLog::eraseUsed(changes, kNumber, position, input.position());
                position = input.position();
                changes.put(Family::meta, "position", Stored::position, position);
                store.commit(std::move(changes), {store.last().id + 1, Time(), Time(), 1s});
                reached.committed = ReceivedInput::readPosition(position);
            }
        } catch (const Error&) {
            CHECK(store.failed());
            log.flush(); // returns
        }
        CHECK(sender->last <= 2 * reached.acknowledged);
    } catch (const Error&) { // not even opened
    }
    return reached;
}

/// What is there must be what was reached, or one step more.
void check(const std::string& directory, const Reached& reached) {
    TestStreamingContext ssc(1s);
    CheckpointStore store(directory, "test", std::make_shared<FaultFileSystem>());
    const std::string position = storedPosition(store);
    const std::uint64_t committed = ReceivedInput::readPosition(position);
    CHECK(committed >= reached.committed);
    CHECK(committed <= reached.committed + kBlocksPerBatch);
    LoggedInput input(ssc);
    {
        ReceivedLog log(store);
        log.add(kNumber, input, position, "");
    }
    std::uint64_t next = committed;
    for (const ReceivedBlock& block : input.blocks().take()) {
        CHECK(block.sequence == next++);
        CHECK(textOf(block) == textOfBlock(block.sequence));
        CHECK(block.records == 2);
    }
    CHECK(next >= reached.acknowledged);
    CHECK(next <= reached.acknowledged + 1);
    CHECK(store.keys(Family::received, keyOf(kNumber)).size() == next - committed); // the others are erased
    const auto sender = input.senders().find("sender");
    CHECK((sender == input.senders().end() ? 0 : sender->second) == 2 * next);
}

void failEach(int step) {
    int points = 0;
    for (int n = 1;; n += step) {
        const TemporaryDirectory directory;
        const auto disk = std::make_shared<FaultFileSystem>();
        disk->failAt(n, FaultFileSystem::Fault::fromThenOn);
        const Reached reached = receive(directory / "c", disk);
        if (!disk->hasFailed()) break;
        ++points;
        INFO("change " << n << " failed");
        check(directory / "c", reached);
        const Reached finished = receive(directory / "c", std::make_shared<FaultFileSystem>());
        CHECK(finished.acknowledged == kBlocks);
        check(directory / "c", finished);
    }
    WARN(points << " points of failure");
    CHECK(points * step > 60);
}

void cutEach(int step, int subsets) {
    std::mt19937_64 random(20261121);
    for (int n = 1; n < 120; n += step) {
        for (int subset = 0; subset < subsets; ++subset) {
            const TemporaryDirectory directory;
            const auto disk = std::make_shared<FaultFileSystem>();
            disk->failAt(n, FaultFileSystem::Fault::fromThenOn);
            const Reached reached = receive(directory / "c", disk);
            disk->cutPower();
            disk->forget(random);
            INFO("cut at change " << n << ", subset " << subset);
            check(directory / "c", reached);
        }
    }
}

} // namespace

TEST_CASE("A write or sync of the log may fail, and what was acknowledged is there", "[T9]") { failEach(17); }
TEST_CASE("Each write and sync of the log may fail", "[.long][T9]") { failEach(1); }
TEST_CASE("A received block that was acknowledged survives a power cut", "[T7]") { cutEach(11, 1); }
TEST_CASE("A received block that was acknowledged survives a power cut at every instant", "[.long][T7]") {
    cutEach(1, 5);
}

TEST_CASE("The log of receivers that have nothing does nothing, and one that has failed says so") {
    const TemporaryDirectory directory;
    TestStreamingContext ssc(1s);
    const auto disk = std::make_shared<FaultFileSystem>();
    CheckpointStore store(directory / "c", "test", disk);
    LoggedInput input(ssc);
    ReceivedLog log(store);
    log.add(kNumber, input, "", "");
    log.begin();
    log.flush();
    CHECK_FALSE(log.failed());
    log.requireWorking();
    disk->failAt(1, FaultFileSystem::Fault::once);
    input.blocks().put(textBlock("lost\n", 1));
    log.flush();
    CHECK(log.failed());
    CHECK_THROWS_AS(log.requireWorking(), IoError);
    CHECK_THROWS_AS(input.blocks().awaitWritten(1), IoError);
    CHECK(input.blocks().take().empty());
    CHECK(input.blocks().waitingRecords() == 1);
}

} // namespace rivulet::test::received_log_test
