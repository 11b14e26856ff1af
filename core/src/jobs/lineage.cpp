#include "rivulet/rdd/lineage.h"

#include "rivulet/rdd/node.h"

namespace rivulet {

const char* nameOf(StorageLevel level) { return level == StorageLevel::NONE ? "NONE" : "MEMORY_ONLY"; }

namespace detail {

ShuffleDependency::ShuffleDependency(std::shared_ptr<const Lineage> parent, bool parentIsNode, int mapPartitions,
                                     int reducePartitions)
    : parent_(std::move(parent)),
      engine_(parent_->weakEngine()),
      id_(parent_->engine()->nextShuffleId()),
      parentIsNode_(parentIsNode),
      mapPartitions_(mapPartitions),
      reducePartitions_(reducePartitions) {}

ShuffleDependency::~ShuffleDependency() {
    if (const auto engine = engine_.lock()) engine->shuffles().remove(id_);
}

Lineage::Lineage(std::weak_ptr<Engine> engine, const char* kind, CallSite site,
                 std::shared_ptr<const Partitioner> partitioner)
    : engine_(std::move(engine)),
      kind_(kind),
      site_{site, this->engine()->nextId()},
      partitioner_(std::move(partitioner)) {}

Lineage::~Lineage() = default;

std::shared_ptr<Engine> Lineage::engine() const {
    auto engine = engine_.lock();
    if (!engine)
        throw UsageError("this RDD (" + site_.site.text() +
                         ") has outlived its Context: keep the Context alive as long as its RDDs are used");
    return engine;
}

std::string Lineage::name() const {
    std::lock_guard lock(mutex_);
    return name_;
}

void Lineage::setName(std::string name) const {
    std::lock_guard lock(mutex_);
    name_ = std::move(name);
}

void Lineage::setStorageLevel(StorageLevel level) const {
    const StorageLevel before = level_.load();
    if (level == before) return;
    if (level != StorageLevel::NONE && before != StorageLevel::NONE)
        throw UsageError(std::string("cannot change the storage level of RDD ") + text() + " from " + nameOf(before) +
                         " to " + nameOf(level) + ": call unpersist() first");
    level_.store(level, std::memory_order_release);
    if (level == StorageLevel::NONE)
        if (const auto engine = engine_.lock()) engine->blocks().remove(id());
}

std::shared_ptr<const NodeBase> Lineage::node() const {
    std::lock_guard lock(mutex_);
    return node_.lock();
}

std::string Lineage::text() const {
    const std::string given = name();
    return (given.empty() ? "" : given + " ") + kind_ + "[" + std::to_string(id()) + "] at " + site_.site.text();
}

ReaderBase::~ReaderBase() = default;

NodeBase::~NodeBase() {
    if (lineage_->storageLevel() == StorageLevel::NONE) return;
    if (const auto engine = lineage_->weakEngine().lock()) engine->blocks().remove(lineage_->id());
}

void rethrowFrom(const OperatorSite& site) {
    try {
        throw;
    } catch (const UserFunctionError&) {
        throw; // it came from an operator further down the chain
    } catch (const CancelledError&) {
        throw;
    } catch (...) {
        throw UserFunctionError(site, std::current_exception());
    }
}

std::shared_ptr<void> adopt(void* made, void (*destroy)(void*)) { return {made, destroy}; }
std::shared_ptr<const NodeBase> adopt(const NodeBase* made) { return std::shared_ptr<const NodeBase>(made); }
std::shared_ptr<ShuffleDependency> adopt(ShuffleDependency* made) { return std::shared_ptr<ShuffleDependency>(made); }
std::shared_ptr<MapOutput> adopt(MapOutput* made) { return std::shared_ptr<MapOutput>(made); }

const Lineage& checkedLineage(const LineagePtr& lineage) {
    if (!lineage)
        throw UsageError("this RDD is a handle to nothing: assign it the result of parallelize, textFile or an "
                         "operation before it is used");
    return *lineage;
}

std::shared_ptr<Lineage> makeLineage(std::weak_ptr<Engine> engine, const char* kind, CallSite site,
                                     std::shared_ptr<const Partitioner> partitioner) {
    return std::make_shared<Lineage>(std::move(engine), kind, site, std::move(partitioner));
}

std::shared_ptr<Lineage> lineageAfter(const LineagePtr& parent, const char* kind, const char* operation,
                                      std::source_location where, std::shared_ptr<const Partitioner> partitioner) {
    checkedLineage(parent).engine()->checkUsable();
    return makeLineage(parent->weakEngine(), kind, CallSite{operation, where}, std::move(partitioner));
}

std::shared_ptr<Lineage> lineageAfterNarrow(const LineagePtr& parent, bool parentIsNode, const char* operation,
                                            std::source_location where,
                                            std::shared_ptr<const Partitioner> partitioner) {
    auto made = lineageAfter(parent, "MapPartitionsRDD", operation, where, std::move(partitioner));
    made->dependOn({parent, parentIsNode, nullptr});
    return made;
}

void throwBadPartitionCount(int numPartitions, std::source_location where, const char* operation) {
    throw UsageError(std::string(operation) + ": the number of partitions (" + std::to_string(numPartitions) +
                         ") must be positive",
                     where);
}

namespace {

/// Spark's drawing: `(2) ` before the first line, ` |  ` before narrow parents, `+-(2) ` at a shuffle.
class DebugPrinter {
  public:
    explicit DebugPrinter(std::string& out) : out_(out) {}

    void first(const Lineage& lineage, int partitions) {
        const std::string count = countText(partitions);
        const std::string below = bar("", count);
        self(lineage, count + " ", below + " ");
        children(lineage, below);
    }

  private:
    static std::string countText(int partitions) {
        return std::string("(").append(std::to_string(partitions)).append(")");
    }
    static std::string bar(const std::string& prefix, const std::string& count) {
        const std::size_t offset = (count.size() - 1) / 2;
        return prefix + std::string(offset, ' ') + "|" + std::string(count.size() - offset, ' ');
    }
    void self(const Lineage& lineage, const std::string& prefix, const std::string& below) {
        const StorageLevel level = lineage.storageLevel();
        out_ += prefix + lineage.text() + " [" + (level == StorageLevel::NONE ? "" : nameOf(level)) + "]\n";
        const auto engine = lineage.weakEngine().lock();
        if (level == StorageLevel::NONE || !engine) return;
        if (const int cached = engine->blocks().count(lineage.id()); cached > 0)
            out_ += below + "    CachedPartitions: " + std::to_string(cached) +
                    "; MemorySize: " + std::to_string(engine->blocks().sizeBytes(lineage.id())) + " B\n";
    }
    void children(const Lineage& lineage, const std::string& prefix) {
        const auto& dependencies = lineage.dependencies();
        for (std::size_t i = 0; i < dependencies.size(); ++i) {
            const Dependency& dependency = dependencies[i];
            if (!dependency.shuffle) {
                self(*dependency.parent, prefix, prefix);
                children(*dependency.parent, prefix);
                continue;
            }
            const std::string count = countText(dependency.shuffle->mapPartitions());
            std::string here = prefix;
            if (const auto at = here.find_last_not_of(' '); at != here.npos && here[at] == '|') here.resize(at);
            const std::string below = bar(here + (i + 1 == dependencies.size() ? "  " : "| "), count);
            self(*dependency.parent, here + "+-" + count + " ", below);
            children(*dependency.parent, below);
        }
    }

    std::string& out_;
};

} // namespace

std::string debugString(const Lineage& lineage, int partitions) {
    std::string text;
    DebugPrinter(text).first(lineage, partitions);
    if (!text.empty()) text.pop_back();
    return text;
}

} // namespace detail
} // namespace rivulet
