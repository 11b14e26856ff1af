// top_words HOST PORT: every second, the three most frequent words of the last half minute that came from a TCP server.
// Try it with `nc -lk 9999`.
#include <rivulet/rivulet.h>

#include <iostream>

using namespace rivulet;
using namespace std::chrono_literals;

void printTop(const RDD<std::pair<std::string, long>>& counts, Time time) {
    std::cout << "--- " << toString(time) << '\n';
    for (const auto& [word, count] : counts.top(3, byValue)) std::cout << word << '\t' << count << '\n';
    std::cout.flush();
}

int main(int argc, char** argv) try {
    if (argc != 3) {
        std::cerr << "usage: top_words HOST PORT\n";
        return 2;
    }
    Context sc("local[*]", "top-words");
    StreamingContext ssc(sc, 1s);
    auto counts = socketTextStream(ssc, argv[1], std::atoi(argv[2]))
                      .flatMap(words)                                // to be or not to be
                      .map(withOne)                                  // (to,1) (be,1) (or,1) ...
                      .reduceByKeyAndWindow(std::plus<>(), 30s, 1s); // (to,2) (be,2) (or,1) (not,1)
    counts.foreachRDD(printTop);
    ssc.stopOnSignal();
    ssc.start();
    ssc.awaitTermination();
} catch (const std::exception& error) {
    std::cerr << "top_words: " << error.what() << '\n';
    return 1;
}
