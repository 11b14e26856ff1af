#pragma once

#include <functional>

namespace bench {

/// Calls work(0) ... work(count - 1) at the same time, each in a thread of its own, and waits for all: the fork and
/// join of a hand-written program. The threads are kept for the next call, as the library keeps its own: starting them
/// would be a large part of the shortest loops.
///
/// Threads: one caller at a time
void parallel(int count, const std::function<void(int)>& work);

} // namespace bench
