#pragma once

namespace bench {

/// How much of the machine other processes used since construction: a comparison made beside a busy neighbour is worth
/// little.
class MachineLoad {
  public:
    MachineLoad();
    /// A fraction of all processors; 0 where the system does not say.
    double usedByOthers() const;

  private:
    struct Seconds {
        double all, busy, own;
    };
    static Seconds now();
    Seconds begin_;
};

} // namespace bench
