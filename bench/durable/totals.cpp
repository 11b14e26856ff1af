#include "durable/totals.h"

#include "streams/keyed_state.h"

#include <chrono>
#include <functional>
#include <optional>
#include <rivulet/rivulet.h>
#include <rivulet/testing.h>
#include <utility>

namespace bench {

using namespace std::chrono_literals;
using rivulet::State;
using rivulet::StateSpec;

struct Totals::Program {
    static long countUp(const std::uint64_t&, std::optional<long> arrived, State<long>& total) {
        const long sum = (total.exists() ? total.get() : 0) + arrived.value_or(0);
        total.update(sum);
        return sum;
    }

    explicit Program(const Options& given)
        : options(given),
          ssc(1s, "local[" + std::to_string(given.threads) + "]"),
          input(ssc.queueStream<long>()),
          view(declare()) {
        if (!options.directory.empty()) ssc.checkpoint(options.directory);
    }
    rivulet::StateView<std::uint64_t, long> declare() {
        input.uid("events");
        const auto before = ssc.context().range(0, long(options.keys), 1, options.threads).map([](long i) {
            return std::pair(std::uint64_t(i), 0L);
        });
        const auto totals =
            input.map([count = options.keys](long i) { return std::pair(stateKey(std::uint64_t(i), count), 1L); })
                .mapWithState(StateSpec::function<long>(&countUp).initialState(before))
                .uid("totals");
        totals.foreachRDD([this](const auto& rdd) { sum = rdd.fold(0, std::plus<>()); });
        return totals.stateView();
    }

    const Options options;
    rivulet::TestStreamingContext ssc;
    rivulet::QueueStream<long> input;
    long sum = 0;
    std::size_t begin = 0;
    rivulet::StateView<std::uint64_t, long> view;
};

Totals::Totals(const Options& options) : program_(std::make_unique<Program>(options)) {}
Totals::~Totals() = default;

double Totals::runBatch(std::size_t touched) {
    Program& program = *program_;
    const auto from = static_cast<long>(program.begin);
    program.begin += touched;
    if (touched > 0)
        program.input.push(rivulet::RDD<long>(
            program.ssc.context().range(from, from + static_cast<long>(touched), 1, program.options.threads)));
    const auto begin = std::chrono::steady_clock::now();
    program.ssc.advanceBatch();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double Totals::makeSavepoint(const std::string& path) {
    const auto begin = std::chrono::steady_clock::now();
    program_->ssc.savepoint(path);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::size_t Totals::keys() const { return static_cast<std::size_t>(program_->view.size()); }

} // namespace bench
