// streaming_word_count HOST PORT: every second, how often each word came from a TCP server. Try it with `nc -lk 9999`
// in another terminal.
#include <rivulet/rivulet.h>

#include <iostream>

using namespace rivulet;
using namespace std::chrono_literals;

int main(int argc, char** argv) try {
    auto conf = Conf("local[*]", "streaming-word-count").applyArguments(argc, argv); // --conf key=value
    if (argc != 3) {
        std::cerr << "usage: streaming_word_count HOST PORT\n";
        return 2;
    }
    Context sc(conf);
    StreamingContext ssc(sc, 1s);
    auto lines = socketTextStream(ssc, argv[1], std::atoi(argv[2]));
    auto counts = lines.flatMap(words).map(withOne).reduceByKey(std::plus<>());
    counts.print();
    ssc.stopOnSignal(); // Ctrl-C processes what was received, then ends
    ssc.start();
    ssc.awaitTermination();
} catch (const std::exception& error) {
    std::cerr << "streaming_word_count: " << error.what() << '\n';
    return 1;
}
