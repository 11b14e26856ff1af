// click_ratio: how many clicks one page has for each click on another, second by second, while the servers that report
// them stall in turn and then send what they held back. Clicks are counted as they arrive, then in the batch of their
// own time, for which it waits two seconds: with this slack the ratio is right. The clock is a manual one, so that the
// two runs see the same.
#include <rivulet/rivulet.h>
#include <rivulet/testing.h>

#include <iostream>

using namespace rivulet;
using namespace std::chrono_literals;

struct Click {
    std::string page;
    Time time;
};
using Clicks = std::vector<Click>;

Time timeOf(const Click& click) { return click.time; }

/// A server that reports so many clicks per second, and keeps them while it is stalled.
class Reporter {
  public:
    Reporter(const StreamingContext& ssc, std::string page, std::size_t perSecond)
        : clicks_(ssc.queueStream<Click>(false)), // a batch takes all that has arrived
          page_(std::move(page)),
          perSecond_(perSecond) {}
    const QueueStream<Click>& stream() const { return clicks_; }
    void run(Time now, bool stalled) {
        held_.insert(held_.end(), perSecond_, Click{page_, now});
        if (!stalled) clicks_.push(std::exchange(held_, {}));
    }

  private:
    QueueStream<Click> clicks_;
    std::string page_;
    std::size_t perSecond_;
    Clicks held_;
};

void printRatio(const RDD<Click>& clicks) {
    auto counts = clicks.map([](const Click& click) { return click.page; }).countByValue();
    std::cout << ' ' << counts["news"] << ':' << counts["shop"];
}

void run(Duration slack) {
    TestStreamingContext ssc(1s);
    Reporter news(ssc, "news", 30), shop(ssc, "shop", 10);
    news.stream().unionWith(shop.stream()).withEventTime(timeOf, slack).foreachRDD(printRatio);

    std::cout << "slack " << toString(slack) << ':';
    for (int second = 1; second <= 10; ++second) {
        const Time now{std::chrono::seconds(second)};
        news.run(now, second == 2 || second == 3);
        shop.run(now, second == 6);
        ssc.advanceBatch();
    }
    ssc.advanceBatch(int(slack / 1s)); // the batches that wait yet
    std::cout << '\n';
}

int main() try {
    run(0s);
    run(2s);
} catch (const std::exception& error) {
    std::cerr << "click_ratio: " << error.what() << '\n';
    return 1;
}
