#include "rivulet/kafka/sink.h"
#include "support/stream_harness.h"

#include <random>

namespace rivulet::test::topic_writer_test {

using Catch::Matchers::ContainsSubstring;

namespace {

/// A topic with its transactions, as far as one writer cares: what is committed, with the marker; who has the name; and
/// what goes wrong next.
struct FakeTopic {
    enum class Fault { none, away, before, after, late };
    std::vector<std::string> values;
    std::optional<detail::KafkaMarker> marker;
    int owner = 0; // counts the producers that have taken over
    Fault fault = Fault::none;
    /// A commit that the broker has got and not yet acted on; a later owner puts an end to it.
    std::function<void()> late;

    class Producer final : public detail::KafkaProducer {
      public:
        explicit Producer(FakeTopic& topic) : topic_(topic) {}
        std::optional<detail::KafkaMarker> marker(bool) override {
            topic_.answer();
            return topic_.marker;
        }
        void open() override {
            topic_.answer();
            topic_.late = nullptr;
            mine_ = ++topic_.owner;
        }
        void commit(std::span<const kafka::ToSend> records, const detail::KafkaMarker& marker) override {
            topic_.answer();
            if (mine_ != topic_.owner) throw FencedError("fenced");
            const auto act = [this, marker, copy = std::vector(records.begin(), records.end())] {
                for (const auto& record : copy) topic_.values.push_back(record.value.value_or(""));
                topic_.marker = marker;
            };
            switch (std::exchange(topic_.fault, Fault::none)) {
            case Fault::before: throw detail::KafkaInDoubt("timed out, and nothing happened");
            case Fault::after: act(); throw detail::KafkaInDoubt("timed out, and it happened");
            case Fault::late: topic_.late = act; throw detail::KafkaInDoubt("timed out, and it may happen");
            default: act();
            }
        }

      private:
        FakeTopic& topic_;
        int mine_ = 0;
    };

    void answer() {
        if (fault == Fault::away) throw detail::KafkaInDoubt("no answer");
    }
    std::unique_ptr<detail::TopicWriter> writer() {
        return std::make_unique<detail::TopicWriter>(
            [this](const SinkStart&) { return std::make_unique<Producer>(*this); }, "t");
    }
};

std::string rowsOf(const std::string& value) { return detail::sentRows(std::vector<kafka::ToSend>{{.value = value}}); }

SinkStart startAt(std::uint64_t epoch, std::uint64_t last = 0, std::uint64_t finalized = 0) {
    return {"app", "out", epoch, last, finalized, {}};
}

} // namespace

TEST_CASE("Rows of the outbox give back the records") {
    const std::vector<kafka::ToSend> records{{.key = "k", .value = "v", .headers = {{"h", "1"}, {"n", std::nullopt}}},
                                             {.value = "", .partition = 3},
                                             {.key = "gone"}};
    CHECK(detail::readSentRows(detail::sentRows(records)) == records);
    CHECK(detail::readSentRows("").empty());
}

TEST_CASE("A batch is there once, whether or not its transaction has happened when that is in doubt") {
    for (const auto fault : {FakeTopic::Fault::before, FakeTopic::Fault::after, FakeTopic::Fault::late}) {
        FakeTopic topic;
        auto writer = topic.writer();
        writer->open(startAt(1));
        topic.fault = fault;
        writer->finalize(1, rowsOf("a"));
        if (topic.late) topic.late();
        writer->finalize(2, rowsOf("b"));
        writer->finalize(2, rowsOf("b"));
        CHECK(topic.values == std::vector<std::string>{"a", "b"});
    }
}

TEST_CASE("A later process finds by the marker what is there") {
    FakeTopic topic;
    auto writer = topic.writer();
    writer->open(startAt(1));
    writer->finalize(4, rowsOf("a"));
    auto next = topic.writer();
    next->open(startAt(2, 4));
    next->finalize(4, rowsOf("a"));
    next->finalize(5, rowsOf("b"));
    CHECK(topic.values == std::vector<std::string>{"a", "b"});
    CHECK(topic.marker->batch == 5);
    CHECK(topic.marker->epoch == 2);
}

TEST_CASE("A process that was followed writes nothing more, and does not disturb the one that follows") {
    FakeTopic topic;
    auto old = topic.writer();
    old->open(startAt(1));
    auto next = topic.writer();
    next->open(startAt(2));
    SECTION("it is told by the broker") { CHECK_THROWS_AS(old->finalize(1, rowsOf("a")), FencedError); }
    SECTION("it makes its producer anew first") {
        topic.fault = FakeTopic::Fault::away;
        CHECK_THROWS_AS(old->finalize(1, rowsOf("a")), detail::KafkaInDoubt);
        topic.fault = FakeTopic::Fault::none;
        CHECK(errorText<FencedError>([&] { old->finalize(1, rowsOf("a")); }) ==
              "sink 'out': another process has taken over the topic 't', so what waits is left to it, and this process "
              "ends");
    }
    next->finalize(1, rowsOf("b"));
    CHECK(topic.values == std::vector<std::string>{"b"});
}

TEST_CASE("A topic that does not fit the checkpoint is refused") {
    FakeTopic topic;
    auto writer = topic.writer();
    writer->open(startAt(1));
    writer->finalize(4, rowsOf("a"));
    auto older = topic.writer();
    CHECK_THAT(errorText<RecoveryError>([&] { older->open(startAt(2, 3)); }),
               ContainsSubstring("sink 'out': the topic 't' has batch 4, and the checkpoint is at batch 3: it is an "
                                 "older copy"));
    topic.marker.reset();
    auto lost = topic.writer();
    CHECK_THAT(errorText<RecoveryError>([&] { lost->open(startAt(3, 4, 4)); }),
               ContainsSubstring("the topic 't' has batch 0, and batch 4 was there before"));
}

namespace {

void runSeeds(unsigned first, unsigned count) {
    for (unsigned seed = first; seed < first + count; ++seed) {
        INFO("seed " << seed);
        std::mt19937 random(seed);
        const auto below = [&](unsigned n) { return unsigned(random()) % n; };
        FakeTopic topic;
        std::uint64_t committed = 0, finalized = 0, epoch = 0; // what the checkpoint knows
        std::map<std::uint64_t, std::string> outbox;
        std::vector<std::string> expected;
        auto writer = topic.writer();
        std::vector<std::unique_ptr<detail::TopicWriter>> paused; // processes that were followed
        const auto begin = [&] {
            writer = topic.writer();
            topic.fault = FakeTopic::Fault::none;
            writer->open(startAt(++epoch, committed, finalized));
        };
        const auto deliver = [&] {
            try {
                for (auto at = outbox.begin(); at != outbox.end(); at = outbox.erase(at)) {
                    writer->finalize(at->first, at->second);
                    finalized = at->first;
                }
            } catch (const IoError&) { // it waits
            }
        };
        begin();
        for (int step = 0; step < 40; ++step) {
            switch (below(8)) {
            case 0: topic.fault = FakeTopic::Fault(below(5)); break;
            case 1:
                if (topic.late) topic.late();
                topic.late = nullptr;
                break;
            case 2: // a crash
                begin();
                break;
            case 3: // a pause, while another process goes on
                paused.push_back(std::move(writer));
                begin();
                break;
            case 4:
                if (!paused.empty()) {
                    topic.fault = FakeTopic::Fault::none;
                    CHECK_THROWS_AS(paused.back()->finalize(committed + 1, rowsOf("stale")), FencedError);
                    paused.pop_back();
                }
                break;
            default:
                ++committed;
                expected.push_back(std::to_string(committed));
                outbox.emplace(committed, rowsOf(expected.back()));
                deliver();
            }
        }
        begin();
        deliver();
        REQUIRE(topic.values == expected);
    }
}

} // namespace

TEST_CASE("Every batch is there once and in its order, over random schedules of faults", "[T17]") { runSeeds(1, 1000); }

TEST_CASE("Every batch is there once and in its order, over ten thousand schedules", "[.long][T17]") {
    runSeeds(1001, 10'000);
}

} // namespace rivulet::test::topic_writer_test
