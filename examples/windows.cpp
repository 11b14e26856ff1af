// windows HOST PORT: reads lines "page milliseconds" from a TCP server; prints every ten seconds how often each page
// was hit in the last thirty, and every second the slowest hit of each page in the last minute. Try it with `nc -lk
// 9999`.
#include <rivulet/rivulet.h>

#include <iostream>

using namespace rivulet;
using namespace std::chrono_literals;

bool isHit(std::string_view line) { return line.find(' ') != line.npos; }

std::pair<std::string_view, long> pageAndLatency(std::string_view line) {
    const auto gap = line.find(' ');
    return {line.substr(0, gap), std::atol(std::string(line.substr(gap)).c_str())};
}

int main(int argc, char** argv) try {
    auto conf = Conf("local[*]", "windows").applyArguments(argc, argv); // --conf key=value
    if (argc != 3) {
        std::cerr << "usage: windows HOST PORT\n";
        return 2;
    }
    Context sc(conf);
    StreamingContext ssc(sc, 1s);
    auto latencies = socketTextStream(ssc, argv[1], std::atoi(argv[2])).filter(isHit).map(pageAndLatency);
    auto hits = latencies.keys().map(withOne);

    auto hot = hits.reduceByKeyAndWindow(std::plus<>(), std::minus<>(), 30s, 10s); // a sum has an inverse
    auto slowest = latencies.reduceByKeyAndWindow(maximum, 60s, 1s);               // a maximum has none: the same cost

    hot.print();
    slowest.print();
    ssc.stopOnSignal();
    ssc.start();
    ssc.awaitTermination();
} catch (const std::exception& error) {
    std::cerr << "windows: " << error.what() << '\n';
    return 1;
}
