#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace bench {

/// The program of the durable workloads: a total per key, and the sum of those that a batch has changed. A batch begins
/// when the one before it is done.
class Totals {
  public:
    struct Options {
        int threads = 2;
        std::string directory = {}; ///< of the checkpoint; empty: none
        std::size_t keys = 1;       ///< there before the first batch of all
    };
    explicit Totals(const Options& options);
    ~Totals();

    /// Adds 1 to the totals of so many keys, pseudo-random ones; returns the seconds that it took.
    double runBatch(std::size_t touched);
    /// Makes a savepoint, which is complete when this returns; returns the seconds that it took.
    double makeSavepoint(const std::string& path);
    /// How many keys have a total.
    std::size_t keys() const;

  private:
    struct Program;
    std::unique_ptr<Program> program_;
};

} // namespace bench
