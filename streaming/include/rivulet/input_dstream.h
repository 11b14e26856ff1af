#pragma once

#include "rivulet/dstream.h"

#include <concepts>

namespace rivulet {

/// A source of one's own that is asked for the RDD of every batch: derive, and give it to `inputStream`.
///
///     class Squares : public InputDStream<long> {
///         std::optional<RDD<long>> compute(const Context& sc, Time, Time) override {
///             return sc.range(100).map([](long x) { return x * x; });
///         }
///     };
///     auto squares = ssc.inputStream(Squares());
///
/// What waits for something to happen outside is better a `Receiver`, which has a thread of its own.
///
/// Threads: called by the thread that runs the batches (`start` by the thread that starts the context)
/// Source:  Spark InputDStream
template <class T> class InputDStream {
  public:
    using Element = T;

    virtual ~InputDStream() = default;
    /// Called once, at the start of the context. What it throws makes that fail.
    virtual void start() {}
    /// Called once, at its end.
    virtual void stop() {}
    /// The RDD of the batch of time `to`, which covers what came after `from`, the time of the batch before it (or of
    /// the start): several batch durations where late batches were merged. Nothing: the stream has no RDD then. Called
    /// once per batch, so it may move a position; what it throws fails the batch.
    virtual std::optional<RDD<T>> compute(const Context& sc, Time from, Time to) = 0;

    // For programs with a checkpoint directory. What follows from the times alone needs none of these.

    /// Where the source stands after the last `compute`: an offset, a number, in a form of its own.
    virtual std::string position() const { return {}; }
    /// Goes to a position that an earlier process had. Called after `start`, before any `compute`.
    virtual void restore(std::string_view position) { static_cast<void>(position); }
    /// `compute` for a batch that an earlier process had begun and not finished, and that ended at `end`. Override it
    /// where `compute` would go to another position now: the batch must have what it had.
    virtual std::optional<RDD<T>> computeAgain(const Context& sc, Time from, Time to, std::string_view end) {
        static_cast<void>(end);
        return compute(sc, from, to);
    }
};

/// A source of some element type.
template <class S>
concept AnyInputDStream = requires { typename S::Element; } && std::derived_from<S, InputDStream<typename S::Element>>;

namespace detail {

[[noreturn]] void throwForeignRdd(const CallSite& site);
[[noreturn]] void throwNoInput(std::source_location where);
/// Throws that a source does not give again what it gave.
[[noreturn]] void throwOtherPosition(const CallSite& site, Time time);
/// The position of a pulled source, as it is stored: the time of its last batch, and its own.
std::string pulledPosition(Time last, std::string own);
std::pair<Time, std::string> readPulledPosition(std::string_view position);
/// Logs what stopping a source has thrown.
void logStopFailure(const CallSite& site, const std::exception_ptr& error) noexcept;

/// The node of a source that is asked for its RDDs.
template <class T> class PulledNode final : public StreamNode<RDD<T>>, public Input {
  public:
    PulledNode(const std::shared_ptr<StreamCore>& core, CallSite site, std::string kind,
               std::shared_ptr<InputDStream<T>> source)
        : StreamNode<RDD<T>>(core, site, core->batchDuration(), {}),
          kind_(std::move(kind)),
          source_(std::move(source)) {}

    std::string kind() const override { return kind_; }
    void start() override {
        last_ = this->core()->zeroTime();
        source_->start();
    }
    void stop() noexcept override {
        try {
            source_->stop();
        } catch (...) {
            logStopFailure(this->site(), std::current_exception());
        }
    }
    long allocate(Time time) override {
        const Time from = std::exchange(last_, time);
        return take(time, source_->compute(this->core()->context(), from, time));
    }
    std::string position() const override { return pulledPosition(last_, source_->position()); }
    void restore(std::string_view position) override {
        const auto [last, own] = readPulledPosition(position);
        last_ = last;
        source_->restore(own);
    }
    long allocateAgain(Time time, std::string_view end) override {
        const Time from = std::exchange(last_, time);
        auto rdd = source_->computeAgain(this->core()->context(), from, time, readPulledPosition(end).second);
        if (position() != end) throwOtherPosition(this->site(), time);
        return take(time, std::move(rdd));
    }

  protected:
    std::optional<RDD<T>> compute(Time) override { return std::nullopt; }

  private:
    long take(Time time, std::optional<RDD<T>> rdd) {
        if (!rdd) return 0;
        const Context& context = this->core()->context();
        if (checkedLineage(rdd->lineagePtr()).engine() != context.engine()) throwForeignRdd(this->site());
        this->set(time, std::move(*rdd));
        return 0; // the elements of an RDD are not counted before they are computed
    }

    const std::string kind_;
    const std::shared_ptr<InputDStream<T>> source_;
    Time last_{};
};

template <class T>
DStream<T> pulledStream(const std::shared_ptr<StreamCore>& core, const char* operation, const char* kind,
                        std::shared_ptr<InputDStream<T>> source, std::source_location where) {
    if (!source) throwNoInput(where);
    core->requireOpen(operation, where);
    auto node = share(new PulledNode<T>(core, CallSite{operation, where}, kind, std::move(source)));
    core->add(std::shared_ptr<Input>(node));
    return DStream<T>(NodeRecipe<StreamNode<RDD<T>>>(std::move(node)));
}

/// The same RDD in every batch.
template <class T> class ConstantInput final : public InputDStream<T> {
  public:
    explicit ConstantInput(RDD<T> rdd) : rdd_(std::move(rdd)) {}
    std::optional<RDD<T>> compute(const Context&, Time, Time) override { return rdd_; }

  private:
    const RDD<T> rdd_;
};

/// The numbers of a batch's records where so many come in a second.
struct RecordRange {
    long begin, end;
    int slices;
};
RecordRange recordsOf(long perSecond, Duration from, Duration to, int mostSlices);
void requireRate(long perSecond, std::source_location where);
std::string positionOfTime(Time time);
Time timeOfPosition(std::string_view position);

/// So many records per second, made of their numbers.
template <class T, class F> class RateInput final : public InputDStream<T> {
  public:
    RateInput(long perSecond, F make) : perSecond_(perSecond), make_(std::move(make)) {}
    std::optional<RDD<T>> compute(const Context& sc, Time from, Time to) override {
        if (!zero_) zero_ = from;
        const RecordRange range = recordsOf(perSecond_, from - *zero_, to - *zero_, sc.defaultParallelism());
        return sc.range(range.begin, range.end, 1, range.slices).map(make_);
    }
    std::string position() const override { return zero_ ? positionOfTime(*zero_) : std::string(); }
    void restore(std::string_view position) override {
        if (!position.empty()) zero_ = timeOfPosition(position);
    }

  private:
    const long perSecond_;
    const F make_;
    std::optional<Time> zero_;
};

/// A number and a value in [0, 1) that follows from it and a seed.
struct SeededValue {
    std::uint64_t seed;
    std::pair<long, double> operator()(long number) const;
};

} // namespace detail
} // namespace rivulet
