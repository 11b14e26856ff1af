#include "batches/stream_graph.h"

#include "rivulet/log.h"
#include "rivulet/stream/durable/durable_state.h"

#include <algorithm>
#include <unordered_set>

namespace rivulet::detail {

void StreamGraph::add(std::shared_ptr<Input> input) {
    input->setId(int(declaredInputs_.size()));
    declaredInputs_.push_back(std::move(input));
}

void StreamGraph::freeze(Duration remembered, bool durable) {
    collectNodes();
    collectInputs();
    for (const auto& output : outputs_) output.node->remember(std::max(remembered, output.node->slide()));
    if (!durable) warnOfState();
}

void StreamGraph::collectNodes() {
    struct Visit {
        StreamNodePtr node;
        bool parentsDone = false;
    };
    std::unordered_set<const StreamNodeBase*> seen;
    std::vector<Visit> stack;
    for (auto output = outputs_.rbegin(); output != outputs_.rend(); ++output) stack.push_back({output->node});
    while (!stack.empty()) {
        const Visit visit = stack.back();
        stack.pop_back();
        if (visit.parentsDone) {
            nodes_.push_back(visit.node);
            if (!dynamic_cast<Input*>(visit.node.get())) derived_.push_back(visit.node);
            if (auto* lasting = dynamic_cast<KeptByBatch*>(visit.node.get())) kept_.push_back(lasting);
        } else if (seen.insert(visit.node.get()).second) {
            stack.push_back({visit.node, true});
            for (const auto& parent : visit.node->parents()) stack.push_back({parent});
        }
    }
}

void StreamGraph::collectInputs() {
    std::unordered_set<const StreamNodeBase*> needed;
    for (const auto& node : nodes_) needed.insert(node.get());
    std::map<int, std::string> names;
    for (const auto& input : declaredInputs_) {
        const auto* node = dynamic_cast<const StreamNodeBase*>(input.get());
        if (!needed.contains(node)) {
            logWarn("start: no output needs the input of " + node->site().text() + ", so it is not started");
            continue;
        }
        inputs_.push_back(input);
        names.emplace(input->id(), input->name());
    }
    inputNames_ = std::make_shared<const std::map<int, std::string>>(std::move(names));
}

void StreamGraph::warnOfState() const {
    std::string states;
    for (const auto& node : nodes_)
        if (const auto* lasting = dynamic_cast<KeptByBatch*>(node.get()); lasting && lasting->isState())
            states += (states.empty() ? "" : ", ") + node->site().text();
    if (!states.empty()) logWarn("start: no checkpoint directory is set, so a crash loses the state of " + states);
}

void StreamGraph::requireNoSinks() const {
    for (const Output& output : outputs_)
        if (output.sink)
            throw UsageError("start: " + output.site.text() +
                             " has each batch exactly once, for which there must be a checkpoint directory; call "
                             "checkpoint(\"directory\") before the start, or write with foreachRDD or "
                             "saveAsTextFiles instead");
}

void StreamGraph::requireNoPages(std::source_location where) const {
    for (const auto& node : nodes_) {
        auto* lasting = dynamic_cast<KeptByBatch*>(node.get());
        DurableState* const state = lasting ? lasting->durable() : nullptr;
        if (state && state->needsPages())
            throw UsageError("start: the states of " + node->site().text() +
                                 " are to lie in RocksDB (StateBackend::rocksdb), and there is no checkpoint directory "
                                 "to hold them; call checkpoint(\"directory\") before start(), or keep them in memory",
                             where);
    }
}

void StreamGraph::startInputs() {
    std::size_t started = 0;
    try {
        for (; started < inputs_.size(); ++started) inputs_[started]->start();
    } catch (...) {
        inputs_.resize(started);
        throw;
    }
}

Duration StreamGraph::slack() const {
    Duration slack{};
    for (const KeptByBatch* lasting : kept_) slack = std::max(slack, lasting->slack());
    return slack;
}

std::vector<Duration> StreamGraph::slidesOver(Duration batch) const {
    std::vector<Duration> slides;
    for (const auto& node : nodes_)
        if (node->slide() > batch && std::find(slides.begin(), slides.end(), node->slide()) == slides.end())
            slides.push_back(node->slide());
    return slides;
}

bool StreamGraph::hasState() const {
    return std::any_of(kept_.begin(), kept_.end(), [](const KeptByBatch* lasting) { return lasting->isState(); });
}

bool StreamGraph::hasMore() const {
    return std::any_of(inputs_.begin(), inputs_.end(), [](const auto& input) { return input->hasMore(); }) ||
           std::any_of(kept_.begin(), kept_.end(), [](const KeptByBatch* lasting) { return lasting->hasMore(); });
}

long StreamGraph::unallocated() const {
    long records = 0;
    for (const auto& input : inputs_)
        if (!input->keepsUnallocated()) records += input->unallocated();
    return records;
}

} // namespace rivulet::detail
