#pragma once

#include "rivulet/core.h"
#include "support/catch.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <source_location>
#include <string>
#include <thread>
#include <vector>

/// Tables of operators: an input, an operation, and what comes out as text. Each table runs on every executor and with
/// 1, 2 and 7 partitions, once with the operation fused to its source and once behind a type-erased handle.
namespace rivulet::test {

inline constexpr const char* kExecutors[] = {"serial", "threads", "tbb"};
inline constexpr int kPartitions[] = {1, 2, 7};

/// Calls `f(sc)` with a context of 4 threads for each executor.
template <class F> void eachExecutor(F f) {
    for (const char* executor : kExecutors) {
        const Context sc(Conf("local[4]", "test").set("rivulet.executor", executor));
        INFO("executor " << executor);
        f(sc);
    }
}

/// Calls `f(sc, partitions)` for each executor and number of partitions.
template <class F> void eachSetup(F f) {
    eachExecutor([&](const Context& sc) {
        for (int partitions : kPartitions) {
            INFO(partitions << " partitions");
            f(sc, partitions);
        }
    });
}

/// The value as `saveAsTextFile` writes it; of an RDD its elements in their order, of a map its pairs by key.
template <class X> std::string text(const X& x) {
    std::string out;
    if constexpr (AnyRdd<X>)
        appendText(out, x.collect());
    else
        appendText(out, x);
    return out;
}
template <class K, class V> std::string text(const KeyMap<K, V>& map) {
    std::vector<std::pair<K, V>> pairs(map.begin(), map.end());
    std::sort(pairs.begin(), pairs.end());
    return text(pairs);
}

/// The elements of an RDD or a vector in ascending order.
template <class X> auto sorted(const X& x) {
    if constexpr (AnyRdd<X>) {
        return sorted(x.collect());
    } else {
        auto copy = x;
        std::sort(copy.begin(), copy.end());
        return copy;
    }
}

/// Checks that `operation(rdd of input)` gives `expected` as text.
template <class T, class Operation>
void expectTable(const std::vector<T>& input, const Operation& operation, const std::string& expected) {
    eachSetup([&](const Context& sc, int partitions) {
        const auto fused = sc.parallelize(input, partitions);
        {
            INFO("fused");
            CHECK(text(operation(fused)) == expected);
        }
        INFO("erased");
        CHECK(text(operation(fused.erased())) == expected);
    });
}

/// The elements of each partition.
template <class R> auto glom(const R& rdd) { return rdd.glom().collect(); }

/// The text of the error of exactly type `E` that `call` throws; of a UsageError without the place of the call.
template <class E, class Call> std::string errorOf(const Call& call) {
    try {
        call();
    } catch (const E& error) {
        const std::string what = error.what();
        return std::is_same_v<E, UsageError> ? what.substr(0, what.rfind(" [at ")) : what;
    } catch (const std::exception& error) {
        return std::string("another error: ") + error.what();
    } catch (...) {
        return "another error, that is no std::exception";
    }
    return "no error";
}

/// The call site of an operation some lines below `here`, as messages and lineage print it.
inline std::string site(const char* operation, std::source_location here, int linesBelow = 1) {
    const std::string path = here.file_name();
    return std::string(operation) + " at " + path.substr(path.rfind('/') + 1) + ":" +
           std::to_string(int(here.line()) + linesBelow);
}

/// Waits until another thread has opened it.
class Gate {
  public:
    void open() {
        std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    void wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return open_; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = false;
};

/// Runs the test with this master, quietly, on every kind of executor.
template <class F> void eachMaster(const char* master, F f) {
    for (const char* executor : kExecutors) {
        INFO("executor " << executor);
        f(Context(Conf(master, "test").set("rivulet.executor", executor).set("rivulet.log.level", "OFF")));
    }
}

/// Numbers 0 ... 9 in 2 partitions, counting how many of them are computed.
inline auto counted(const Context& sc, std::atomic<int>& computed) {
    return sc.range(0, 10, 1, 2).map([&computed](long x) {
        ++computed;
        return x;
    });
}

inline std::int64_t heldBytes(const Context& sc) { return sc.memory().totalBytes(); }

/// Shuffles that this lineage depends on, directly or not.
inline int shufflesOf(const detail::Lineage& lineage) {
    int count = 0;
    for (const auto& dependency : lineage.dependencies())
        count += (dependency.shuffle != nullptr) + shufflesOf(*dependency.parent);
    return count;
}

} // namespace rivulet::test
