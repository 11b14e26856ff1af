#pragma once

#include "support/captured_output.h"
#include "support/stream_harness.h"
#include "support/temporary_directory.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

/// What most tests of streams use, compiled once for all of them. Nobody calls these functions; take from here, or add,
/// what makes the whole build faster.
namespace rivulet::test::precompiled {

template <class T> void elements(const StreamingContext& ssc) {
    const auto queue = ssc.queueStream<T>({});
    const auto table = tableStream<T>(ssc, Batches<T>{});
    const auto stream = queue.erased();
    SeenBatches seen;
    seen.watch(ssc, table);
    seen.watch(ssc, stream);
    const auto batches = collectBatches(queue);
    const auto others = collectBatches(stream);
    CHECK(std::vector<T>() == std::vector<T>());
    CHECK(std::vector<std::vector<T>>() == std::vector<std::vector<T>>());
    CHECK(textsOf(Batches<T>{}).empty());
    stream.window(std::chrono::seconds(2)).erased().print();
}

template <class K, class V> void pairs(const StreamingContext& ssc) {
    using Pair = std::pair<K, V>;
    elements<Pair>(ssc);
    const auto stream = tableStream<Pair>(ssc, Batches<Pair>{}).erased();
    SeenBatches seen;
    seen.watch(ssc, stream.reduceByKey(std::plus<>()).erased());
    seen.watch(ssc, stream.groupByKey().erased());
}

inline void common(const StreamingContext& ssc) {
    elements<int>(ssc);
    elements<long>(ssc);
    elements<std::string>(ssc);
    pairs<int, int>(ssc);
    pairs<long, long>(ssc);
    pairs<std::string, int>(ssc);
    pairs<std::string, long>(ssc);
    const auto words = tableStream<std::string>(ssc, {}).erased();
    const auto update = [](std::span<const long> arrived, std::optional<long> total) {
        return std::optional<long>(total.value_or(0) + long(arrived.size()));
    };
    SeenBatches seen;
    seen.watch(ssc, words.map(withOne).updateStateByKey(update).erased());
    seen.watch(ssc, words.map(withOne).reduceByKeyAndWindow(std::plus<>(), std::chrono::seconds(2)).erased());
}

} // namespace rivulet::test::precompiled
