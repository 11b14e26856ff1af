#include "durable/operator_table.h"

#include <algorithm>

namespace rivulet::detail {
namespace {

template <class Rows> auto rowOf(Rows& rows, const std::string& uid) {
    return std::find_if(rows.begin(), rows.end(), [&](const OperatorRow& row) { return row.uid == uid; });
}

/// The migrations that lead from a stored form to the program's; none where they do not.
std::vector<const StateMigration*> stepsBetween(const OperatorRow& stored, const OperatorRow& program,
                                                const CheckpointOptions& options) {
    const FormParts goal = partsOf(program.form);
    FormParts at = partsOf(stored.form);
    std::vector<const StateMigration*> steps;
    while (at.operation == goal.operation && at.type != goal.type && steps.size() <= options.migrations.size()) {
        const auto next =
            std::find_if(options.migrations.begin(), options.migrations.end(),
                         [&](const StateMigration& step) { return step.uid == program.uid && step.from == at.type; });
        if (next == options.migrations.end()) break;
        steps.push_back(&*next);
        at.type = next->to;
    }
    if (at.operation != goal.operation || at.type != goal.type) steps.clear();
    return steps;
}

} // namespace

FormParts partsOf(const std::string& form) {
    const auto of = form.find(" of ");
    return of == form.npos ? FormParts{form, {}} : FormParts{form.substr(0, of), form.substr(of + 4)};
}

bool isTable(const FormParts& form) { return form.operation == "updateStateByKey" || form.operation == "mapWithState"; }

TableMatch match(const OperatorTable& stored, std::vector<OperatorRow>& program, const CheckpointOptions& options) {
    TableMatch result;
    result.table.nextNumber = stored.nextNumber;
    std::vector<OperatorRow> left = stored.rows;
    for (const auto& [old, now] : options.adopt) { // again and again, as long as the program says so
        const auto found = rowOf(left, old);
        if (found != left.end() && rowOf(left, now) == left.end()) found->uid = now;
    }
    const auto isDropped = [&](const std::string& uid) {
        return std::find(options.dropState.begin(), options.dropState.end(), uid) != options.dropState.end();
    };
    for (OperatorRow& row : program) {
        const auto found = rowOf(left, row.uid);
        const bool known = found != left.end();
        const bool same = known && found->form == row.form;
        auto steps = known && !same && !isDropped(row.uid) ? stepsBetween(*found, row, options)
                                                           : std::vector<const StateMigration*>();
        const bool goesOn = same || !steps.empty();
        if (known && !goesOn && !isDropped(row.uid))
            result.differences.push_back("'" + row.uid + "' is " + row.form + ", and was " + found->form);
        if (known && !goesOn) result.dropped.push_back(found->number);
        if (!steps.empty())
            result.migrated.push_back({found->number, row.uid, std::move(steps), isTable(partsOf(row.form))});
        row.number = goesOn ? found->number : result.table.nextNumber++;
        if (known) left.erase(found);
        result.table.rows.push_back(row);
    }
    for (const OperatorRow& row : left) {
        if (!isDropped(row.uid))
            result.differences.push_back("'" + row.uid + "' (" + row.form + ") is not in the program");
        result.dropped.push_back(row.number);
    }
    return result;
}

} // namespace rivulet::detail
