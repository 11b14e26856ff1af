#pragma once

#include <memory>
#include <string>

namespace bench {

/// A topic on a broker of the benchmark's own, with records of one size.
class KafkaTopic {
  public:
    static constexpr int kPartitions = 8;
    static constexpr long kRecords = 5'000'000;
    static constexpr int kRecordBytes = 100;

    /// Starts the broker and fills the topic: a minute, of which the broker takes some seconds.
    KafkaTopic();
    ~KafkaTopic();
    std::string brokers() const;
    static const char* name() { return "records"; }

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace bench
