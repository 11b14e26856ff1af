// B3 with the library: one operator, and an output that reads all that it gives. A batch begins when the one before it
// is done.

#include "streams/keyed_state.h"

#include <functional>
#include <numeric>
#include <optional>
#include <rivulet/rivulet.h>
#include <rivulet/testing.h>
#include <span>
#include <utility>

namespace bench {
namespace {

using namespace std::chrono_literals;
using rivulet::State;
using rivulet::StateSpec;

constexpr auto addToTotal = [](std::span<const long> arrived, std::optional<long> total) {
    return std::optional(std::accumulate(arrived.begin(), arrived.end(), total.value_or(0)));
};

constexpr auto countUp = [](const auto&, std::optional<long> arrived, State<long>& total) {
    const long sum = (total.exists() ? total.get() : 0) + *arrived;
    total.update(sum);
    return sum;
};

class RivuletState final : public KeyedState {
  public:
    RivuletState(const StateKeys& keys, int threads)
        : threads_(threads),
          ssc_(1s, "local[" + std::to_string(threads) + "]"),
          input_(ssc_.queueStream<long>()) {
        if (keys.definition.textKeys)
            declare(
                keys.definition, [&keys](long i) { return std::pair(keys.ofStates[std::size_t(i)], 0L); },
                [&keys](long i) { return std::pair(keys.ofEvents[std::size_t(i)], 1L); });
        else
            declare(
                keys.definition, [](long i) { return std::pair(std::uint64_t(i), 0L); },
                [count = keys.definition.keys](long i) { return std::pair(stateKey(std::uint64_t(i), count), 1L); });
        ssc_.advanceBatch(); // loads the states
    }

    std::uint64_t runBatch(std::size_t begin) override {
        input_.push(rivulet::RDD<long>(ssc_.context().range(long(begin), long(begin + kStateEvents), 1, threads_)));
        ssc_.advanceBatch();
        return std::uint64_t(sum_);
    }

  private:
    template <class StateOf, class EventOf>
    void declare(const KeyedStateDefinition& definition, StateOf stateOf, EventOf eventOf) {
        const auto before = ssc_.context().range(0, long(definition.keys), 1, threads_).map(stateOf);
        const auto events = input_.map(eventOf);
        if (definition.visitsAll)
            events.updateStateByKey(addToTotal, {}, before).foreachRDD([this](const auto& totals) {
                sum_ = totals.values().map([](long total) { return total * total; }).fold(0, std::plus<>());
            });
        else
            events.mapWithState(StateSpec::function<long>(countUp).initialState(before))
                .foreachRDD([this](const auto& totals) { sum_ = totals.fold(0, std::plus<>()); });
    }

    const int threads_;
    rivulet::TestStreamingContext ssc_;
    rivulet::QueueStream<long> input_;
    long sum_ = 0;
};

} // namespace

std::unique_ptr<KeyedState> makeRivuletState(const StateKeys& keys, int threads) {
    return std::make_unique<RivuletState>(keys, threads);
}

} // namespace bench
