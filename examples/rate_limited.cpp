// rate_limited: a source that could give numbers without an end is held to a thousand a second, so that no batch has
// more than its share of them. The source notices nothing but that `store` waits; the same limit slows down a socket's
// sender. Ends by itself.
#include <rivulet/rivulet.h>

#include <iostream>

using namespace rivulet;
using namespace std::chrono_literals;

class CounterReceiver : public Receiver<long> {
    void run(Store& store, std::stop_token stop) override {
        for (long n = 0; !stop.stop_requested(); ++n) store(n); // waits for its permit
    }
};

int main() try {
    Context sc(Conf("local[2]", "rate-limited").set("rivulet.streaming.receiver.maxRate", 1000)); // records per second
    StreamingContext ssc(sc, 100ms);
    long batches = 0, largest = 0;
    ssc.receiverStream(CounterReceiver()).count().foreachRDD([&](const RDD<long>& counts) {
        largest = std::max(largest, counts.first());
        if (++batches == 10) ssc.stop();
    });
    ssc.start();
    ssc.awaitTermination();
    std::cout << batches << " batches of " << toString(ssc.batchDuration())
              << ", none with more than 100 numbers: " << (largest <= 100 ? "yes" : std::to_string(largest)) << '\n';
} catch (const std::exception& error) {
    std::cerr << "rate_limited: " << error.what() << '\n';
    return 1;
}
