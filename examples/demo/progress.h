#pragma once

#include <rivulet/streaming_listener.h>

#include <chrono>
#include <deque>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

using WordCount = std::pair<std::string, long>;

/// The words of all batches so far.
struct Totals {
    std::vector<WordCount> top;
    long words = 0;
    long distinct = 0;
};

/// What is known of the job: gathered batch by batch, read by who shows it.
///
/// Threads: any
class Progress : public rivulet::StreamingListener {
  public:
    using Microseconds = std::chrono::microseconds;

    /// Of the batches of the last second.
    struct Recent {
        double recordsPerSecond = 0;
        Microseconds processing{}; // the median
        Microseconds delay{};      // the longest
    };
    struct Shown {
        long batches = 0, records = 0;
        std::vector<WordCount> windowTop;
        Totals totals;
        Recent recent;
    };
    struct Times {
        Microseconds processingMedian{}, processing99{}, longestDelay{};
    };

    void onBatchCompleted(const rivulet::BatchInfo& batch) override;
    void setWindowTop(std::vector<WordCount> top);
    void setTotals(long words, long distinct);
    void setTotalsTop(std::vector<WordCount> top);
    /// Whether the top of all time was not set for this long: to sort all words in every batch would be a waste.
    bool isTotalsTopDue(std::chrono::milliseconds interval) const;

    Shown shown() const;
    long records() const;
    /// Of all batches.
    Times times() const;

  private:
    using SteadyTime = std::chrono::steady_clock::time_point;
    struct Batch {
        SteadyTime completed;
        long records;
        Microseconds processing, delay;
    };

    mutable std::mutex mutex_; // guards the following
    long batches_ = 0, records_ = 0;
    std::vector<WordCount> windowTop_;
    Totals totals_;
    SteadyTime totalsTopSet_;
    std::deque<Batch> lastSecond_;
    std::vector<Microseconds> processing_;
    Microseconds longestDelay_{};
};
