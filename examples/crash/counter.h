#pragma once

#include <string>

/// The process that is killed: counts the words that come over a port (0: one that is free), with a checkpoint in the
/// directory. Writes to standard output which port it is, and the number of words and of different ones after each
/// batch. Ends when there is a file `finish`, and has written all counts to `totals`.
int count(const std::string& directory, int port);
