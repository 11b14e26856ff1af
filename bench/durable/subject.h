#pragma once

#include <optional>
#include <string>
#include <vector>

/// Another process of this program, that is timed from its `exec` on.
namespace bench {

/// Where the arguments are those of such a process, does what they say and returns its exit code.
std::optional<int> runSubject(int argc, char** argv);

/// Runs this program as a subject; returns the seconds from just before it is started to the moment that it reports.
double timeSubject(const std::vector<std::string>& arguments);

} // namespace bench
