#include "operators.h"

#include "support/stream_harness.h"

namespace rivulet::test::failing_records_test {

// Every operator that keeps something, where a function throws at a record: the batch that is tried again is as if
// nothing had been.

using namespace operators;

namespace {

const Batches<std::string> kInput{{"a"}, {"a", "b", "c"}, {"a", "d"}, {}, {"c", "c", "b", "e"}, {"a"}};
const int kBatches = int(kInput.size());

/// `poison`: the record that throws, once; each is counted anew for each operator that reads it. Nothing where there
/// are not so many.
std::vector<TextBatches> outputs(const std::vector<KeepingOperator>& tested, std::optional<std::size_t> poison) {
    std::vector<SeenBatches> seen(tested.size());
    TestStreamingContext ssc(serialConf().set("rivulet.streaming.failedBatches", "retry"), std::chrono::seconds(1));
    std::atomic<bool> armed = poison.has_value();
    std::atomic<std::size_t> records = 0;
    const auto words = tableStream(ssc, kInput, 2)
                           .uid("in")
                           .map([&](const std::string& word) {
                               if (armed && records++ == *poison) {
                                   armed = false;
                                   throw std::runtime_error("poison");
                               }
                               return word;
                           })
                           .erased();
    for (std::size_t i = 0; i < tested.size(); ++i) seen[i].watch(ssc, tested[i].declare(words, 2, tested[i].name));
    ssc.advanceBatch(kBatches);
    if (armed) return {};
    std::vector<TextBatches> tables;
    for (const SeenBatches& one : seen) tables.push_back(one.table(kBatches, 1));
    return tables;
}

void throwAtEach(const std::vector<KeepingOperator>& tested) {
    const auto expected = outputs(tested, std::nullopt);
    std::size_t record = 0;
    for (;; ++record) {
        INFO("record " << record << " threw");
        const auto actual = outputs(tested, record);
        if (actual.empty()) break;
        for (std::size_t i = 0; i < tested.size(); ++i) {
            INFO(tested[i].name);
            checkTables(actual[i], expected[i], false);
        }
    }
    std::size_t all = 0;
    for (const auto& batch : kInput) all += batch.elements().size();
    CHECK(record >= all * tested.size());
}

} // namespace

TEST_CASE("A record that throws leaves states as they were, whichever it is", "[T11]") {
    throwAtEach(statesOperators());
}

TEST_CASE("A record that throws leaves windows as they were, whichever it is", "[T11]") {
    throwAtEach(windowOperators());
}

} // namespace rivulet::test::failing_records_test
