#include "durable/checkpoint_store.h"
#include "streaming/durable/fault_file_system.h"
#include "streaming/sinks/noting_sink.h"

namespace rivulet::test::doubtful_commit_test {

// A commit that has failed may have happened: what the sinks are told then.

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using Visible = std::map<std::uint64_t, std::string>;

namespace {

/// Runs batches on this disk; returns what made it end.
std::string run(const std::string& directory, Place& place, int batches, const std::shared_ptr<FaultFileSystem>& disk) {
    std::string ended;
    detail::useDisk(disk);
    try {
        TestStreamingContext ssc(1s);
        ssc.checkpoint(directory);
        saveToSink(tableStream(ssc, Batches<int>{{1, 2}, {3}, {4}, {5}}, 1).uid("in"),
                   std::make_shared<NotingSink>(place), "out");
        ssc.advanceBatch(batches);
    } catch (const Error& error) {
        ended = error.what();
    }
    detail::useDisk(nullptr);
    return ended;
}

} // namespace

TEST_CASE("Of a commit that failed nothing is visible, and nothing that it names is thrown away", "[T9]") {
    const int change = GENERATE(1, 2); // the write of the commit, or its sync
    const TemporaryDirectory directory;
    Place place;
    const auto disk = std::make_shared<FaultFileSystem>();
    place.atPrepare = [&](std::uint64_t batch) {
        if (batch == 2) disk->failAt(change, FaultFileSystem::Fault::fromThenOn);
    };
    CHECK_THAT(run(directory / "c", place, 3, disk), ContainsSubstring("whether it has happened is unknown"));
    CHECK(place.visible == Visible{{1, "1@1,2@1,"}});
    CHECK_THAT(place.taken(), ContainsSubstring("prepare 2\n") && !ContainsSubstring("abort"));

    place.atPrepare = nullptr;
    CHECK(run(directory / "c", place, 2, std::make_shared<FaultFileSystem>()) == "");
    const bool hasHappened = place.taken().find("2=3@1,") != std::string::npos;
    CHECK(hasHappened == (change == 2)); // the bytes are there, and were not synced
    CHECK(place.visible.at(2) == (hasHappened ? "3@1," : "3@2,"));
    CHECK(place.visible.at(3) == "4@2,");
}

TEST_CASE("What waits for a sink waits through later batches and another process") {
    const TemporaryDirectory directory;
    Place place;
    place.atFinalize = [](std::uint64_t) { throw std::runtime_error("away"); };
    CHECK(run(directory / "c", place, 3, nullptr) == "");
    CHECK(place.visible.empty());
    place.atFinalize = nullptr;
    CHECK(run(directory / "c", place, 1, nullptr) == "");
    CHECK(place.visible == Visible{{1, "1@1,2@1,"}, {2, "3@1,"}, {3, "4@1,"}, {4, "5@2,"}});
}

} // namespace rivulet::test::doubtful_commit_test
