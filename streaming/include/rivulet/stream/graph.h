#pragma once

#include "rivulet/context.h"
#include "rivulet/stream/batch_context.h"
#include "rivulet/streaming_listener.h"

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace rivulet::detail {

class StreamCore;
class DurableState;
class SinkOutput;

/// A place in the graph of streams whose RDDs are made once per batch time: sources, shuffles, windows, state,
/// `transform`. What lies between them is fused and has no node.
///
/// Threads: made before the start; then RDDs are asked for by any thread, all else is for the one that runs the batches
class StreamNodeBase {
  public:
    StreamNodeBase(std::weak_ptr<StreamCore> core, CallSite site, Duration slide,
                   std::vector<std::shared_ptr<StreamNodeBase>> parents);
    virtual ~StreamNodeBase();
    StreamNodeBase(const StreamNodeBase&) = delete;
    StreamNodeBase& operator=(const StreamNodeBase&) = delete;

    /// The core, or a UsageError if its context is gone.
    std::shared_ptr<StreamCore> core() const;
    const CallSite& site() const { return site_; }
    const std::vector<std::shared_ptr<StreamNodeBase>>& parents() const { return parents_; }
    Duration slide() const { return slide_; }

    const std::string& uid() const { return uid_; }
    void setUid(std::string uid) { uid_ = std::move(uid); }

    /// Keeps the RDDs that it makes for at least this long, and has its parents do so.
    void remember(Duration atLeast);
    /// How long its parents have to remember where it remembers for `own`.
    virtual Duration neededOfParents(Duration own) const { return own; }
    Duration rememberedFor() const { return remembered_; }
    using Forgotten = std::vector<std::shared_ptr<const void>>;
    /// Forgets what is no longer needed once the batch of this time is done, and gives it away to be destroyed.
    void forgetUpTo(Time batchTime, Forgotten& forgotten) { forget(batchTime - remembered_, forgotten); }
    /// Forgets what was made for this time, so that it is made anew.
    void drop(Time time);

  protected:
    struct Made {
        std::shared_ptr<const void> rdd; // null: none was made for this time
        bool persistedHere = false;      // and not by the user, whose caches are left alone
    };
    /// The right to make the RDD of a time, which one thread has at a time. No lock is held meanwhile: to make an RDD
    /// may take a function of the user's.
    class Making {
      public:
        /// Waits while another thread makes it.
        ///
        /// Errors: UsageError where this thread makes it already: it would need itself
        Making(StreamNodeBase& node, Time time);
        ~Making();
        Making(const Making&) = delete;
        Making& operator=(const Making&) = delete;
        /// What another thread has made, or null: then it is for this one to make.
        const std::shared_ptr<const void>& made() const { return made_; }

      private:
        StreamNodeBase& node_;
        const Time time_;
        std::shared_ptr<const void> made_;
    };
    std::shared_ptr<const void> made(Time time) const;
    void keep(Time time, Made made);
    virtual void forget(Time upTo, Forgotten& forgotten);

  private:
    struct InProgress {
        Time time;
        std::thread::id maker;
    };
    virtual void unpersist(const void* rdd) = 0;

    const std::weak_ptr<StreamCore> core_;
    const CallSite site_;
    const Duration slide_;
    const std::vector<std::shared_ptr<StreamNodeBase>> parents_;
    std::string uid_;
    Duration remembered_{};

    mutable std::mutex mutex_; // guards the following
    std::condition_variable changed_;
    std::map<Time, Made> made_;
    std::vector<InProgress> inProgress_;
};

using StreamNodePtr = std::shared_ptr<StreamNodeBase>;

/// Throws a UsageError where two streams that are to be combined differ in context or slide.
void requireCombinable(const StreamNodeBase& first, const StreamNodeBase& second, const char* operation,
                       std::source_location where);

/// Whether a stream of this slide has an RDD at this time.
bool isValidTime(const StreamCore& core, Time time, Duration slide);

/// A node whose RDDs have this type, fused or not.
template <class Rdd> class StreamNode : public StreamNodeBase {
  public:
    using RddType = Rdd;
    using StreamNodeBase::StreamNodeBase;

    /// The RDD of a batch time: computed once, while that batch runs, then remembered. None where the stream has none
    /// then.
    ///
    /// Threads: any
    std::optional<Rdd> at(Time time) {
        if (auto known = remembered(time)) return known;
        if (!isValidTime(*core(), time, slide())) return std::nullopt;
        const Making making(*this, time);
        if (making.made()) return *static_cast<const Rdd*>(making.made().get());
        auto rdd = compute(time);
        if (!rdd) return rdd;
        bool persistedHere = false;
        if constexpr (Rdd::kErased) {
            persistedHere = level_ != StorageLevel::NONE && rdd->getStorageLevel() == StorageLevel::NONE;
            if (persistedHere) rdd->persist(level_);
        }
        keep(time, {share(new Rdd(*rdd)), persistedHere});
        return rdd;
    }
    /// The RDD of a time whose batch ran and that is remembered.
    std::optional<Rdd> remembered(Time time) const {
        const auto known = made(time);
        return known ? std::optional<Rdd>(*static_cast<const Rdd*>(known.get())) : std::nullopt;
    }
    /// Has the RDDs cached that it makes from now on.
    void persist(StorageLevel level) { level_ = level; }

  protected:
    /// May be called for several times at once, by different threads.
    virtual std::optional<Rdd> compute(Time time) = 0;
    /// Gives the RDD of a time before anyone asks for it.
    void set(Time time, Rdd rdd) { keep(time, {share(new Rdd(std::move(rdd))), false}); }

  private:
    void unpersist(const void* rdd) override {
        if constexpr (Rdd::kErased) static_cast<const Rdd*>(rdd)->unpersist();
    }

    StorageLevel level_ = StorageLevel::NONE;
};

/// A node that makes its RDDs by a function of the library's.
template <class Rdd, class Make> class ComputedNode final : public StreamNode<Rdd> {
  public:
    ComputedNode(std::weak_ptr<StreamCore> core, CallSite site, Duration slide, std::vector<StreamNodePtr> parents,
                 Make make)
        : StreamNode<Rdd>(std::move(core), site, slide, std::move(parents)),
          make_(std::move(make)) {}

  protected:
    std::optional<Rdd> compute(Time time) override { return make_(time); }

  private:
    Make make_;
};

/// Where data enters. An input has the RDD of a batch ready when it was asked to `allocate` it.
class Input {
  public:
    virtual ~Input() = default;
    /// Begins to receive; called once, at the start, where an output needs this input.
    virtual void start() {}
    /// Ends receiving; what was received stays to be allocated. Must not throw.
    virtual void stop() noexcept {}
    /// Fixes what belongs to the batch of this time and returns its number of records, 0 if that is not known.
    virtual long allocate(Time time) = 0;
    /// Records that were received and belong to no batch yet.
    virtual long unallocated() const { return 0; }
    /// What makes up the batch of this time, for people: files, offsets.
    virtual std::string describe(Time) const { return {}; }
    /// Whether a graceful stop has to run another batch for this input.
    virtual bool hasMore() const { return unallocated() > 0; }
    /// Records that could not be taken in (a line that is too long, half a line at a stop).
    virtual long dropped() const { return 0; }

    // Where there is a checkpoint directory:

    /// What a later process needs to go on after the batch that was allocated last. It is stored with that batch.
    virtual std::string position() const { return {}; }
    /// Goes on from a position that an earlier process had. After `start`, before any batch.
    virtual void restore(std::string_view) {}
    /// `allocate` for a batch that an earlier process had begun: it must have what it had then, when this was the
    /// position after it.
    virtual long allocateAgain(Time time, std::string_view) { return allocate(time); }
    /// Whether what belongs to no batch yet is stored, so that a stop does not lose it.
    virtual bool keepsUnallocated() const { return false; }
    /// How fast it may be, by what was seen of it. Stored as the position is; empty where that is not known.
    virtual std::string pace() const { return {}; }
    virtual void restorePace(std::string_view) {}

    /// What it is, in a few words: "Socket stream".
    virtual std::string kind() const { return "Input stream"; }
    virtual bool isReceiver() const { return false; }
    /// Inputs are counted from 0 in the order of their creation.
    int id() const { return id_; }
    void setId(int id) { id_ = id; }
    std::string name() const { return kind() + " [" + std::to_string(id_) + "]"; }

  private:
    int id_ = -1;
};

/// What a stream keeps from batch to batch: state, and the panes of windows. Computed by jobs of its own, before the
/// outputs of the batch; in force when all of the batch has succeeded.
class KeptByBatch {
  public:
    virtual ~KeptByBatch() = default;
    virtual void materialize(Time time) = 0;
    virtual void commit(Time time) = 0;
    /// Leaves everything as it was before the batch.
    virtual void abort(Time time) noexcept = 0;
    /// How much later than its time a batch has to run for this.
    virtual Duration slack() const { return Duration::zero(); }
    /// Whether a graceful stop has to run another batch for what waits here.
    virtual bool hasMore() const { return false; }
    /// Whether it lasts as long as the program does, so that its loss in a crash matters.
    virtual bool isState() const { return false; }
    /// What of it is stored where there is a checkpoint directory; null where it cannot be.
    virtual DurableState* durable() { return nullptr; }
};

/// One output operation: gives the job of a batch, or none where its stream has no RDD then.
struct Output {
    StreamNodePtr node;
    CallSite site;
    std::function<std::function<void()>(const BatchContext&)> jobAt;
    /// Whether it may rely on a batch that is run again being the same, also after a power cut.
    bool needsSameBatch = true;
    /// What takes part in the commit; null for an output that has done all when its job is done.
    std::shared_ptr<SinkOutput> sink = nullptr;
};

/// Writes what `print` shows of a batch.
void printBatch(Time time, const std::vector<std::string>& elements, bool more);
/// `prefix-<ms>` or `prefix-<ms>.suffix`.
std::string batchDirectory(const std::string& prefix, const std::string& suffix, Time time);

} // namespace rivulet::detail
