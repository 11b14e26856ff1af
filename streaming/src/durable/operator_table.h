#pragma once

#include "rivulet/stream/durable/checkpoint.h"

#include <cstdint>
#include <string>
#include <vector>

namespace rivulet::detail {

/// A stateful operator or source that has something stored.
struct OperatorRow {
    std::uint32_t number = 0; // its keys begin with it; never given to another
    std::string uid;
    std::string form; // what it is, and of which types
    template <class Archive> void serialize(Archive& archive) { archive(number, uid, form); }
};

/// All of a checkpoint directory.
struct OperatorTable {
    std::uint32_t nextNumber = 1;
    std::vector<OperatorRow> rows;
    template <class Archive> void serialize(Archive& archive) { archive(nextNumber, rows); }
};

/// A form in two: what the operator does, and of which type.
struct FormParts {
    std::string operation, type;
};
FormParts partsOf(const std::string& form);
/// Whether what is stored is a log of states; the rows of batches otherwise.
bool isTable(const FormParts& form);

/// What is stored under a number, and has to be written anew.
struct Migrated {
    std::uint32_t number = 0;
    std::string uid;
    std::vector<const StateMigration*> steps; // one after the other
    bool isTable = false;
};

/// What a program that goes on from a table makes of it.
struct TableMatch {
    OperatorTable table;                // the new one
    std::vector<std::uint32_t> dropped; // numbers whose keys go
    std::vector<Migrated> migrated;     // by the migrations of the options, which they point to
    std::vector<std::string> differences;
};
/// Finds the program's operators in the table, by uid. Its rows get their numbers, in `program` too. What the options
/// do not settle is a difference.
TableMatch match(const OperatorTable& stored, std::vector<OperatorRow>& program, const CheckpointOptions& options);

} // namespace rivulet::detail
