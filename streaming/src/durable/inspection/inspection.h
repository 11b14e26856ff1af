#pragma once

#include "durable/checkpoint_store.h"
#include "durable/operator_table.h"

#include <optional>
#include <string>
#include <vector>

namespace rivulet::detail {

/// What a person does with a checkpoint directory without the program that it belongs to: what the command
/// rivulet-checkpoint is made of.
///
/// Errors: RecoveryError, CorruptionError and IoError as the library's; UsageError for a uid that is not there
class Inspection {
  public:
    explicit Inspection(std::string directory, CheckpointStore::Use use);

    /// Identity, last batch, positions, operators. Reads all that is stored, to count keys.
    std::string info(bool json) const;

    struct Verified {
        std::uint64_t values = 0, bytes = 0;
        std::vector<std::string> findings; // empty: all is as it must be
        std::string text(bool json) const;
    };
    /// Compares all that is stored with its checksums, forms and the table of operators, and a savepoint with what it
    /// says to have.
    Verified verify() const;

    /// What an operator has stored, a line of JSON for each key or row; `key` is a key as it is shown there, or (of a
    /// text) without quotes.
    void state(const std::string& uid, const std::optional<std::string>& key,
               const std::function<void(const std::string& line)>& tell) const;

    /// Forgets an operator or source.
    void drop(const std::string& uid);
    /// Renames one.
    void adopt(const std::string& old, const std::string& now);
    struct Sizes {
        std::uint64_t before = 0, after = 0;
    };
    Sizes compact();

  private:
    struct Contents { // of an operator
        std::uint64_t keys = 0, rows = 0, pieces = 0, bytes = 0;
    };
    const OperatorRow& find(const std::string& uid) const;
    Contents contentsOf(const OperatorRow& row) const;
    std::uint64_t bytesOnDisk() const;
    std::string infoJson() const;
    std::string infoText() const;
    std::string meta(const char* what, std::uint32_t number, Stored kind) const;
    void verifyKeys(Verified& verified) const;

    CheckpointStore store_;
    OperatorTable table_;
};

} // namespace rivulet::detail
