// B2 as a good engineer would write it: one loop per thread, sums at the end.
// Sums are unsigned where they may wrap; `one` is read from a volatile, so that no loop is folded to its closed form.

#include "parallel.h"
#include "workloads.h"

#include <cstdint>

namespace bench {
namespace {

long readOne() {
    volatile long one = 1;
    return one;
}

template <class Body> std::string sumOverRange(int threads, const Body& body) {
    struct alignas(128) Sum {
        std::uint64_t value;
    };
    std::vector<Sum> sums(static_cast<std::size_t>(threads));
    parallel(threads, [&](int i) {
        sums[static_cast<std::size_t>(i)].value = body(kChainRows * i / threads, kChainRows * (i + 1) / threads);
    });
    std::uint64_t total = 0;
    for (const Sum& sum : sums) total += sum.value;
    return std::to_string(total);
}

std::string sum(const Settings& settings) {
    return sumOverRange(settings.threads, [](long begin, long end) {
        std::uint64_t sum = 0;
        for (long i = begin; i < end; ++i) sum += static_cast<std::uint64_t>(i);
        return sum;
    });
}

std::string map(const Settings& settings) {
    return sumOverRange(settings.threads, [one = readOne()](long begin, long end) {
        std::uint64_t sum = 0;
        for (long i = begin; i < end; ++i) {
            long x = i;
            for (int step = 0; step < 10; ++step) x += one;
            sum += static_cast<std::uint64_t>(x);
        }
        return sum;
    });
}

std::string filter(const Settings& settings) {
    return sumOverRange(settings.threads, [](long begin, long end) {
        std::uint64_t sum = 0;
        for (long i = begin; i < end; ++i)
            if (i % 2 == 0 && i % 3 == 0 && i % 4 == 0 && i % 5 == 0 && i % 6 == 0 && i % 7 == 0 && i % 8 == 0 &&
                i % 9 == 0 && i % 10 == 0 && i % 11 == 0)
                sum += static_cast<std::uint64_t>(i);
        return sum;
    });
}

/// GCC evaluates the tests of `filter` together, without a branch. Kept apart by empty assembler statements, each
/// spares most rows the rest; unrolled four times it is again 1.8 times as fast (measured on one thread: 46 and 26 ms).
std::string filterWithBranches(const Settings& settings) {
    return sumOverRange(settings.threads, [](long begin, long end) {
        std::uint64_t sum = 0;
#pragma GCC unroll 4
        for (long i = begin; i < end; ++i) {
            if (i % 2 != 0) continue;
            asm("");
            if (i % 3 != 0) continue;
            asm("");
            if (i % 4 != 0) continue;
            asm("");
            if (i % 5 != 0) continue;
            asm("");
            if (i % 6 != 0) continue;
            asm("");
            if (i % 7 != 0) continue;
            asm("");
            if (i % 8 != 0) continue;
            asm("");
            if (i % 9 != 0) continue;
            asm("");
            if (i % 10 != 0) continue;
            asm("");
            if (i % 11 == 0) sum += static_cast<std::uint64_t>(i);
        }
        return sum;
    });
}

std::string mix(const Settings& settings) {
    return sumOverRange(settings.threads, [one = readOne()](long begin, long end) {
        std::uint64_t sum = 0;
        for (long i = begin; i < end; ++i) {
            long x = i;
            for (int step = 0; step < 10; ++step) x = (x * 3) ^ ((x >> 7) + one);
            sum += static_cast<std::uint64_t>(x);
        }
        return sum;
    });
}

std::string chain(const Settings& settings) {
    return sumOverRange(settings.threads, [one = readOne()](long begin, long end) {
        std::uint64_t sum = 0;
        for (long i = begin; i < end; ++i) {
            const long x = i * 3 + one;
            if (x % 2 == 0) sum += static_cast<std::uint64_t>(x / 2);
        }
        return sum;
    });
}

void addContest(Suite& suite, const char* name, const char* about, const char* expected,
                std::string (*hand)(const Settings&)) {
    suite.add(Contest{.name = name,
                      .about = about,
                      .expected = [expected](const Settings&) { return expected; },
                      .contestants = {{"hand", hand}}});
}

} // namespace

void addHandChain(Suite& suite) {
    addContest(suite, "B2.sum", "sum of 100 M longs", "4999999950000000", sum);
    addContest(suite, "B2.map", "ten maps x + 1, sum", "5000000950000000", map);
    addContest(suite, "B2.filter", "ten filters x % 2 == 0 ... x % 11 == 0, sum", "180374816160", filter);
    suite.addContestant("B2.filter", {"hand-branches", filterWithBranches});
    addContest(suite, "B2.mix", "ten maps (x * 3) ^ ((x >> 7) + 1), sum", "109974960800329778", mix);
    addContest(suite, "B2.chain", "map 3x + 1, filter even, map x / 2, sum", "3750000025000000", chain);
}

} // namespace bench
