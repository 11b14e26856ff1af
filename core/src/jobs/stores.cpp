#include "rivulet/memory_account.h"
#include "rivulet/rdd/engine.h"
#include "rivulet/shuffle/bucketed.h"

#include <algorithm>
#include <bit>
#include <condition_variable>
#include <map>
#include <mutex>
#include <unordered_map>

namespace rivulet::detail {

void throwMissingOutput(int shuffle, int mapPartition) {
    throw Error("the output of map partition " + std::to_string(mapPartition) + " of shuffle " +
                std::to_string(shuffle) + " is gone");
}

// ---- shuffles

Rows<std::shared_ptr<const MapOutput>> allOutputs(const ShuffleDependency& shuffle, TaskContext& task) {
    Rows<std::shared_ptr<const MapOutput>> outputs;
    for (int m = 0; m < shuffle.mapPartitions(); ++m) {
        outputs.push_back(task.engine().shuffles().get(shuffle.id(), m));
        if (!outputs[std::size_t(m)]) throwMissingOutput(shuffle.id(), m);
    }
    return outputs;
}

unsigned bucketBits(std::size_t keys, std::size_t rows) {
    // Some 150 to 300 KB of a table's parts for each bucket, and a page of rows to fill.
    constexpr std::size_t kSmall = 32'768, kKeysInBucket = 4'096, kRowsInBucket = 256, kMostBits = 9;
    if (keys < kSmall) return 0;
    const std::size_t buckets = std::min(keys / kKeysInBucket, rows / kRowsInBucket);
    return unsigned(std::min<std::size_t>(std::size_t(std::bit_width(buckets)), kMostBits + 1) - (buckets > 0));
}

struct ShuffleStore::State {
    std::shared_ptr<MemoryAccount> memory;
    MemoryAccount::ConsumerId consumer;
    mutable std::mutex mutex;
    std::unordered_map<int, std::vector<std::shared_ptr<const MapOutput>>> outputs; // guarded by mutex
};

ShuffleStore::ShuffleStore(std::shared_ptr<MemoryAccount> memory)
    : state_(new State{memory, memory->consumer("shuffle"), {}, {}}) {}
ShuffleStore::~ShuffleStore() = default;

void ShuffleStore::put(int shuffle, int mapPartition, std::shared_ptr<const MapOutput> output) {
    std::int64_t grown = std::int64_t(output->sizeBytes());
    std::shared_ptr<const MapOutput> replaced; // destroyed outside of the lock
    {
        std::lock_guard lock(state_->mutex);
        auto& outputs = state_->outputs[shuffle];
        if (outputs.size() <= std::size_t(mapPartition)) outputs.resize(std::size_t(mapPartition) + 1);
        replaced = std::exchange(outputs[std::size_t(mapPartition)], std::move(output));
    }
    if (replaced) grown -= std::int64_t(replaced->sizeBytes());
    state_->memory->add(state_->consumer, grown);
}

std::shared_ptr<const MapOutput> ShuffleStore::get(int shuffle, int mapPartition) const {
    std::lock_guard lock(state_->mutex);
    const auto found = state_->outputs.find(shuffle);
    if (found == state_->outputs.end() || found->second.size() <= std::size_t(mapPartition)) return nullptr;
    return found->second[std::size_t(mapPartition)];
}

std::vector<int> ShuffleStore::missing(int shuffle, int mapPartitions) const {
    std::vector<int> missing;
    std::lock_guard lock(state_->mutex);
    const auto found = state_->outputs.find(shuffle);
    for (int m = 0; m < mapPartitions; ++m)
        if (found == state_->outputs.end() || found->second.size() <= std::size_t(m) || !found->second[std::size_t(m)])
            missing.push_back(m);
    return missing;
}

bool ShuffleStore::isEmpty(int shuffle, int mapPartitions) const {
    if (mapPartitions == 0) return true;
    std::lock_guard lock(state_->mutex);
    const auto found = state_->outputs.find(shuffle);
    if (found == state_->outputs.end() || found->second.size() < std::size_t(mapPartitions)) return false;
    return std::ranges::all_of(found->second, [](const auto& output) { return output && output->isEmpty(); });
}

void ShuffleStore::remove(int shuffle) {
    std::vector<std::shared_ptr<const MapOutput>> removed;
    {
        std::lock_guard lock(state_->mutex);
        const auto found = state_->outputs.find(shuffle);
        if (found == state_->outputs.end()) return;
        removed = std::move(found->second);
        state_->outputs.erase(found);
    }
    for (const auto& output : removed)
        if (output) state_->memory->add(state_->consumer, -std::int64_t(output->sizeBytes()));
}

// ---- blocks

struct BlockStore::State {
    struct Slot {
        Block block;
        bool computing = false;
        bool removed = false; // while it was computed: it is not to be kept
    };
    std::shared_ptr<MemoryAccount> memory;
    MemoryAccount::ConsumerId consumer;
    std::mutex mutex;
    std::condition_variable changed;
    std::map<std::pair<int, int>, Slot> slots; // guarded by mutex
};

BlockStore::BlockStore(std::shared_ptr<MemoryAccount> memory)
    : state_(new State{memory, memory->consumer("cache"), {}, {}, {}}) {}
BlockStore::~BlockStore() = default;

BlockStore::Block BlockStore::getOrCompute(int rdd, int partition, const std::function<Block()>& compute) {
    const std::pair key(rdd, partition);
    std::unique_lock lock(state_->mutex);
    for (;;) {
        auto& slot = state_->slots[key];
        if (slot.block.rows) return slot.block;
        if (!slot.computing) {
            slot.computing = true;
            break;
        }
        state_->changed.wait(lock);
    }
    lock.unlock();
    Block block;
    try {
        block = compute();
    } catch (...) {
        lock.lock();
        state_->slots.erase(key);
        state_->changed.notify_all();
        throw;
    }
    lock.lock();
    auto& slot = state_->slots[key];
    if (slot.removed) {
        state_->slots.erase(key);
    } else {
        slot = {block, false, false};
        state_->memory->add(state_->consumer, std::int64_t(block.sizeBytes));
    }
    state_->changed.notify_all();
    return block;
}

int BlockStore::count(int rdd) const {
    std::lock_guard lock(state_->mutex);
    int count = 0;
    for (auto at = state_->slots.lower_bound({rdd, 0}); at != state_->slots.end() && at->first.first == rdd; ++at)
        count += at->second.block.rows != nullptr;
    return count;
}

std::size_t BlockStore::sizeBytes(int rdd) const {
    std::lock_guard lock(state_->mutex);
    std::size_t sum = 0;
    for (auto at = state_->slots.lower_bound({rdd, 0}); at != state_->slots.end() && at->first.first == rdd; ++at)
        sum += at->second.block.sizeBytes;
    return sum;
}

void BlockStore::remove(int rdd) {
    std::vector<Block> removed;
    {
        std::lock_guard lock(state_->mutex);
        for (auto at = state_->slots.lower_bound({rdd, 0}); at != state_->slots.end() && at->first.first == rdd;) {
            if (at->second.computing) {
                at->second.removed = true;
                ++at;
                continue;
            }
            removed.push_back(std::move(at->second.block));
            at = state_->slots.erase(at);
        }
    }
    for (const Block& block : removed) state_->memory->add(state_->consumer, -std::int64_t(block.sizeBytes));
}

} // namespace rivulet::detail
