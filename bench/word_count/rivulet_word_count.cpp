// B1 with the library, as in the first program of the guide.

#include "workloads.h"

#include <functional>
#include <rivulet/rivulet.h>

namespace bench {
namespace {

std::string wordCount(const std::string& path, int threads) {
    using namespace rivulet;
    static Context context("local[" + std::to_string(threads) + "]", "word-count");
    const auto counts = context.textFile(path, threads).flatMap(words).map(withOne).reduceByKey(std::plus<>());
    const Tally tally = counts.aggregate(
        Tally{},
        [](Tally tally, const auto& wordAndCount) {
            tally.add(static_cast<std::uint64_t>(wordAndCount.second));
            return tally;
        },
        [](Tally tally, const Tally& other) {
            tally.add(other);
            return tally;
        });
    return tally.text();
}

} // namespace

void addRivuletWordCount(Suite& suite) {
    for (const WordCountDefinition& definition : kWordCounts)
        suite.addContestant(definition.name, {"rivulet", [&definition](const Settings& settings) {
                                                  return wordCount(textPath(definition, settings), settings.threads);
                                              }});
}

} // namespace bench
