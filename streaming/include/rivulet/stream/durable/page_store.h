#pragma once

#include "rivulet/stream/durable/durable_state.h"

#include <memory>

namespace rivulet::detail {

/// What an operator keeps on the disk instead of in memory: pieces that are never changed, only superseded by others.
///
/// A batch stages its pieces, which are on the disk before the commit, and in force by what the commit says of them. So
/// a piece without a commit is nothing, and no batch is too large for memory.
///
/// Errors:  IoError where a write or a read fails, or the directory was given back
/// Threads: any
class PageStore {
  public:
    /// All pieces as they are now, as long as it is held.
    using Moment = std::shared_ptr<const void>;
    using Use = std::function<void(std::string_view payload, bool packed)>; // by `packRows`

    virtual ~PageStore() = default;
    /// The number of the batch that is being run, or comes next.
    virtual std::uint64_t batch() const = 0;
    virtual void stage(const PieceKey& key, std::string_view payload, bool packed) = 0;
    virtual void discard(const PieceKey& key) = 0;
    /// Discards the pieces of a partition from this batch on.
    virtual void discardFrom(std::uint32_t partition, std::uint64_t batch) = 0;
    /// False where there is no such piece. `moment` may be null: now.
    virtual bool read(const PieceKey& key, const Moment& moment, const Use& use) const = 0;
    virtual Moment now() const = 0;
};

} // namespace rivulet::detail
