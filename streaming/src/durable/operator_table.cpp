#include "durable/operator_table.h"

#include <algorithm>

namespace rivulet::detail {
namespace {

template <class Rows> auto rowOf(Rows& rows, const std::string& uid) {
    return std::find_if(rows.begin(), rows.end(), [&](const OperatorRow& row) { return row.uid == uid; });
}

} // namespace

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
        if (known && !same && !isDropped(row.uid))
            result.differences.push_back("'" + row.uid + "' is " + row.form + ", and was " + found->form);
        if (known && !same) result.dropped.push_back(found->number);
        row.number = same ? found->number : result.table.nextNumber++;
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
