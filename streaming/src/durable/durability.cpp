#include "durable/durability.h"

#include "durable/pages/page_access.h"
#include "rivulet/log.h"
#include "rivulet/serialization/stored.h"
#include "rivulet/stream/durable/page_store.h"

namespace rivulet::detail {
namespace {

template <class T> std::string written(const T& x) {
    ByteWriter out;
    out(x);
    return std::move(out).text();
}
template <class T> T readAs(std::string_view payload) {
    T x{};
    ByteReader in(payload);
    in(x);
    in.finish();
    return x;
}

std::string layoutKey(std::uint32_t number) { return "layout" + keyOf(number); }
std::string positionKey(std::uint32_t number) { return "position" + keyOf(number); }

std::uint64_t numberAt(std::string_view key, std::size_t from, std::size_t bytes) {
    std::uint64_t number = 0;
    for (const char byte : key.substr(from, bytes)) number = number << 8 | std::uint8_t(byte);
    return number;
}
PieceKey pieceAt(std::string_view key) {
    return {std::uint32_t(numberAt(key, 4, 4)), numberAt(key, 8, 8), std::uint32_t(numberAt(key, 16, 4))};
}

Input* asInput(const StreamNodePtr& node) { return dynamic_cast<Input*>(node.get()); }

/// Whether something is stored under the uid of this node.
bool hasStored(const StreamNodePtr& node) { return asInput(node) || dynamic_cast<KeptByBatch*>(node.get()); }

/// A name that was given to a step that stores nothing is that of the operator or source before it:
/// `textFileStream(...).map(parse).uid("readings")`.
void handNamesOn(const StreamGraph& graph) {
    for (const auto& named : graph.nodes()) {
        if (named->uid().empty() || hasStored(named)) continue;
        StreamNodePtr at = named;
        while (!hasStored(at) && at->parents().size() == 1) at = at->parents().front();
        if (hasStored(at) && at->uid().empty()) at->setUid(named->uid());
    }
}

} // namespace

class Durability::Writer final : public DurableWriter {
  public:
    Writer(Changes& changes, std::uint32_t number, std::uint64_t batch)
        : changes_(changes),
          number_(number),
          batch_(batch) {}
    std::uint64_t batch() const override { return batch_; }
    void put(const PieceKey& key, std::string_view payload) override {
        changes_.put(Family::state, keyOf(number_, key.partition, key.batch, key.piece), Stored::state, payload);
    }
    void erase(const PieceKey& key) override {
        changes_.erase(Family::state, keyOf(number_, key.partition, key.batch, key.piece));
    }
    void setLayout(std::string_view layout) override {
        changes_.put(Family::meta, layoutKey(number_), Stored::layout, layout);
    }

  private:
    Changes& changes_;
    const std::uint32_t number_;
    const std::uint64_t batch_;
};

class Durability::Reader final : public DurableReader {
  public:
    Reader(const CheckpointStore& store, std::uint32_t number, Time time)
        : store_(store),
          number_(number),
          time_(time) {}
    std::string layout() const override {
        return store_.read(Family::meta, layoutKey(number_), Stored::layout).value_or(std::string());
    }
    Time time() const override { return time_; }
    void each(std::uint32_t partition, const Visit& visit) const override { read(keyOf(number_, partition), visit); }
    void each(const Visit& visit) const override { read(keyOf(number_), visit); }

  private:
    void read(const std::string& prefix, const Visit& visit) const {
        store_.each(Family::state, prefix, Stored::state,
                    [&](std::string_view key, std::string_view payload) { visit(pieceAt(key), payload); });
    }

    const CheckpointStore& store_;
    const std::uint32_t number_;
    const Time time_;
};

class Durability::Pages final : public PageStore {
  public:
    Pages(const CheckpointStore& store, std::uint32_t number)
        : store_(store),
          access_(store.pages()),
          path_(store.directory()),
          number_(number) {}
    std::uint64_t batch() const override { return store_.last().id + 1; }
    void stage(const PieceKey& key, std::string_view payload) override {
        access_->put(at(key), enveloped(Stored::state, payload));
    }
    void discard(const PieceKey& key) override { access_->erase(at(key)); }
    void discardFrom(std::uint32_t partition, std::uint64_t batch) override {
        access_->eraseRange(keyOf(number_, partition, batch, 0), keyOf(number_, partition + 1));
    }
    bool read(const PieceKey& key, const Moment& moment, const Use& use) const override {
        return access_->read(at(key), moment, [&](std::string_view value) {
            use(opened(Stored::state, value, "checkpoint: a page of states in '" + path_ + "'"));
        });
    }
    Moment now() const override { return access_->now(); }

  private:
    std::string at(const PieceKey& key) const { return keyOf(number_, key.partition, key.batch, key.piece); }

    const CheckpointStore& store_; // asked while batches run
    const std::shared_ptr<PageAccess> access_;
    const std::string path_;
    const std::uint32_t number_;
};

Durability::Durability(const std::string& directory, const CheckpointOptions& options, const std::string& application,
                       const StreamGraph& graph, Duration batchDuration)
    : batchDuration_(batchDuration),
      store_((bind(graph), directory), application) { // names are looked at before a directory is made
    compare(options);
    const BatchRecord& last = store_.last();
    zero_ = last.zero;
    last_ = last.time;
    if (auto plan = store_.read(Family::plan, "plan", Stored::plan)) {
        planned_ = readAs<BatchPlan>(*plan);
        if (planned_->id != last.id + 1) planned_.reset(); // it was committed
    }
    if (planned_ && last.id == 0) {
        zero_ = planned_->zero;
        last_ = planned_->time - planned_->batchDuration;
    }
    if (goesOn() && (planned_ ? planned_->batchDuration : last.batchDuration) != batchDuration) {
        // Batches are counted anew from here on; the one that was begun keeps its time.
        last_ = planned_ ? planned_->time - batchDuration : last_;
        zero_ = last_;
    }
}

void Durability::bind(const StreamGraph& graph) {
    handNamesOn(graph);
    std::string unnamed, transient;
    std::map<std::string, std::string> sites;
    for (const auto& node : graph.nodes()) {
        if (!hasStored(node)) continue;
        auto* input = asInput(node);
        auto* kept = dynamic_cast<KeptByBatch*>(node.get());
        DurableState* state = kept && !input ? kept->durable() : nullptr;
        const std::string site = node->site().text();
        if (!input && !state) {
            transient += (transient.empty() ? "" : ", ") + site;
            continue;
        }
        if (node->uid().empty()) {
            unnamed += (unnamed.empty() ? "" : ", ") + site;
            continue;
        }
        const auto [known, isNew] = sites.emplace(node->uid(), site);
        if (!isNew)
            throw UsageError("start: the uid '" + node->uid() + "' was given to two: " + known->second + ", and " +
                             site + "; what is stored is found by it, so give each a uid of its own");
        bound_.push_back({0, node->uid(), input, state, {}});
        program_.push_back({0, node->uid(), state ? state->form() : "source " + std::string(node->site().operation)});
    }
    if (!transient.empty())
        throw UsageError(
            "start: there is a checkpoint directory, and what these keep cannot be stored yet: " + transient +
            "; leave checkpoint() out, which loses their content in a crash, or leave them "
            "out");
    if (!unnamed.empty())
        throw UsageError("start: there is a checkpoint directory, and these have no name by which they are found "
                         "again: " +
                         unnamed + "; add .uid(\"...\") to each");
}

void Durability::compare(const CheckpointOptions& options) {
    OperatorTable stored;
    if (const auto payload = store_.read(Family::meta, "operators", Stored::operators))
        stored = readAs<OperatorTable>(*payload);
    const TableMatch matched = match(stored, program_, options);
    if (!matched.differences.empty()) {
        std::string list;
        for (const auto& difference : matched.differences) list += "\n  - " + difference;
        throw RecoveryError("checkpoint: what directory '" + store_.directory() +
                            "' has does not fit this program:" + list +
                            "\nGive checkpoint() the option .dropState = {\"uid\"} to forget what is stored under a "
                            "name, or .adopt = {{\"old\", \"new\"}} where only the name has changed; or run the "
                            "program that it belongs to");
    }
    for (const std::uint32_t number : matched.dropped) {
        for (auto& key : store_.keys(Family::state, keyOf(number))) prepared_.erase(Family::state, std::move(key));
        prepared_.erase(Family::meta, layoutKey(number));
        prepared_.erase(Family::meta, positionKey(number));
    }
    prepared_.put(Family::meta, "operators", Stored::operators, written(matched.table));
    for (std::size_t i = 0; i < bound_.size(); ++i) bound_[i].number = program_[i].number;
}

void Durability::beginAt(Time zero) {
    if (!goesOn()) zero_ = last_ = zero;
}

void Durability::recoverStates(std::size_t cacheBytes) {
    store_.setPageCache(cacheBytes);
    for (const Bound& bound : bound_) {
        if (!bound.state) continue;
        if (bound.state->needsPages()) bound.state->usePages(std::make_shared<Pages>(store_, bound.number));
        bound.state->recover(Reader(store_, bound.number, store_.last().time));
    }
    store_.beginEpoch(std::move(prepared_)); // until here nothing was changed
    if (goesOn())
        logInfo("checkpoint: directory '" + store_.directory() + "' goes on after batch " +
                std::to_string(store_.last().id) + " of " + toString(store_.last().time));
}

void Durability::restorePositions() {
    for (Bound& bound : bound_) {
        if (!bound.input) continue;
        const auto position = store_.read(Family::meta, positionKey(bound.number), Stored::position);
        if (!position) continue;
        bound.position = *position;
        bound.input->restore(*position);
    }
}

long Durability::allocate(Input& input, Time time) const {
    if (planned_ && planned_->time == time)
        for (const Bound& bound : bound_)
            if (bound.input == &input)
                if (const auto end = planned_->positions.find(bound.uid); end != planned_->positions.end())
                    return input.allocateAgain(time, end->second);
    return input.allocate(time);
}

void Durability::begun(Time time) {
    if (planned_ && planned_->time == time) return; // it is there already
    BatchPlan plan{store_.last().id + 1, time, zero_, batchDuration_, {}};
    for (const Bound& bound : bound_)
        if (bound.input) plan.positions.emplace(bound.uid, bound.input->position());
    Changes changes;
    changes.put(Family::plan, "plan", Stored::plan, written(plan));
    store_.write(std::move(changes), true);
}

void Durability::commit(Time time) { commit(time, true); }
void Durability::commitSkipped(Time time) { commit(time, false); }

void Durability::commit(Time time, bool withStates) {
    const std::uint64_t id = store_.last().id + 1;
    Changes changes;
    std::vector<std::string> positions;
    for (const Bound& bound : bound_) {
        if (bound.state && withStates) {
            Writer writer(changes, bound.number, id);
            bound.state->save(writer);
        }
        positions.push_back(bound.input ? bound.input->position() : std::string());
        if (positions.back() != bound.position)
            changes.put(Family::meta, positionKey(bound.number), Stored::position, positions.back());
    }
    store_.commit(std::move(changes), {id, time, zero_, batchDuration_});
    for (std::size_t i = 0; i < bound_.size(); ++i) bound_[i].position = std::move(positions[i]);
    planned_.reset();
}

} // namespace rivulet::detail
