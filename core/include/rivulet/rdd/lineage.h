#pragma once

#include "rivulet/error.h"
#include "rivulet/partitioner.h"
#include "rivulet/rdd/storage_level.h"
#include "rivulet/task_context.h"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rivulet::detail {

class Engine;
class Lineage;
class NodeBase;

/// Which operator of which RDD: what an error names when the user's function in it throws.
struct OperatorSite {
    CallSite site;
    int rddId = -1;
};

/// What a map task leaves for the reduce tasks; the typed form is known to the shuffle that made it.
class MapOutput {
  public:
    virtual ~MapOutput() = default;
    virtual std::size_t sizeBytes() const = 0;
    /// False where it is not known.
    virtual bool isEmpty() const { return false; }
};

/// A boundary where data change partitions: the parent's partitions are computed by map tasks into outputs that reduce
/// tasks read.
///
/// Threads: immutable but for the outputs, which the engine's shuffle store guards
class ShuffleDependency {
  public:
    ShuffleDependency(std::shared_ptr<const Lineage> parent, bool parentIsNode, int mapPartitions,
                      int reducePartitions);
    virtual ~ShuffleDependency();
    ShuffleDependency(const ShuffleDependency&) = delete;
    ShuffleDependency& operator=(const ShuffleDependency&) = delete;

    int id() const { return id_; }
    const std::shared_ptr<const Lineage>& parent() const { return parent_; }
    /// Whether the map tasks read the parent through its node (where it may be cached) and not through the chain that
    /// it heads.
    bool parentIsNode() const { return parentIsNode_; }
    int mapPartitions() const { return mapPartitions_; }
    int reducePartitions() const { return reducePartitions_; }

    virtual std::shared_ptr<const MapOutput> runMapTask(int partition, TaskContext& task) const = 0;

  private:
    std::shared_ptr<const Lineage> parent_;
    std::weak_ptr<Engine> engine_;
    int id_;
    bool parentIsNode_;
    int mapPartitions_, reducePartitions_;
};

struct Dependency {
    std::shared_ptr<const Lineage> parent;
    bool parentIsNode = false;                  // read through the parent's node, where its cached blocks are seen
    std::shared_ptr<ShuffleDependency> shuffle; // null for a narrow dependency
};

/// The record that an operator's call makes: identity and lineage of one RDD, shared by all copies and erasures of its
/// chain.
///
/// Threads: immutable but for name, level and node, which have their own synchronization
class Lineage {
  public:
    Lineage(std::weak_ptr<Engine> engine, const char* kind, CallSite site,
            std::shared_ptr<const Partitioner> partitioner = nullptr);
    ~Lineage();
    /// Before the record is shared.
    void dependOn(Dependency dependency) { dependencies_.push_back(std::move(dependency)); }
    /// Before the record is shared: whether it has elements is known, and does not follow from its dependencies.
    void setHasElements(bool has) { hasElements_ = has; }

    const OperatorSite& site() const { return site_; }
    int id() const { return site_.rddId; }
    const char* kind() const { return kind_; }
    const std::vector<Dependency>& dependencies() const { return dependencies_; }
    /// Nothing where that has to be asked of its dependencies; true where in doubt.
    std::optional<bool> hasElements() const {
        return hasElements_ || !dependencies_.empty() ? hasElements_ : std::optional(true);
    }
    const std::shared_ptr<const Partitioner>& partitioner() const { return partitioner_; }
    const std::weak_ptr<Engine>& weakEngine() const { return engine_; }
    /// The engine, or a UsageError if its context is gone or stopped, or if a task asks.
    std::shared_ptr<Engine> engine() const;

    std::string name() const;
    void setName(std::string name) const;
    StorageLevel storageLevel() const { return level_.load(std::memory_order_acquire); }
    void setStorageLevel(StorageLevel level) const;

    /// The one node of this chain, made on first need; null once all its users are gone.
    std::shared_ptr<const NodeBase> node() const;
    template <class Make> auto nodeOr(Make&& make) const {
        std::lock_guard lock(mutex_);
        if (auto node = node_.lock()) return std::invoke_result_t<Make>(std::move(node));
        auto node = make();
        node_ = node.base();
        return node;
    }

    /// `name Kind[id] at operation at file:line`
    std::string text() const;

  private:
    const std::weak_ptr<Engine> engine_;
    const char* const kind_;
    const OperatorSite site_;
    std::vector<Dependency> dependencies_;
    std::optional<bool> hasElements_;
    const std::shared_ptr<const Partitioner> partitioner_;

    mutable std::atomic<StorageLevel> level_{StorageLevel::NONE};

    mutable std::mutex mutex_; // guards the following
    mutable std::string name_;
    mutable std::weak_ptr<const NodeBase> node_;
};

using LineagePtr = std::shared_ptr<const Lineage>;

/// An RDD behind a type-erased handle, as far as its element type does not matter.
class NodeBase {
  public:
    explicit NodeBase(LineagePtr lineage) : lineage_(std::move(lineage)) {}
    virtual ~NodeBase();
    NodeBase(const NodeBase&) = delete;
    NodeBase& operator=(const NodeBase&) = delete;

    virtual int partitions() const = 0;
    const LineagePtr& lineage() const { return lineage_; }

  private:
    LineagePtr lineage_;
};

/// Owners whose machinery does not depend on the type. std::make_shared would have the compiler make some thirty
/// functions for each; measured over 30 operators, that was a third of their compile time.
std::shared_ptr<void> adopt(void* made, void (*destroy)(void*));
template <class T> std::shared_ptr<T> share(T* made) {
    return {adopt(made, [](void* object) { delete static_cast<T*>(object); }), made};
}
std::shared_ptr<const NodeBase> adopt(const NodeBase* made);
std::shared_ptr<ShuffleDependency> adopt(ShuffleDependency* made);
std::shared_ptr<MapOutput> adopt(MapOutput* made);

/// Throws a UsageError where a handle is empty.
const Lineage& checkedLineage(const LineagePtr& lineage);

std::shared_ptr<Lineage> makeLineage(std::weak_ptr<Engine> engine, const char* kind, CallSite site,
                                     std::shared_ptr<const Partitioner> partitioner = nullptr);
/// The record of an operator that is applied to the RDD of this lineage; `parentIsNode` as in Dependency.
std::shared_ptr<Lineage> lineageAfter(const LineagePtr& parent, const char* kind, const char* operation,
                                      std::source_location where, std::shared_ptr<const Partitioner> partitioner);
/// The same for one that depends on it narrowly and on nothing else.
std::shared_ptr<Lineage> lineageAfterNarrow(const LineagePtr& parent, bool parentIsNode, const char* operation,
                                            std::source_location where, std::shared_ptr<const Partitioner> partitioner);

[[noreturn]] void throwBadPartitionCount(int numPartitions, std::source_location where,
                                         const char* operation = "repartition");

/// Spark's `toDebugString`: the lineage, one RDD a line, a new indentation at every shuffle.
std::string debugString(const Lineage& lineage, int partitions);

/// A user function threw; wraps the cause with the operator on its way to the scheduler, which makes a JobError of it.
class UserFunctionError {
  public:
    UserFunctionError(const OperatorSite& site, std::exception_ptr cause) : site_(site), cause_(std::move(cause)) {}
    const OperatorSite& site() const { return site_; }
    const std::exception_ptr& cause() const { return cause_; }

  private:
    OperatorSite site_;
    std::exception_ptr cause_;
};

/// Call in a catch block around a user function.
[[noreturn, gnu::cold]] void rethrowFrom(const OperatorSite& site);

/// Calls a user function; what it throws is told to have come from this operator.
template <class F, class... X> decltype(auto) callUser(const OperatorSite& site, const F& f, X&&... x) {
    try {
        if constexpr (std::is_member_pointer_v<F>)
            return std::invoke(f, std::forward<X>(x)...);
        else
            return f(std::forward<X>(x)...);
    } catch (...) {
        rethrowFrom(site);
    }
}

} // namespace rivulet::detail
