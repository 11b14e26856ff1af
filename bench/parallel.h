#pragma once

#include <thread>
#include <vector>

namespace bench {

/// Calls f(0) ... f(count - 1), each in a thread of its own, and waits for all: the fork and join of a hand-written
/// program.
template <class F> void parallel(int count, const F& f) {
    std::vector<std::jthread> threads;
    for (int i = 1; i < count; ++i) threads.emplace_back([&f, i] { f(i); });
    f(0);
}

} // namespace bench
