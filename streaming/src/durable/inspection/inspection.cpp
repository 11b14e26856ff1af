#include "durable/inspection/inspection.h"

#include "durable/batch_plan.h"
#include "durable/copies/saved_copy.h"
#include "durable/envelope.h"
#include "durable/files.h"
#include "durable/inspection/json.h"
#include "durable/inspection/pieces.h"

#include <algorithm>
#include <ctime>
#include <rocksdb/env.h>
#include <unordered_set>

namespace rivulet::detail {
namespace {

std::uint32_t numberAt(std::string_view key, std::size_t from) {
    std::uint32_t number = 0;
    for (const char byte : key.substr(std::min(from, key.size()), 4)) number = number << 8 | std::uint8_t(byte);
    return number;
}

/// Whether it is an operator of the program, and not a source or an output.
bool hasContents(const OperatorRow& row) {
    return !row.form.starts_with("source ") && !row.form.starts_with("sink ") && !partsOf(row.form).type.empty();
}
/// Whether its states are kept in pages, larger than memory, whose bytes are not read here.
bool isPaged(const OperatorRow& row) { return partsOf(row.form).operation.ends_with(" in pages"); }

StoredShape shapeOf(const OperatorRow& row) {
    const FormParts parts = partsOf(row.form);
    if (!hasContents(row))
        throw UsageError("'" + row.uid + "' is a " + row.form + ", which has a position and no state; info shows it");
    if (isPaged(row))
        throw UsageError("'" + row.uid + "' is " + row.form +
                         ", and pages are not shown; ask the program by the operator's stateView");
    return StoredShape::parse(parts.type);
}

std::string jsonOf(const StoredShape& shape, std::string_view bytes) {
    std::string json;
    ByteReader in(bytes);
    shape.read(in, json);
    return json;
}

/// Whether a person means this key.
bool isMeant(const std::string& wanted, const std::string& json, const StoredShape& shape) {
    if (json == wanted) return true;
    if (shape.isTuple()) return false;
    std::string quoted;
    appendJson(quoted, wanted);
    return json == quoted;
}

/// What a source of the program's own has stored of itself, which stands behind the time of its last batch.
struct OwnPosition {
    Time time{};
    std::string own;
};
std::optional<OwnPosition> ownPosition(std::string_view position) {
    try {
        OwnPosition read;
        ByteReader in(position);
        in(read.time, read.own);
        in.finish();
        return read;
    } catch (const CorruptionError&) { // it is of another form
        return std::nullopt;
    }
}

std::string timeText(Time time) {
    const auto ms = time.time_since_epoch().count();
    const std::time_t seconds = std::time_t(ms / 1000);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char text[64];
    const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
    return toString(time) + " (" + std::string(text, size) + " UTC)";
}

std::string positionText(std::string_view position) {
    std::string text;
    const auto own = ownPosition(position);
    appendJson(text, own ? std::string_view(own->own) : position);
    return own ? text + " after the batch of " + toString(own->time) : text;
}
std::string positionJson(std::string_view position) {
    if (const auto own = ownPosition(position))
        return JsonObject().number("timeMs", own->time.time_since_epoch().count()).text("own", own->own).finish();
    std::string text;
    appendJson(text, position);
    return text;
}

std::string sizeText(std::uint64_t bytes) {
    char text[32];
    if (bytes < 10'000)
        std::snprintf(text, sizeof text, "%llu bytes", static_cast<unsigned long long>(bytes));
    else if (bytes < 10'000'000)
        std::snprintf(text, sizeof text, "%.1f kB", double(bytes) / 1e3);
    else
        std::snprintf(text, sizeof text, "%.1f MB", double(bytes) / 1e6);
    return text;
}

} // namespace

Inspection::Inspection(std::string directory, CheckpointStore::Use use)
    : store_(std::move(directory), "", CheckpointStore::Settings{.use = use}) {
    if (const auto payload = store_.read(Family::meta, "operators", Stored::operators))
        table_ = readAs<OperatorTable>(*payload);
}

const OperatorRow& Inspection::find(const std::string& uid) const {
    std::string known;
    for (const OperatorRow& row : table_.rows) {
        if (row.uid == uid) return row;
        known += (known.empty() ? "'" : ", '") + row.uid + "'";
    }
    throw UsageError("there is no '" + uid + "' in directory '" + store_.directory() + "'; it has " +
                     (known.empty() ? "none" : known));
}

std::string Inspection::meta(const char* what, std::uint32_t number, Stored kind) const {
    return store_.read(Family::meta, what + keyOf(number), kind).value_or(std::string());
}

// ---- info

/// Keys are counted by their bytes; those that were removed do not count.
Inspection::Contents Inspection::contentsOf(const OperatorRow& row) const {
    Contents contents;
    if (!hasContents(row)) return contents;
    if (isPaged(row)) {
        store_.each(Family::pages, keyOf(row.number), Stored::state, [&](std::string_view, std::string_view page) {
            ++contents.pieces;
            contents.bytes += page.size();
        });
        return contents;
    }
    const FormParts form = partsOf(row.form);
    const StoredShape shape = shapeOf(row);
    std::unordered_set<std::string> keys;
    store_.each(Family::state, keyOf(row.number), Stored::state, [&](std::string_view, std::string_view piece) {
        ++contents.pieces;
        contents.bytes += piece.size();
        if (isTable(form))
            eachStateRow(
                piece, shape, [&](const StoredRowView& view) { ++contents.rows, keys.emplace(view.key); },
                [&](std::string_view key) { keys.erase(std::string(key)); });
        else
            eachPaneRow(piece, shape, [&](std::string_view) { ++contents.rows; });
    });
    contents.keys = keys.size();
    return contents;
}

std::uint64_t Inspection::bytesOnDisk() const {
    const std::string state = store_.directory() + "/state";
    std::uint64_t bytes = 0;
    for (const auto& name : namesIn(store_.env(), state)) {
        std::uint64_t size = 0;
        if (store_.env().GetFileSize(state + "/" + name, &size).ok()) bytes += size; // gone meanwhile otherwise
    }
    return bytes;
}

std::string Inspection::info(bool json) const { return json ? infoJson() : infoText(); }

std::string Inspection::infoJson() const {
    const BatchRecord& last = store_.last();
    std::string operators = "[";
    for (const OperatorRow& row : table_.rows) {
        const FormParts form = partsOf(row.form);
        JsonObject shown;
        shown.text("uid", row.uid)
            .text("operation", form.operation)
            .text("type", form.type)
            .number("number", row.number);
        if (!hasContents(row)) {
            shown.json("position", positionJson(meta("position", row.number, Stored::position)));
        } else {
            try {
                const Contents contents = contentsOf(row);
                if (isTable(form))
                    shown.text("layout", meta("layout", row.number, Stored::layout))
                        .number("keys", static_cast<long long>(contents.keys));
                if (!isPaged(row)) shown.number("rows", static_cast<long long>(contents.rows));
                shown.number("pieces", static_cast<long long>(contents.pieces))
                    .number("bytes", static_cast<long long>(contents.bytes));
            } catch (const Error& error) {
                shown.text("error", error.what());
            }
        }
        operators += (operators.size() > 1 ? "," : "") + std::move(shown).finish();
    }
    JsonObject out;
    out.text("directory", store_.directory()).number("format", CheckpointStore::kFormat).text("uuid", store_.uuid());
    out.text("application", store_.application()).text("library", store_.library());
    out.number("epoch", static_cast<long long>(store_.epoch())).text("inUseBy", store_.holder());
    out.json("lastBatch", JsonObject()
                              .number("id", static_cast<long long>(last.id))
                              .number("timeMs", last.time.time_since_epoch().count())
                              .number("batchDurationMs", last.batchDuration.count())
                              .finish());
    out.number("bytesOnDisk", static_cast<long long>(bytesOnDisk())).json("operators", operators + "]");
    return std::move(out).finish() + "\n";
}

std::string Inspection::infoText() const {
    const BatchRecord& last = store_.last();
    std::string text = "directory    " + store_.directory() + "\napplication  " +
                       (store_.application().empty() ? "(no name)" : store_.application()) + "\nidentity     " +
                       store_.uuid() + ", format " + std::to_string(CheckpointStore::kFormat) + ", library " +
                       store_.library() + "\nepoch        " + std::to_string(store_.epoch()) + "\nin use by    " +
                       (store_.holder().empty() ? "nobody that is known" : store_.holder()) + "\nlast batch   ";
    text += last.id == 0 ? std::string("none")
                         : std::to_string(last.id) + " of " + timeText(last.time) + ", one every " +
                               durationText(last.batchDuration);
    if (const auto plan = store_.read(Family::plan, "plan", Stored::plan)) {
        const auto planned = readAs<BatchPlan>(*plan);
        if (planned.id == last.id + 1)
            text += "\nbegun        " + std::to_string(planned.id) + " of " + timeText(planned.time) +
                    ", which the next start runs again";
    }
    text += "\non disk      " + sizeText(bytesOnDisk()) + "\n";
    for (const OperatorRow& row : table_.rows) {
        text += "\n" + row.uid + "\n    " + row.form + "\n    ";
        if (!hasContents(row)) {
            text += "position " + positionText(meta("position", row.number, Stored::position)) + "\n";
            continue;
        }
        try {
            const Contents contents = contentsOf(row);
            if (isTable(partsOf(row.form)))
                text += std::to_string(contents.keys) + " keys, " + meta("layout", row.number, Stored::layout) + ", ";
            text += (isPaged(row) ? "" : std::to_string(contents.rows) + " rows in ") +
                    std::to_string(contents.pieces) + (isPaged(row) ? " pages, " : " pieces, ") +
                    sizeText(contents.bytes) + "\n";
        } catch (const Error& error) { // what is damaged does not hide the rest
            text += std::string("cannot be read: ") + error.what() + "\n";
        }
    }
    return text;
}

// ---- verify

std::string Inspection::Verified::text(bool json) const {
    if (json) {
        std::string list = "[";
        for (const auto& finding : findings) {
            if (list.size() > 1) list += ',';
            appendJson(list, finding);
        }
        return JsonObject()
                   .number("values", static_cast<long long>(values))
                   .number("bytes", static_cast<long long>(bytes))
                   .json("findings", list + "]")
                   .finish() +
               "\n";
    }
    std::string text;
    for (const auto& finding : findings) text += finding + "\n";
    return text + std::to_string(values) + " values, " + sizeText(bytes) + ": " +
           (findings.empty() ? "all is as it must be" : std::to_string(findings.size()) + " findings") + "\n";
}

Inspection::Verified Inspection::verify() const {
    Verified verified;
    const auto attempt = [&](const auto& step) {
        try {
            step();
        } catch (const Error& error) {
            verified.findings.push_back(error.what());
        }
    };
    attempt([&] {
        if (const auto contents = readSavedContents(store_.env(), store_.directory()))
            for (auto& finding : verifySavedCopy(store_.env(), store_.directory(), *contents))
                verified.findings.push_back("checkpoint: " + std::move(finding));
    });
    attempt([&] { store_.verifyFiles(); });
    const auto names = CheckpointStore::families();
    for (std::size_t i = 0; i < names.size(); ++i)
        attempt([&] {
            store_.eachStored(Family(i), [&](std::string_view key, std::string_view value) {
                ++verified.values;
                verified.bytes += value.size();
                attempt([&] {
                    openedAny(value, "checkpoint: a value of '" + names[i] + "' at " +
                                         rocksdb::Slice(key.data(), key.size()).ToString(true));
                });
            });
        });
    if (verified.findings.empty()) verifyKeys(verified);
    return verified;
}

/// Whether what is stored belongs to somebody, and is of the type that it is said to be.
void Inspection::verifyKeys(Verified& verified) const {
    std::map<std::uint32_t, const OperatorRow*> rows;
    for (const OperatorRow& row : table_.rows) {
        if (!rows.emplace(row.number, &row).second)
            verified.findings.push_back("'" + row.uid + "' has the number of another operator");
        if (row.number >= table_.nextNumber)
            verified.findings.push_back("'" + row.uid + "' has a number that was not given yet");
    }
    for (const Family family : {Family::state, Family::pages}) {
        std::uint32_t before = 0;
        store_.eachStored(family, [&](std::string_view key, std::string_view) {
            const std::uint32_t number = numberAt(key, 0);
            if (!rows.contains(number) && std::exchange(before, number) != number)
                verified.findings.push_back("there is something stored of an operator " + std::to_string(number) +
                                            ", and there is none of this number");
        });
    }
    for (const OperatorRow& row : table_.rows) {
        try {
            static_cast<void>(contentsOf(row));
        } catch (const Error& error) {
            verified.findings.push_back("'" + row.uid + "' (" + row.form + "): " + error.what());
        }
    }
}

// ---- state

void Inspection::state(const std::string& uid, const std::optional<std::string>& key,
                       const std::function<void(const std::string&)>& tell) const {
    const OperatorRow& row = find(uid);
    const StoredShape shape = shapeOf(row);
    const auto eachPiece = [&](const auto& visit) {
        store_.each(Family::state, keyOf(row.number), Stored::state,
                    [&](std::string_view, std::string_view piece) { visit(piece); });
    };
    if (!isTable(partsOf(row.form))) {
        eachPiece([&](std::string_view piece) {
            std::vector<std::string> rows;
            const Time time = eachPaneRow(piece, shape, [&](std::string_view bytes) {
                const auto& parts = shape.parts();
                if (key && shape.isTuple() && !parts.empty()) {
                    ByteReader in(bytes);
                    if (!isMeant(*key, jsonOf(parts[0], parts[0].bytesOf(in, bytes)), parts[0])) return;
                } else if (key && !isMeant(*key, jsonOf(shape, bytes), shape)) {
                    return;
                }
                rows.push_back(jsonOf(shape, bytes));
            });
            for (const auto& json : rows)
                tell(JsonObject().number("timeMs", time.time_since_epoch().count()).json("row", json).finish());
        });
        return;
    }
    struct Kept {
        std::optional<Time> touched;
        std::string state;
    };
    std::map<std::string, Kept> states; // by the bytes of their keys
    const StoredShape& keyShape = shape.parts().at(0);
    const auto wanted = [&](std::string_view bytes) {
        return !key || isMeant(*key, jsonOf(keyShape, bytes), keyShape);
    };
    eachPiece([&](std::string_view piece) { // in the order of batches, partition by partition
        eachStateRow(
            piece, shape,
            [&](const StoredRowView& view) {
                if (wanted(view.key)) states[std::string(view.key)] = {view.touched, std::string(view.state)};
            },
            [&](std::string_view removed) { states.erase(std::string(removed)); });
    });
    for (const auto& [bytes, kept] : states) {
        JsonObject line;
        line.json("key", jsonOf(keyShape, bytes)).json("state", jsonOf(shape.parts()[1], kept.state));
        if (kept.touched) line.number("touchedMs", kept.touched->time_since_epoch().count());
        tell(std::move(line).finish());
    }
}

// ---- changes

void Inspection::drop(const std::string& uid) {
    const std::uint32_t number = find(uid).number;
    Changes changes;
    // All but the first two families have keys that begin with the number.
    for (std::size_t i = std::size_t(Family::state); i < CheckpointStore::families().size(); ++i)
        for (auto& key : store_.keys(Family(i), keyOf(number))) changes.erase(Family(i), std::move(key));
    for (const char* what : {"layout", "position", "pace", "finalized"})
        changes.erase(Family::meta, what + keyOf(number));
    std::erase_if(table_.rows, [&](const OperatorRow& row) { return row.number == number; });
    changes.put(Family::meta, "operators", Stored::operators, written(table_));
    store_.beginEpoch(std::move(changes));
}

void Inspection::adopt(const std::string& old, const std::string& now) {
    if (now.empty()) throw UsageError("'" + old + "' is to be renamed, and the new name is empty");
    const std::uint32_t number = find(old).number;
    for (OperatorRow& row : table_.rows)
        if (row.uid == now)
            throw UsageError("'" + old + "' is to be renamed to '" + now +
                             "', which is there already; drop that first");
    for (OperatorRow& row : table_.rows)
        if (row.number == number) row.uid = now;
    Changes changes;
    changes.put(Family::meta, "operators", Stored::operators, written(table_));
    if (const auto plan = store_.read(Family::plan, "plan", Stored::plan)) {
        auto planned = readAs<BatchPlan>(*plan);
        planned.rename(old, now);
        changes.put(Family::plan, "plan", Stored::plan, written(planned));
    }
    store_.beginEpoch(std::move(changes));
}

Inspection::Sizes Inspection::compact() {
    Sizes sizes;
    sizes.before = bytesOnDisk();
    store_.compact();
    sizes.after = bytesOnDisk();
    return sizes;
}

} // namespace rivulet::detail
