// B2 with the library: every operator is a call of its own, with a lambda of its own.

#include "workloads.h"

#include <cstdint>
#include <functional>
#include <rivulet/rivulet.h>

namespace bench {
namespace {

using rivulet::Context;

/// One context serves all repetitions, as it does in a program that runs more than one job.
Context& contextFor(const Settings& settings) {
    static Context context("local[" + std::to_string(settings.threads) + "]", "narrow-chain");
    return context;
}

auto rows(const Settings& settings) { return contextFor(settings).range(0, kChainRows, 1, settings.threads); }

long readOne() {
    volatile long one = 1;
    return one;
}

/// An object and not a function, so that the compiler sees what it calls.
constexpr auto wrappingPlus = [](long a, long b) {
    return static_cast<long>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
};

std::string sumByReduce(const Settings& settings) { return std::to_string(rows(settings).reduce(std::plus<>())); }

std::string sumByFold(const Settings& settings) { return std::to_string(rows(settings).fold(0L, std::plus<>())); }

std::string sumByAggregate(const Settings& settings) {
    return std::to_string(rows(settings).aggregate(0L, std::plus<>(), std::plus<>()));
}

std::string map(const Settings& settings) {
    const long one = readOne();
    return std::to_string(rows(settings)
                              .map([one](long x) { return x + one; })
                              .map([one](long x) { return x + one; })
                              .map([one](long x) { return x + one; })
                              .map([one](long x) { return x + one; })
                              .map([one](long x) { return x + one; })
                              .map([one](long x) { return x + one; })
                              .map([one](long x) { return x + one; })
                              .map([one](long x) { return x + one; })
                              .map([one](long x) { return x + one; })
                              .map([one](long x) { return x + one; })
                              .reduce(std::plus<>()));
}

std::string filter(const Settings& settings) {
    return std::to_string(rows(settings)
                              .filter([](long x) { return x % 2 == 0; })
                              .filter([](long x) { return x % 3 == 0; })
                              .filter([](long x) { return x % 4 == 0; })
                              .filter([](long x) { return x % 5 == 0; })
                              .filter([](long x) { return x % 6 == 0; })
                              .filter([](long x) { return x % 7 == 0; })
                              .filter([](long x) { return x % 8 == 0; })
                              .filter([](long x) { return x % 9 == 0; })
                              .filter([](long x) { return x % 10 == 0; })
                              .filter([](long x) { return x % 11 == 0; })
                              .reduce(std::plus<>()));
}

std::string mix(const Settings& settings) {
    const long one = readOne();
    return std::to_string(rows(settings)
                              .map([one](long x) { return (x * 3) ^ ((x >> 7) + one); })
                              .map([one](long x) { return (x * 3) ^ ((x >> 7) + one); })
                              .map([one](long x) { return (x * 3) ^ ((x >> 7) + one); })
                              .map([one](long x) { return (x * 3) ^ ((x >> 7) + one); })
                              .map([one](long x) { return (x * 3) ^ ((x >> 7) + one); })
                              .map([one](long x) { return (x * 3) ^ ((x >> 7) + one); })
                              .map([one](long x) { return (x * 3) ^ ((x >> 7) + one); })
                              .map([one](long x) { return (x * 3) ^ ((x >> 7) + one); })
                              .map([one](long x) { return (x * 3) ^ ((x >> 7) + one); })
                              .map([one](long x) { return (x * 3) ^ ((x >> 7) + one); })
                              .reduce(wrappingPlus));
}

std::string chain(const Settings& settings) {
    const long one = readOne();
    return std::to_string(rows(settings)
                              .map([one](long x) { return x * 3 + one; })
                              .filter([](long x) { return x % 2 == 0; })
                              .map([](long x) { return x / 2; })
                              .reduce(std::plus<>()));
}

} // namespace

void addRivuletChain(Suite& suite) {
    suite.addContestant("B2.sum", {"rivulet", sumByReduce});
    suite.addContestant("B2.sum", {"rivulet-fold", sumByFold});
    suite.addContestant("B2.sum", {"rivulet-aggregate", sumByAggregate});
    suite.addContestant("B2.map", {"rivulet", map});
    suite.addContestant("B2.filter", {"rivulet", filter});
    suite.addContestant("B2.mix", {"rivulet", mix});
    suite.addContestant("B2.chain", {"rivulet", chain});
}

} // namespace bench
