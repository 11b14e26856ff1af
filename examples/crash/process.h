#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

/// A process that this one has started, whose standard output it reads. Goes with its owner.
class Process {
  public:
    explicit Process(const std::vector<std::string>& command);
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    int id() const { return int(id_); }
    /// The next line that it writes; nothing where none comes in time.
    std::optional<std::string> readLine(std::chrono::milliseconds patience);
    /// By SIGKILL.
    void kill();
    /// Its exit status, when it has ended by itself.
    int wait();

  private:
    pid_t id_ = 0;
    int output_ = -1;
    std::string read_; // and not taken
};
