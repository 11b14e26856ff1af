#pragma once

#include "rivulet/time.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

/// What an operator stores of what it keeps from batch to batch, where there is a checkpoint directory.
namespace rivulet::detail {

/// Where a piece of an operator's log lies. Pieces are told in the order of their batches.
struct PieceKey {
    std::uint32_t partition = 0;
    std::uint64_t batch = 0; // its number
    std::uint32_t piece = 0; // of this batch
};

/// Takes what an operator adds to a commit, and takes away.
class DurableWriter {
  public:
    virtual ~DurableWriter() = default;
    /// The number of the batch that is being committed.
    virtual std::uint64_t batch() const = 0;
    virtual void put(const PieceKey& key, std::string_view payload) = 0;
    /// The same of a payload that is not copied: it stays where it is until the batch is committed or aborted.
    /// `packed`: by `packRows`.
    virtual void lend(const PieceKey& key, std::string_view payload, bool packed) = 0;
    virtual void erase(const PieceKey& key) = 0;
    /// Notes how the pieces are partitioned: "hash 7".
    virtual void setLayout(std::string_view layout) = 0;
};

/// Gives what an operator has stored.
///
/// Threads: any number at once
class DurableReader {
  public:
    virtual ~DurableReader() = default;
    /// Empty where the operator has stored nothing yet.
    virtual std::string layout() const = 0;
    /// The time of the batch that was committed last.
    virtual Time time() const = 0;
    using Visit = std::function<void(const PieceKey& key, std::string_view payload)>;
    virtual void each(std::uint32_t partition, const Visit& visit) const = 0;
    /// The same, with payloads as they are stored: some are packed.
    using VisitStored = std::function<void(const PieceKey& key, std::string_view payload, bool packed)>;
    virtual void eachStored(std::uint32_t partition, const VisitStored& visit) const = 0;
    /// Those of all partitions, one after the other.
    virtual void each(const Visit& visit) const = 0;
};

class PageStore;

class DurableState {
  public:
    virtual ~DurableState() = default;
    /// Whether what it keeps lies in a store of pages, which it is given before `recover`.
    virtual bool needsPages() const { return false; }
    virtual void usePages(std::shared_ptr<PageStore>) {}
    /// What is stored, for people, and to be compared with what an earlier program had: operation and types.
    ///
    /// Errors: UsageError where a type cannot be stored
    virtual std::string form() const = 0;
    /// Before the first batch of the process.
    virtual void recover(const DurableReader& reader) = 0;
    /// When all of a batch has succeeded, and before anything of it comes into force: adds what is to be stored of it.
    virtual void save(DurableWriter& writer) = 0;
};

} // namespace rivulet::detail
