#define CATCH_CONFIG_ENABLE_PAIR_STRINGMAKER
#include "operators.h"

#include <numeric>

namespace operators {

using namespace rivulet;
using namespace std::chrono_literals;
using Count = std::pair<std::string, long>;

namespace {

std::optional<long> addAll(std::span<const long> arrived, std::optional<long> total) {
    return std::accumulate(arrived.begin(), arrived.end(), total.value_or(0));
}
/// Goes at the third record.
std::optional<long> addToThree(std::span<const long> arrived, std::optional<long> total) {
    const auto sum = addAll(arrived, total);
    return *sum < 3 ? sum : std::nullopt;
}
std::optional<std::string> follow(Time, const std::string& key, std::optional<long> one, State<long>& state) {
    if (state.isTimingOut()) return key + " ends with " + std::to_string(state.get());
    if (state.exists() && state.get() == 4) {
        state.remove();
        return key + " is removed";
    }
    state.update(state.getOption().value_or(0) + *one);
    return key + std::to_string(state.get());
}

Texts all(const Texts& words, int n, const std::string& uid) {
    return words.map(withOne).updateStateByKey(addAll, n).uid(uid).map(textOf<Count>).erased();
}
Texts removing(const Texts& words, int n, const std::string& uid) {
    return words.map(withOne).updateStateByKey(addToThree, n).uid(uid).map(textOf<Count>).erased();
}
Texts touched(const Texts& words, int n, const std::string& uid) {
    return words.map(withOne)
        .updateStateByKey(addToThree, n, UpdatedKeys::touched)
        .uid(uid)
        .map(textOf<Count>)
        .erased();
}
Texts mapped(const Texts& words, int n, const std::string& uid) {
    return words.map(withOne).mapWithState(StateSpec::function(follow).numPartitions(n)).uid(uid).erased();
}
Texts timed(const Texts& words, int n, const std::string& uid) {
    return words.map(withOne).mapWithState(StateSpec::function(follow).numPartitions(n).timeout(2s)).uid(uid).erased();
}
Texts snapshots(const Texts& words, int n, const std::string& uid) {
    return words.map(withOne)
        .mapWithState(StateSpec::function(follow).numPartitions(n).timeout(3s))
        .uid(uid)
        .stateSnapshots()
        .map(textOf<Count>)
        .erased();
}
Texts inARow(const Texts& words, int n, const std::string& uid) {
    return words.map(withOne)
        .updateStateByKey(addToThree, n)
        .uid(uid + ", first")
        .mapWithState(StateSpec::function(follow).numPartitions(n).timeout(1s))
        .uid(uid + ", second")
        .erased();
}
Texts joined(const Texts& words, int n, const std::string& uid) {
    const auto sums = words.map(withOne).updateStateByKey(addAll, n).uid(uid + ", sums");
    const auto counts = words.map(withOne).reduceByKeyAndWindow(std::plus<>(), 2s, 1s, n).uid(uid + ", counts");
    return sums.join(counts).map(textOf<std::pair<std::string, std::pair<long, long>>>).erased();
}

} // namespace

std::vector<KeepingOperator> statesOperators() {
    return {{"updateStateByKey", all},       {"updateStateByKey that removes", removing},
            {"of touched keys", touched},    {"mapWithState", mapped},
            {"mapWithState, timed", timed},  {"stateSnapshots", snapshots},
            {"two states in a row", inARow}, {"a state joined with a window", joined}};
}

} // namespace operators
