#pragma once

#define CATCH_CONFIG_ENABLE_PAIR_STRINGMAKER // failed checks print pairs

#include "rivulet/streaming.h"
#include "rivulet/testing.h"
#include "support/catch.h"

#include <chrono>
#include <initializer_list>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

/// Tests of stream operators as tables: the input of each batch, the operation, what each batch must give.
///
///     checkOrdered(Batches<int>{{1, 2}, {}, none},
///                  [](const auto& in) { return in.map(twice); },
///                  Batches<int>{{2, 4}, {}, none});
///
/// A table is run serially and in parallel, with 1, 2 and 7 partitions in each RDD of the input.
namespace rivulet::test {

/// A batch in which a stream has no RDD at all.
struct NoRdd {};
inline constexpr NoRdd none{};

template <class T> class Batch {
  public:
    Batch() = default;
    Batch(NoRdd) : hasRdd_(false) {}
    Batch(std::initializer_list<T> elements) : elements_(elements) {}
    explicit Batch(std::vector<T> elements) : elements_(std::move(elements)) {}

    bool hasRdd() const { return hasRdd_; }
    const std::vector<T>& elements() const { return elements_; }

  private:
    bool hasRdd_ = true;
    std::vector<T> elements_;
};
template <class T> using Batches = std::vector<Batch<T>>;

/// 1, 2, ... n.
inline Batch<int> upTo(int n) {
    std::vector<int> numbers(static_cast<std::size_t>(n));
    std::iota(numbers.begin(), numbers.end(), 1);
    return Batch<int>(std::move(numbers));
}

/// A batch as it is compared and shown: the texts of its elements. Not a template, because whatever a table does for
/// each type of element costs the compiler more than the operators under test.
struct TextBatch {
    bool hasRdd = true;
    std::vector<std::string> elements;
    bool operator==(const TextBatch&) const = default;
    friend std::ostream& operator<<(std::ostream& out, const TextBatch& batch) {
        if (!batch.hasRdd) return out << "none";
        out << '{';
        for (const std::string& element : batch.elements) out << ' ' << element;
        return out << " }";
    }
};
using TextBatches = std::vector<TextBatch>;

template <class T> std::vector<std::string> textsOf(const std::vector<T>& elements) {
    std::vector<std::string> texts;
    for (const auto& element : elements) texts.push_back(Catch::Detail::stringify(static_cast<const T&>(element)));
    return texts;
}
template <class T> TextBatches textsOf(const Batches<T>& batches) {
    TextBatches texts;
    for (const Batch<T>& batch : batches) texts.push_back({batch.hasRdd(), textsOf(batch.elements())});
    return texts;
}

/// Gives the RDDs of a table, and empty ones after its end.
template <class T> class TableSource final : public detail::StreamNode<RDD<T>>, public detail::Input {
  public:
    TableSource(const std::shared_ptr<detail::StreamCore>& core, CallSite site, Batches<T> batches, int partitions)
        : detail::StreamNode<RDD<T>>(core, site, core->batchDuration(), {}),
          batches_(std::move(batches)),
          partitions_(partitions) {}

    std::string kind() const override { return "Table stream"; }
    long allocate(Time time) override { return long(batchAt(time).elements().size()); }

  protected:
    std::optional<RDD<T>> compute(Time time) override {
        const Batch<T> batch = batchAt(time);
        if (!batch.hasRdd()) return std::nullopt;
        return RDD<T>(this->core()->context().parallelize(batch.elements(), partitions_));
    }

  private:
    Batch<T> batchAt(Time time) const {
        const auto core = this->core();
        const auto index = std::size_t((time - core->zeroTime()) / core->batchDuration()) - 1;
        return index < batches_.size() ? batches_[index] : Batch<T>();
    }

    const Batches<T> batches_;
    const int partitions_;
};

/// A stream that has these batches.
template <class T>
DStream<T> tableStream(const StreamingContext& ssc, Batches<T> batches, int partitions = 2,
                       std::source_location where = std::source_location::current()) {
    auto node =
        std::make_shared<TableSource<T>>(ssc.core(), CallSite{"tableStream", where}, std::move(batches), partitions);
    ssc.core()->add(std::shared_ptr<detail::Input>(node));
    return DStream<T>(detail::NodeRecipe<detail::StreamNode<RDD<T>>>(std::move(node)));
}

/// What an output operation has seen, by the number of the batch (the first is 1).
class SeenBatches {
  public:
    template <class T> void watch(const StreamingContext& ssc, const DStream<T>& stream) {
        // By the core's address: a stream must not keep its context alive.
        stream.foreachRDD([seen = seen_, core = ssc.core().get()](const RDD<T>& rdd, Time time) {
            seen->emplace((time - core->zeroTime()) / core->batchDuration(), textsOf(rdd.collect()));
        });
    }
    /// One entry for every time at which a stream of this slide (in batches) may have an RDD.
    TextBatches table(long batches, long slide) const {
        TextBatches table;
        for (long n = slide; n <= batches; n += slide) {
            const auto found = seen_->find(n);
            table.push_back(found == seen_->end() ? TextBatch{false, {}} : TextBatch{true, found->second});
        }
        return table;
    }

  private:
    std::shared_ptr<std::map<long, std::vector<std::string>>> seen_ =
        std::make_shared<std::map<long, std::vector<std::string>>>();
};

inline void checkTables(TextBatches actual, TextBatches expected, bool ordered) {
    if (!ordered) {
        for (TextBatch& batch : actual) std::sort(batch.elements.begin(), batch.elements.end());
        for (TextBatch& batch : expected) std::sort(batch.elements.begin(), batch.elements.end());
    }
    CHECK(actual == expected);
}

/// Runs `build(ssc, partitions)`, which gives a stream, until it has had as many slides as there are expected batches,
/// in every way that must not make a difference.
template <class Build> void checkEveryWay(const Build& build, const TextBatches& expected, bool ordered) {
    for (const char* master : {"local", "local[4]"}) {
        for (const int partitions : {1, 2, 7}) {
            INFO("master " << master << ", " << partitions << " partitions in each RDD");
            TestStreamingContext ssc(std::chrono::seconds(1), master);
            const auto stream = build(ssc, partitions).erased();
            SeenBatches seen;
            seen.watch(ssc, stream);
            const long slide = stream.slideDuration() / ssc.batchDuration();
            const long batches = slide * long(expected.size());
            ssc.advanceBatch(int(batches));
            checkTables(seen.table(batches, slide), expected, ordered);
        }
    }
}
template <class Build, class U> void checkEveryWay(const Build& build, const Batches<U>& expected, bool ordered) {
    checkEveryWay(build, textsOf(expected), ordered);
}

/// The operation must give these batches, with their elements in this order.
template <class T, class Operation, class U>
void checkOrdered(const Batches<T>& input, const Operation& operation, const Batches<U>& expected) {
    checkEveryWay([&](const StreamingContext& ssc, int n) { return operation(tableStream(ssc, input, n)); }, expected,
                  true);
}
/// The operation must give these batches, whatever the order of their elements.
template <class T, class Operation, class U>
void checkSets(const Batches<T>& input, const Operation& operation, const Batches<U>& expected) {
    checkEveryWay([&](const StreamingContext& ssc, int n) { return operation(tableStream(ssc, input, n)); }, expected,
                  false);
}
/// The same for an operation on two streams.
template <class T1, class T2, class Operation, class U>
void checkOrdered(const Batches<T1>& first, const Batches<T2>& second, const Operation& operation,
                  const Batches<U>& expected) {
    checkEveryWay([&](const StreamingContext& ssc,
                      int n) { return operation(tableStream(ssc, first, n), tableStream(ssc, second, n)); },
                  expected, true);
}
template <class T1, class T2, class Operation, class U>
void checkSets(const Batches<T1>& first, const Batches<T2>& second, const Operation& operation,
               const Batches<U>& expected) {
    checkEveryWay([&](const StreamingContext& ssc,
                      int n) { return operation(tableStream(ssc, first, n), tableStream(ssc, second, n)); },
                  expected, false);
}

/// The text of the error of type `E` that `call` throws, without the place of the call; "no error" if it throws none.
template <class E, class Call> std::string errorText(const Call& call) {
    try {
        call();
    } catch (const E& error) {
        const std::string text = error.what();
        return text.substr(0, text.rfind(" [at "));
    }
    return "no error";
}

/// Waits until the condition holds, giving way to other threads; false if that takes longer than a test may.
template <class Condition> bool eventually(const Condition& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::yield();
    }
    return true;
}

/// The conf of a serial context, to be refined.
inline Conf serialConf(std::string_view master = "local") {
    Conf conf(master, "test");
    if (master.find('[') == master.npos || master.starts_with("local[1,")) conf.set("rivulet.executor", "serial");
    return conf;
}

} // namespace rivulet::test
