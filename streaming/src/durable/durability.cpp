#include "durable/durability.h"

#include "durable/envelope.h"
#include "durable/files.h"
#include "durable/pages/page_access.h"
#include "rivulet/log.h"
#include "rivulet/serialization/stored.h"
#include "rivulet/stream/durable/page_store.h"

#include <filesystem>

namespace rivulet::detail {
namespace {

std::string layoutKey(std::uint32_t number) { return "layout" + keyOf(number); }
std::string positionKey(std::uint32_t number) { return "position" + keyOf(number); }
std::string paceKey(std::uint32_t number) { return "pace" + keyOf(number); }

std::uint64_t numberAt(std::string_view key, std::size_t from, std::size_t bytes) {
    std::uint64_t number = 0;
    for (const char byte : key.substr(from, bytes)) number = number << 8 | std::uint8_t(byte);
    return number;
}
PieceKey pieceAt(std::string_view key) {
    return {std::uint32_t(numberAt(key, 4, 4)), numberAt(key, 8, 8), std::uint32_t(numberAt(key, 16, 4))};
}

Input* asInput(const StreamNodePtr& node) { return dynamic_cast<Input*>(node.get()); }

/// What is stored of a source.
std::string formOf(const ReceivedInput* received, const CallSite& site) {
    const std::string form = "source " + std::string(site.operation);
    if (!received) return form;
    if (const std::string content = received->contentForm(); !content.empty()) return form + " of " + content;
    if (received->isToWriteAhead())
        throw UsageError(site.text() +
                             ": there is a checkpoint directory, and the type of its elements cannot be written; give "
                             "it a default constructor and a member `template <class Archive> void serialize(Archive& "
                             "archive) { archive(each, of, its, members); }`, or set "
                             "rivulet.streaming.receiver.writeAheadLog.enable to false, which loses in a crash what "
                             "was received and is in no finished batch",
                         site.where);
    return form;
}

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

void requireOwnName(std::map<std::string, std::string>& sites, const std::string& uid, const std::string& site) {
    const auto [known, isNew] = sites.emplace(uid, site);
    if (!isNew)
        throw UsageError("start: the uid '" + uid + "' was given to two: " + known->second + ", and " + site +
                         "; what is stored is found by it, so give each a uid of its own");
}

} // namespace

class Durability::Writer final : public DurableWriter {
  public:
    Writer(Changes& changes, Family family, std::uint32_t number, std::uint64_t batch)
        : changes_(changes),
          family_(family),
          number_(number),
          batch_(batch) {}
    std::uint64_t batch() const override { return batch_; }
    void put(const PieceKey& key, std::string_view payload) override {
        changes_.put(family_, keyOf(number_, key.partition, key.batch, key.piece), Stored::state, payload);
    }
    void lend(const PieceKey& key, std::string_view payload, bool packed) override {
        changes_.lend(family_, keyOf(number_, key.partition, key.batch, key.piece),
                      packed ? Stored::packed : Stored::state, payload);
    }
    void erase(const PieceKey& key) override {
        changes_.erase(family_, keyOf(number_, key.partition, key.batch, key.piece));
    }
    void setLayout(std::string_view layout) override {
        changes_.put(Family::meta, layoutKey(number_), Stored::layout, layout);
    }

  private:
    Changes& changes_;
    const Family family_;
    const std::uint32_t number_;
    const std::uint64_t batch_;
};

class Durability::Reader final : public DurableReader {
  public:
    using Migrated = std::map<std::string, std::string, std::less<>>;

    Reader(const CheckpointStore& store, const Migrated& migrated, std::uint32_t number, Time time)
        : store_(store),
          migrated_(migrated),
          number_(number),
          time_(time) {}
    std::string layout() const override {
        return store_.read(Family::meta, layoutKey(number_), Stored::layout).value_or(std::string());
    }
    Time time() const override { return time_; }
    void each(std::uint32_t partition, const Visit& visit) const override { read(keyOf(number_, partition), visit); }
    void each(const Visit& visit) const override { read(keyOf(number_), visit); }
    void eachStored(std::uint32_t partition, const VisitStored& visit) const override {
        store_.eachPiece(keyOf(number_, partition), [&](std::string_view key, std::string_view payload, bool packed) {
            const auto found = migrated_.empty() ? migrated_.end() : migrated_.find(key);
            if (found == migrated_.end())
                visit(pieceAt(key), payload, packed);
            else
                visit(pieceAt(key), found->second, false);
        });
    }

  private:
    void read(const std::string& prefix, const Visit& visit) const {
        store_.each(Family::state, prefix, Stored::state, [&](std::string_view key, std::string_view payload) {
            const auto found = migrated_.empty() ? migrated_.end() : migrated_.find(key);
            visit(pieceAt(key), found == migrated_.end() ? payload : std::string_view(found->second));
        });
    }

    const CheckpointStore& store_;
    const Migrated& migrated_;
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
    void stage(const PieceKey& key, std::string_view payload, bool packed) override {
        access_->put(at(key), enveloped(packed ? Stored::packed : Stored::state, payload));
    }
    void discard(const PieceKey& key) override { access_->erase(at(key)); }
    void discardFrom(std::uint32_t partition, std::uint64_t batch) override {
        access_->eraseRange(keyOf(number_, partition, batch, 0), keyOf(number_, partition + 1));
    }
    bool read(const PieceKey& key, const Moment& moment, const Use& use) const override {
        return access_->read(at(key), moment, [&](std::string_view value) {
            const bool packed = kindOf(value) == Stored::packed;
            use(opened(packed ? Stored::packed : Stored::state, value,
                       "checkpoint: a page of states in '" + path_ + "'"),
                packed);
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
                       const StreamGraph& graph, Duration batchDuration, bool syncPlans)
    : batchDuration_(batchDuration),
      copyTo_(options.copyTo),
      copyEvery_(options.copyEvery),
      copies_(options.copies),
      store_((bind(graph), directory), application, // names are looked at before a directory is made
             CheckpointStore::Settings{.from = options.from}),
      sinceCopy_(options.copyEvery) { // so that there is one soon
    compare(options);
    for (const Bound& bound : bound_)
        if (bound.sink) outbox_.add(bound.number, *bound.sink);
    for (const Output& output : graph.outputs()) syncsPlans_ = syncsPlans_ || (syncPlans && output.needsSameBatch);
    const BatchRecord& last = store_.last();
    zero_ = last.zero;
    last_ = last.time;
    if (auto plan = store_.read(Family::plan, "plan", Stored::plan)) {
        planned_ = readAs<BatchPlan>(*plan);
        if (planned_->id != last.id + 1) planned_.reset(); // it was committed
    }
    if (planned_)
        for (const auto& [old, now] : options.adopt) planned_->rename(old, now);
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
        requireOwnName(sites, node->uid(), site);
        auto* received = dynamic_cast<ReceivedInput*>(input);
        bound_.push_back({.uid = node->uid(), .input = input, .state = state, .received = received});
        program_.push_back({0, node->uid(), state ? state->form() : formOf(received, node->site())});
    }
    for (const Output& output : graph.outputs()) {
        if (!output.sink) continue;
        requireOwnName(sites, output.sink->uid(), output.site.text());
        bound_.push_back({.uid = output.sink->uid(), .sink = output.sink.get()});
        program_.push_back({0, output.sink->uid(), "sink of " + output.sink->steps().form()});
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
                            "name, .adopt = {{\"old\", \"new\"}} where only the name has changed, or .migrations = "
                            "{migrateState<Key, OldState>(\"uid\", f)} where the type of states has; or run the "
                            "program that it belongs to");
    }
    for (const std::uint32_t number : matched.dropped) {
        for (const Family family : {Family::state, Family::pages})
            for (auto& key : store_.keys(family, keyOf(number))) prepared_.erase(family, std::move(key));
        prepared_.erase(Family::meta, layoutKey(number));
        prepared_.erase(Family::meta, positionKey(number));
        ReceivedLog::eraseAll(prepared_, number);
        outbox_.forget(prepared_, store_, number);
        prepared_.erase(Family::meta, paceKey(number));
    }
    migrate(matched.migrated);
    prepared_.put(Family::meta, "operators", Stored::operators, written(matched.table));
    for (std::size_t i = 0; i < bound_.size(); ++i) bound_[i].number = program_[i].number;
}

BatchContext Durability::contextOf(Time time) const {
    return {time, store_.last().id + 1, planned_ && planned_->time == time, 0, store_.epoch(), store_.uuid()};
}

void Durability::migrate(const std::vector<Migrated>& migrated) {
    for (const Migrated& of : migrated) {
        std::size_t pieces = 0;
        try {
            store_.each(Family::state, keyOf(of.number), Stored::state,
                        [&](std::string_view key, std::string_view payload) {
                            std::string piece(payload);
                            for (const StateMigration* step : of.steps) piece = step->rewrite(piece, of.isTable);
                            prepared_.put(Family::state, std::string(key), Stored::state, piece);
                            migrated_.emplace(key, std::move(piece));
                            ++pieces;
                        });
        } catch (const Error&) {
            throw;
        } catch (...) {
            throw RecoveryError("checkpoint: the migration of '" + of.uid + "' from " + of.steps.front()->from +
                                " to " + of.steps.back()->to + " threw: " + messageOf(std::current_exception()) +
                                "; nothing was changed in directory '" + store_.directory() + "'");
        }
        logInfo("checkpoint: '" + of.uid + "' is migrated from " + of.steps.front()->from + " to " +
                of.steps.back()->to + " (" + std::to_string(pieces) + " pieces)");
    }
}

void Durability::beginAt(Time zero) {
    if (!goesOn()) zero_ = last_ = zero;
}

void Durability::recoverStates(std::size_t cacheBytes) {
    store_.setPageCache(cacheBytes);
    for (const Bound& bound : bound_) {
        if (!bound.state) continue;
        if (bound.state->needsPages()) bound.state->usePages(std::make_shared<Pages>(store_, bound.number));
        bound.state->recover(Reader(store_, migrated_, bound.number, store_.last().time));
    }
    for (const Bound& bound : bound_) {
        if (!bound.received) continue;
        const auto position = store_.read(Family::meta, positionKey(bound.number), Stored::position);
        std::string planned;
        if (planned_)
            if (const auto end = planned_->positions.find(bound.uid); end != planned_->positions.end())
                planned = end->second;
        log_.add(bound.number, *bound.received, position.value_or(std::string()), planned);
    }
    store_.beginEpoch(std::move(prepared_)); // until here nothing was changed
    migrated_.clear();
    if (goesOn())
        logInfo("checkpoint: directory '" + store_.directory() + "' goes on after batch " +
                std::to_string(store_.last().id) + " of " + toString(store_.last().time));
}

void Durability::restorePositions() {
    for (Bound& bound : bound_) {
        if (!bound.input) continue;
        if (auto pace = store_.read(Family::meta, paceKey(bound.number), Stored::pace)) {
            bound.input->restorePace(*pace);
            bound.pace = std::move(*pace);
        }
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
    log_.requireWorking();
    if (planned_ && planned_->time == time) return; // it is there already
    BatchPlan plan{store_.last().id + 1, time, zero_, batchDuration_, {}};
    for (const Bound& bound : bound_)
        if (bound.input) plan.positions.emplace(bound.uid, bound.input->position());
    Changes changes;
    changes.put(Family::plan, "plan", Stored::plan, written(plan));
    store_.write(std::move(changes), syncsPlans_);
}

void Durability::commit(Time time) { commit(time, true); }
void Durability::commitSkipped(Time time) { commit(time, false); }

void Durability::commit(Time time, bool withStates) {
    const std::uint64_t id = store_.last().id + 1;
    Changes changes;
    std::vector<std::string> positions, paces;
    for (const Bound& bound : bound_) {
        if (bound.state && withStates) {
            Writer writer(changes, bound.state->needsPages() ? Family::pages : Family::state, bound.number, id);
            bound.state->save(writer);
        }
        positions.push_back(bound.input ? bound.input->position() : std::string());
        if (positions.back() != bound.position) {
            if (bound.received) ReceivedLog::eraseUsed(changes, bound.number, bound.position, positions.back());
            changes.put(Family::meta, positionKey(bound.number), Stored::position, positions.back());
        }
        paces.push_back(bound.input ? bound.input->pace() : std::string());
        if (paces.back() != bound.pace) changes.put(Family::meta, paceKey(bound.number), Stored::pace, paces.back());
    }
    outbox_.save(changes, id);
    store_.commit(std::move(changes), {id, time, zero_, batchDuration_});
    outbox_.committed();
    for (std::size_t i = 0; i < bound_.size(); ++i) {
        bound_[i].position = std::move(positions[i]);
        bound_[i].pace = std::move(paces[i]);
    }
    planned_.reset();
    copyIfDue();
}

// ---- savepoints and copies

CopySource Durability::linkNow() {
    const std::string folder = std::filesystem::absolute(store_.directory() + "/" + kLinkedName).string();
    createDirectories(store_.env(), folder);
    CopySource source{folder + "/" + std::to_string(++links_), *readFile(store_.env(), store_.directory() + "/IDENT"),
                      store_.reached(), store_.last().time};
    store_.link(source.database);
    return source;
}

void Durability::beginSavepoint(Savepoint savepoint) {
    CopyMaker::Task task;
    task.path = savepoint.path;
    try {
        if (task.path.empty()) {
            task.folder = savepoint.folder;
            task.retained = savepoint.retained;
            task.path = task.folder + "/" + savedCopyName(store_.reached());
        } else if (store_.env().FileExists(task.path).ok()) {
            throw UsageError("savepoint: '" + task.path + "' is there already; give each savepoint a path of its own");
        }
        task.source = linkNow();
    } catch (...) {
        savepoint.done(task.path, std::current_exception());
        return;
    }
    task.done = [done = std::move(savepoint.done), path = task.path](std::exception_ptr failure) {
        done(path, std::move(failure));
    };
    if (!copyMaker_) copyMaker_ = std::make_unique<CopyMaker>(store_.env());
    copyMaker_->add(std::move(task));
}

/// A copy that fails costs nothing but that the next one is awaited longer.
void Durability::copyIfDue() {
    if (copyTo_.empty() || ++sinceCopy_ < copyEvery_) return;
    if (copyMaker_ && copyMaker_->isFollowing()) {
        if (sinceCopy_ % (2 * copyEvery_) == 0)
            logWarn("checkpoint: the copy in '" + copyTo_ + "' is " + std::to_string(sinceCopy_) +
                    " batches behind, because the one that is being made takes so long");
        return;
    }
    try {
        CopyMaker::Task task;
        task.path = copyTo_ + "/" + savedCopyName(store_.reached());
        task.folder = copyTo_;
        task.retained = std::size_t(copies_);
        task.follows = true;
        task.source = linkNow();
        task.done = [path = task.path](const std::exception_ptr& failure) {
            if (failure)
                logError("checkpoint: cannot make the copy '" + path + "': " + messageOf(failure));
            else
                logInfo("checkpoint: the copy '" + path + "' is complete");
        };
        if (!copyMaker_) copyMaker_ = std::make_unique<CopyMaker>(store_.env());
        copyMaker_->add(std::move(task));
    } catch (const std::exception& error) {
        logError("checkpoint: cannot make a copy in '" + copyTo_ + "': " + error.what());
    }
    sinceCopy_ = 0;
}

} // namespace rivulet::detail
