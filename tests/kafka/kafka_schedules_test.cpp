#include "kafka/kafka_programs.h"
#include "support/temporary_directory.h"

#include <cstdlib>
#include <filesystem>
#include <random>

namespace rivulet::test::kafka_schedules_test {

using namespace std::chrono_literals;

namespace {

/// One seed: records are sent, in transactions and without, the broker goes away and comes back, partitions appear,
/// and processes end and begin, with and without the batch that ran. In the end every committed record is in the state
/// once.
class Schedule {
  public:
    explicit Schedule(unsigned seed, const std::string& checkpoint) : random_(seed), checkpoint_(checkpoint) {
        kafka_.createTopic("t", partitions_);
    }

    void run(int steps) {
        begin();
        for (int step = 0; step < steps; ++step) act();
        dies_ = false;
        kafka_.setAway(false);
        for (auto& [partition, transaction] : std::exchange(open_, {})) kafka_.end(partition, transaction.first, false);
        begin();
        // Batches may have nothing but offsets without records, one after the other.
        for (int without = 0; without < 30; without = program_->behind() > 0 ? 0 : without + 1) batch();
    }
    const std::map<std::string, long>& counted() const { return program_->counts; }
    const std::map<std::string, long>& expected() const { return expected_; }

  private:
    struct Program {
        TestStreamingContext ssc;
        std::map<std::string, long> counts;
        long taken = 0;

        Program(FakeKafka& kafka, const std::string& checkpoint, const bool& dies)
            : ssc(KafkaProgram::unlimited(), 1s) {
            ssc.checkpoint(checkpoint);
            detail::kafkaDirectStream(ssc,
                                      {.topics = {"t"},
                                       .startingOffsets = kafka::earliest,
                                       .uid = "in",
                                       .maxRecordsPerBatch = 20,
                                       .maxRecordsPerTask = 7,
                                       .fetchTimeout = 1ms,
                                       .discoveryInterval = 2s},
                                      kafka.broker(), std::source_location::current())
                .map([](const kafka::Record& record) { return std::pair(std::string(record.valueOr("")), 1L); })
                .updateStateByKey([](std::span<const long> arrived, std::optional<long> total) {
                    return std::optional(total.value_or(0) + long(arrived.size()));
                })
                .uid("counts")
                .foreachRDD([this, &dies](const RDD<std::pair<std::string, long>>& rdd) {
                    counts.clear();
                    for (auto& [value, count] : rdd.collect()) counts[value] = count;
                    if (dies) throw std::runtime_error("died");
                });
        }
        long behind() {
            const long before = std::exchange(taken, long(counts.size()));
            return taken - before;
        }
    };

    int below(int n) { return int(random_() % unsigned(n)); }
    kafka::TopicPartition anyPartition() { return {"t", below(partitions_)}; }
    std::vector<Sent> records(bool isCounted) {
        std::vector<Sent> some;
        for (int i = below(12); i >= 0; --i) {
            const std::string value = (isCounted ? "r" : "x") + std::to_string(next_++);
            some.push_back({value});
            if (isCounted) expected_[value] = 1;
        }
        return some;
    }

    void begin() {
        program_.reset();
        program_ = std::make_unique<Program>(kafka_, checkpoint_, dies_);
    }
    void batch() {
        try {
            program_->ssc.advanceBatch();
        } catch (const Error&) {
            dies_ = false;
            kafka_.setAway(false); // as a start finds it
            begin();
        }
    }
    void act() {
        switch (below(10)) {
        case 0:
        case 1: kafka_.sendRecords(anyPartition(), records(true)); break;
        case 2: kafka_.sendRecordsInTransaction(anyPartition(), records(true), true); break;
        case 3: kafka_.sendRecordsInTransaction(anyPartition(), records(false), false); break;
        case 4: { // one that stays open, or its end
            const auto partition = anyPartition();
            if (const auto found = open_.find(partition); found != open_.end()) {
                const bool isCommitted = below(2) == 0;
                if (isCommitted)
                    for (const Sent& record : found->second.second) expected_[*record.value] = 1;
                kafka_.end(partition, found->second.first, isCommitted);
                open_.erase(found);
            } else {
                auto some = records(false);
                const int transaction = kafka_.begin(partition, some);
                open_.emplace(partition, std::pair(transaction, std::move(some)));
            }
            break;
        }
        case 5: kafka_.setAway(below(2) == 0); break;
        case 6:
            if (below(4) == 0 && partitions_ < 4) kafka_.addPartitions("t", ++partitions_);
            break;
        case 7:
            dies_ = below(2) == 0;
            batch();
            break;
        case 8:
            if (below(3) == 0) {
                kafka_.setAway(false);
                begin();
            }
            break;
        default: batch();
        }
    }

    std::mt19937 random_;
    const std::string checkpoint_;
    FakeKafka kafka_;
    int partitions_ = 2;
    long next_ = 0;
    std::map<std::string, long> expected_;
    std::map<kafka::TopicPartition, std::pair<int, std::vector<Sent>>> open_;
    bool dies_ = false;
    std::unique_ptr<Program> program_;
};

void runSeeds(unsigned first, unsigned count, int steps) {
    for (unsigned seed = first; seed < first + count; ++seed) {
        INFO("seed " << seed);
        const TemporaryDirectory directory;
        Schedule schedule(seed, directory / "c");
        schedule.run(steps);
        REQUIRE(schedule.counted() == schedule.expected());
    }
}

} // namespace

TEST_CASE("Every committed record counts once, over random schedules of faults", "[T17]") { runSeeds(1, 10, 40); }

TEST_CASE("Every committed record counts once, over a thousand schedules", "[.long][T17]") { runSeeds(1000, 1000, 40); }

} // namespace rivulet::test::kafka_schedules_test
