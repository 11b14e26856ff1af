#include "counter.h"

#include <rivulet/rivulet.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <numeric>

using namespace rivulet;
using namespace std::chrono_literals;

using WordCount = std::pair<std::string, long>;

int count(const std::string& directory, int port) {
    StreamingContext ssc(Conf("local[*]", "crash"), 50ms);
    ssc.checkpoint(directory + "/checkpoint");
    const auto lines = ackedServerStream(ssc, port);
    std::cout << "port " << lines.port() << std::endl;
    auto totals = lines.uid("lines")
                      .flatMap(words)
                      .map(withOne)
                      .reduceByKey(std::plus<>())
                      .updateStateByKey([](std::span<const long> arrived, std::optional<long> total) {
                          return std::optional(std::accumulate(arrived.begin(), arrived.end(), total.value_or(0)));
                      })
                      .uid("totals");
    totals.foreachRDD([&](const RDD<WordCount>& rdd) {
        if (std::filesystem::exists(directory + "/finish")) {
            std::ofstream out(directory + "/totals");
            for (const auto& [word, n] : rdd.collect()) out << word << ' ' << n << '\n';
            ssc.stop(false, false);
        }
        std::cout << "total " << rdd.values().fold(0L, std::plus<>()) << std::endl;
    });
    ssc.start();
    ssc.awaitTermination();
    return 0;
}
