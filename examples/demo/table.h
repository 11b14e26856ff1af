#pragma once

#include "progress.h"
#include "screen.h"

/// The frame of a terminal: the top words of the window and of all time side by side (one below the other's place where
/// the terminal is narrow), and how the job is doing.
std::vector<std::string> table(const Screen& screen, const std::string& title, const std::string& clock,
                               const std::string& window, std::size_t top, const Progress::Shown& shown);
/// The same in a line, for files and pipes.
std::string tableLine(double seconds, const Progress::Shown& shown);
/// 1234 us as "1.23 ms".
std::string milliseconds(std::chrono::microseconds time);
