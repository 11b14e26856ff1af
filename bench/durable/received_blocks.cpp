// From a receiver to the disk: blocks of 1 MiB that are written ahead, against a RocksDB that is given the same bytes
// by hand. And how long an acknowledgement takes.

#include "workloads.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <rivulet/rivulet.h>
#include <rocksdb/db.h>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

constexpr std::size_t kElementBytes = 1020, kElements = 1024; // 4 bytes of length make it 1 MiB
constexpr int kBlocks = 256, kRuns = 5;
constexpr int kBlocksPerSync = 8; // by hand: as much as the log writes at once

std::filesystem::path emptied(const Settings& settings, const char* name) {
    const auto path = settings.dataDirectory / name;
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
    return path;
}

double byHand(const Settings& settings) {
    const auto path = emptied(settings, "blocks-by-hand");
    rocksdb::Options options;
    options.create_if_missing = true;
    options.compression = rocksdb::kNoCompression;
    rocksdb::DB* opened = nullptr;
    if (const auto status = rocksdb::DB::Open(options, path, &opened); !status.ok())
        throw std::runtime_error("durable.received: " + status.ToString());
    const std::unique_ptr<rocksdb::DB> db(opened);
    const std::string value(1 << 20, 'x');
    const auto begun = Steady::now();
    for (int i = 0; i < kBlocks; ++i) {
        rocksdb::WriteOptions write;
        write.sync = i % kBlocksPerSync == kBlocksPerSync - 1;
        if (const auto status = db->Put(write, std::to_string(i), value); !status.ok())
            throw std::runtime_error("durable.received: " + status.ToString());
    }
    return std::chrono::duration<double>(Steady::now() - begun).count();
}

/// Stores blocks as fast as it can, and notes when each is stored.
class BlockReceiver final : public rivulet::Receiver<std::string> {
  public:
    explicit BlockReceiver(std::vector<double>& seconds) : seconds_(seconds) {}
    void run(Store& store, std::stop_token) override {
        const std::vector<std::string> block(kElements, std::string(kElementBytes, 'x'));
        seconds_.resize(kBlocks);
        begun = Steady::now();
        for (int i = 0; i < kBlocks; ++i) {
            auto copy = block;
            const auto given = Steady::now();
            store(std::move(copy), {.onStored = [this, i, given] {
                      seconds_[std::size_t(i)] = std::chrono::duration<double>(Steady::now() - given).count();
                      if (i == kBlocks - 1) {
                          ended = Steady::now();
                          done.store(true);
                          done.notify_all();
                      }
                  }});
        }
    }

    std::atomic<bool> done = false;
    Steady::time_point begun, ended;

  private:
    std::vector<double>& seconds_;
};

double byReceiver(const Settings& settings, std::vector<double>& acknowledgements) {
    const auto path = emptied(settings, "blocks-received");
    rivulet::Conf conf("local[" + std::to_string(settings.threads) + "]", "received-blocks");
    conf.set("rivulet.streaming.backpressure.enabled", false);
    rivulet::StreamingContext ssc(conf, 100ms);
    ssc.checkpoint(path.string());
    std::vector<double> seconds;
    const auto receiver = std::make_shared<BlockReceiver>(seconds);
    ssc.receiverStream(receiver).uid("blocks").foreachRDD([](const auto& rdd) { rdd.count(); });
    ssc.start();
    receiver->done.wait(false);
    const double whole = std::chrono::duration<double>(receiver->ended - receiver->begun).count();
    ssc.stop();
    ssc.awaitTermination();
    acknowledgements.insert(acknowledgements.end(), seconds.begin(), seconds.end());
    return whole;
}

std::vector<Row> receivedBlocks(const Settings& settings) {
    std::vector<double> hand, ours, acknowledgements;
    for (int i = 0; i < kRuns; ++i) { // in turns, so that a slow moment of the disk hits both
        hand.push_back(byHand(settings));
        ours.push_back(byReceiver(settings, acknowledgements));
    }
    const auto row = [&](const char* name, const std::vector<double>& seconds, const std::string& note) {
        return Row{.workload = "durable.received",
                   .contestant = name,
                   .threads = settings.threads,
                   .medianSeconds = quantile(seconds, 0.5),
                   .minSeconds = *std::min_element(seconds.begin(), seconds.end()),
                   .note = note};
    };
    const auto rate = [](const std::vector<double>& seconds) {
        return std::to_string(int(kBlocks / quantile(seconds, 0.5))) + " MiB/s";
    };
    std::vector<Row> rows = {row("hand", hand, rate(hand)), row("received", ours, rate(ours)),
                             row("acknowledged", acknowledgements, "of a block, behind those before it")};
    rows[1].ratioToHand = rows[0].medianSeconds / rows[1].medianSeconds;
    rows[2].p99Seconds = quantile(acknowledgements, 0.99);
    return rows;
}

} // namespace

void addReceivedBlocks(Suite& suite) {
    suite.add(Measurement{.name = "durable.received",
                          .about = "256 blocks of 1 MiB from a receiver to the disk, and by hand",
                          .take = receivedBlocks});
}

} // namespace bench
