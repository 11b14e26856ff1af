// custom_receiver: a source of one's own. It counts as fast as the batches can follow, ends by itself after a million
// numbers, and nothing of what it stored is lost.
#include <rivulet/rivulet.h>

#include <future>
#include <iostream>

using namespace rivulet;
using namespace std::chrono_literals;

class CounterReceiver : public Receiver<long> {
    void run(Store& store, std::stop_token stop) override {
        for (long n = 0; n < 1'000'000 && !stop.stop_requested(); ++n) store(n); // blocks when the engine is behind
    }
};

/// Tells when the receiver has returned.
class ReceiverEnd : public StreamingListener {
  public:
    void onReceiverStopped(const ReceiverInfo& info) override { name_.set_value(info.name); }
    std::string wait() { return name_.get_future().get(); }

  private:
    std::promise<std::string> name_;
};

int main() try {
    Context sc("local[2]", "custom-receiver");
    StreamingContext ssc(sc, 20ms);
    auto numbers = ssc.receiverStream(CounterReceiver());

    long count = 0, sum = 0; // outputs run one after the other, on the thread of the batches
    numbers.map([](long n) { return std::pair(1L, n); })
        .reduce([](const auto& a, const auto& b) { return std::pair(a.first + b.first, a.second + b.second); })
        .foreachRDD([&](const RDD<std::pair<long, long>>& batch) {
            for (const auto& [n, total] : batch.collect()) {
                count += n;
                sum += total;
            }
        });

    const auto end = std::make_shared<ReceiverEnd>();
    ssc.addStreamingListener(end);
    ssc.start();
    const std::string name = end->wait();
    ssc.stop(true, true); // gracefully: what was received is processed
    std::cout << name << " gave " << count << " numbers; their sum is " << sum << '\n';
} catch (const std::exception& error) {
    std::cerr << "custom_receiver: " << error.what() << '\n';
    return 1;
}
