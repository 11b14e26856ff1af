#pragma once

#include "rivulet/input/rates.h"
#include "rivulet/streaming_listener.h"

#include <mutex>
#include <string>
#include <string_view>

namespace rivulet::detail {

/// How many records per second a direct stream may take: twice as many after each batch that had what it might and was
/// done in time, until two batches have shown how fast they are; then what the estimator says.
///
/// Threads: any
class KafkaPace final : public StreamingListener {
  public:
    KafkaPace(Duration batch, double initialRate, PidRateEstimator::Gains gains);
    /// Once it is known.
    void setInput(int id) { input_ = id; }
    /// 0: no limit.
    double rate() const;
    void setRate(double rate);
    void onBatchCompleted(const BatchInfo& batch) override;

    std::string stored() const;
    void restore(std::string_view stored);

  private:
    const Duration batch_;
    int input_ = -1;

    mutable std::mutex mutex_; // guards the following
    double rate_;
    bool estimated_ = false;
    PidRateEstimator estimator_;
};

} // namespace rivulet::detail
