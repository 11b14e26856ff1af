#pragma once

#include "rivulet/containers/slab_pool.h"
#include "rivulet/shuffle/aggregate.h"

/// Rows on their way to tables that last from batch to batch: routed and not combined, in memory that is used again.
namespace rivulet::detail {

/// Keys that are compared and hashed as quickly as a hash is: the rows of such do not carry it.
template <class K> inline constexpr bool kIsBareKey = (std::is_arithmetic_v<K> || std::is_enum_v<K>) && sizeof(K) <= 8;

template <class K, class V> using BucketedRow = std::conditional_t<kIsBareKey<K>, std::pair<K, V>, Cell<K, V>>;

/// The keys of rows that are looked up together: of cells, which have them.
template <class K, class Row, std::size_t kMost> class RowKeys {
  public:
    RowKeys(const Row* rows, std::size_t) : rows_(rows) {}
    const KeySlot<K>& operator[](std::size_t i) const { return rows_[i].slot(); }

  private:
    const Row* rows_;
};
template <class K, class V, std::size_t kMost> class RowKeys<K, std::pair<K, V>, kMost> {
  public:
    RowKeys(const std::pair<K, V>* rows, std::size_t count) {
        Arena none;
        for (std::size_t i = 0; i < count; ++i) keys_[i].set(rows[i].first, none);
    }
    const KeySlot<K>& operator[](std::size_t i) const { return keys_[i]; }

  private:
    KeySlot<K> keys_[kMost];
};
template <class K, class V> const V& valueOf(const Cell<K, V>& row) { return row.value(); }
template <class K, class V> const V& valueOf(const std::pair<K, V>& row) { return row.second; }

/// Into how many buckets the rows of a partition are parted by the upper bits of their hashes: so many (a power of two)
/// that what a bucket leads to in a table of `keys` keys stays in a cache, and not so many that one of `rows` rows gets
/// only a few of them. 0 bits where the table is small: rows then stay in the order in which they came.
unsigned bucketBits(std::size_t keys, std::size_t rows);

/// The rows of one map task by partition and, within, by bucket. The rows of a key keep their order.
template <class K, class V> class BucketedRows final : public MapOutput {
  public:
    using Row = BucketedRow<K, V>;

    BucketedRows(const Router<K>& route, unsigned bucketBits, std::shared_ptr<SlabPool> pool)
        : route_(route),
          bits_(bucketBits),
          pool_(std::move(pool)),
          buckets_(route.partitions() << bucketBits) {}
    BucketedRows(const BucketedRows&) = delete;
    BucketedRows& operator=(const BucketedRows&) = delete;
    ~BucketedRows() override {
        if constexpr (!std::is_trivially_destructible_v<Row>)
            for (std::size_t i = 0; i < buckets_.size(); ++i)
                eachChunk(buckets_[i], [](Row* rows, std::size_t count) {
                    for (std::size_t n = 0; n < count; ++n) rows[n].~Row();
                });
        for (void* slab : slabs_) pool_->giveBack(slab, kSlabBytes);
    }
    std::size_t sizeBytes() const override { return slabs_.size() * kSlabBytes + texts_.sizeBytes(); }

    template <class X, class Y> void add(X&& key, Y&& value) {
        if constexpr (kIsBareKey<K>) {
            KeySlot<K> slot;
            slot.set(std::forward<X>(key), texts_);
            place(slot, slot.key(), std::forward<Y>(value));
        } else {
            Row row;
            row.set(std::forward<X>(key), std::forward<Y>(value), texts_);
            place(row.slot(), std::move(row));
        }
    }
    /// The same with the key and the value of a cell that is elsewhere.
    void take(Cell<K, V>& cell) {
        if constexpr (kIsBareKey<K>) {
            place(cell.slot(), cell.slot().key(), std::move(cell.value()));
        } else {
            Row row;
            row.claim(cell.slot(), std::move(cell.value()), texts_);
            place(row.slot(), std::move(row));
        }
    }
    /// Calls `use(rows, count)` for the rows of a bucket, some at a time.
    template <class Use> void each(std::size_t partition, std::size_t bucket, Use&& use) const {
        eachChunk(buckets_[partition << bits_ | bucket], use);
    }
    std::size_t buckets() const { return std::size_t(1) << bits_; }

  private:
    // Rows of a bucket lie in chunks of a page, cut from slabs: nothing is moved when a bucket grows.
    static constexpr std::size_t kHeader = std::max(alignof(Row), 2 * sizeof(void*));
    static constexpr std::size_t kPerChunk = std::max<std::size_t>((4096 - kHeader) / sizeof(Row), 4);
    static constexpr std::size_t kChunkBytes = (kHeader + kPerChunk * sizeof(Row) + 4095) / 4096 * 4096;
    static constexpr std::size_t kSlabBytes =
        std::max(SlabPool::kSlabBytes / kChunkBytes, std::size_t(1)) * kChunkBytes;
    struct Chunk {
        Chunk* next = nullptr;
        Row* rows() { return reinterpret_cast<Row*>(reinterpret_cast<char*>(this) + kHeader); }
    };
    struct Bucket {
        Row *at = nullptr, *end = nullptr;
        Chunk *first = nullptr, *last = nullptr;
    };

    template <class Use> static void eachChunk(const Bucket& bucket, Use&& use) {
        for (Chunk* chunk = bucket.first; chunk; chunk = chunk->next)
            use(chunk->rows(), chunk->next ? kPerChunk : std::size_t(bucket.at - chunk->rows()));
    }
    template <class... X> void place(const KeySlot<K>& key, X&&... row) {
        Bucket& bucket = buckets_[route_(key) << bits_ | upperBits(key.hash(), bits_)];
        if (bucket.at == bucket.end) [[unlikely]]
            grow(bucket);
        ::new (static_cast<void*>(bucket.at)) Row(std::forward<X>(row)...);
        ++bucket.at;
    }
    [[gnu::noinline]] void grow(Bucket& bucket) {
        if (free_ == 0) {
            slabs_.reserve(slabs_.size() + 1);
            next_ = static_cast<char*>(pool_->take(kSlabBytes));
            slabs_.push_back(next_);
            free_ = kSlabBytes / kChunkBytes;
        }
        Chunk* const chunk = ::new (static_cast<void*>(next_)) Chunk();
        next_ += kChunkBytes;
        --free_;
        (bucket.last ? bucket.last->next : bucket.first) = chunk;
        bucket.last = chunk;
        bucket.at = chunk->rows();
        bucket.end = bucket.at + kPerChunk;
    }

    const Router<K>& route_; // of the shuffle, while its map task runs
    const unsigned bits_;
    const std::shared_ptr<SlabPool> pool_;
    Rows<Bucket> buckets_;
    Rows<void*> slabs_;
    char* next_ = nullptr; // what is left of the newest slab
    std::size_t free_ = 0;
    Arena texts_; // the long keys
};

/// Routes rows as they come.
template <class K, class V> struct BucketSink {
    BucketedRows<K, V>& rows;
    template <class Row> void operator()(Row&& row) {
        rows.add(std::forward<Row>(row).first, own(std::forward<Row>(row).second));
    }
};

/// The map side of a shuffle whose rows go to tables.
template <class Pipe> class BucketedShuffle final : public ShuffleDependency {
  public:
    using K = KeyOf<typename Pipe::value_type>;
    using V = ValueOf<typename Pipe::value_type>;

    BucketedShuffle(LineagePtr parent, Pipe pipe, std::shared_ptr<const Partitioner> partitioner, unsigned bucketBits,
                    std::shared_ptr<SlabPool> pool)
        : ShuffleDependency(std::move(parent), kIsErased<Pipe>, pipe.partitions(), partitioner->numPartitions()),
          pipe_(std::move(pipe)),
          route_(std::move(partitioner)),
          bits_(bucketBits),
          pool_(std::move(pool)) {}

    std::shared_ptr<const MapOutput> runMapTask(int partition, TaskContext& task) const override {
        auto made = adopt(new BucketedRows<K, V>(route_, bits_, pool_));
        BucketSink<K, V> sink{static_cast<BucketedRows<K, V>&>(*made)};
        drain(pipe_, partition, task, sink);
        return made;
    }

  private:
    Pipe pipe_;
    Router<K> route_;
    unsigned bits_;
    std::shared_ptr<SlabPool> pool_;
};

/// What the map tasks of a shuffle left, by map partition.
Rows<std::shared_ptr<const MapOutput>> allOutputs(const ShuffleDependency& shuffle, TaskContext& task);

/// Calls `use(rows, count)` for the rows of a partition: bucket by bucket, within a bucket in the order of the map
/// partitions.
template <class K, class V, class Use>
void eachBucketed(const ShuffleDependency& shuffle, int partition, TaskContext& task, Use&& use) {
    const auto outputs = allOutputs(shuffle, task);
    if (outputs.empty()) return;
    const std::size_t buckets = static_cast<const BucketedRows<K, V>&>(*outputs[0]).buckets();
    for (std::size_t bucket = 0; bucket < buckets; ++bucket, task.throwIfCancelled())
        for (const auto& output : outputs)
            static_cast<const BucketedRows<K, V>&>(*output).each(std::size_t(partition), bucket, use);
}

} // namespace rivulet::detail
