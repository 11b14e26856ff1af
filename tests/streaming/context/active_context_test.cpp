#include "support/stream_harness.h"

namespace rivulet::test::active_context_test {

using namespace std::chrono_literals;

namespace {

StreamingContext program(const std::shared_ptr<Clock>& clock = std::make_shared<ManualClock>()) {
    StreamingContext ssc(Context(serialConf()), 1s, clock);
    ssc.queueStream<int>().foreachRDD([](const RDD<int>&) {});
    return ssc;
}

} // namespace

TEST_CASE("getActive gives the context that was started and not stopped", "[A64]") {
    CHECK_FALSE(StreamingContext::getActive());
    const StreamingContext ssc = program();
    CHECK_FALSE(StreamingContext::getActive());
    ssc.start();
    REQUIRE(StreamingContext::getActive());
    CHECK(StreamingContext::getActive()->core() == ssc.core());
    CHECK(ssc.getState() == StreamingContextState::ACTIVE); // the other handles have gone, and it goes on
    ssc.stop();
    CHECK_FALSE(StreamingContext::getActive());
}

TEST_CASE("a handle that getActive gave keeps the context running", "[A64]") {
    std::optional<StreamingContext> first = program();
    first->start();
    std::optional<StreamingContext> second = StreamingContext::getActive();
    first.reset();
    CHECK(second->getState() == StreamingContextState::ACTIVE);
    second.reset();
    CHECK_FALSE(StreamingContext::getActive());
}

TEST_CASE("getActiveOrCreate creates where no context is active", "[A64]") {
    int created = 0;
    const auto create = [&] {
        ++created;
        return program();
    };
    const StreamingContext ssc = StreamingContext::getActiveOrCreate(create);
    CHECK(created == 1);
    CHECK(ssc.getState() == StreamingContextState::INITIALIZED);
    ssc.start();
    CHECK(StreamingContext::getActiveOrCreate(create).core() == ssc.core());
    CHECK(created == 1);
    ssc.stop();
    CHECK(StreamingContext::getActiveOrCreate(create).core() != ssc.core());
    CHECK(created == 2);
}

TEST_CASE("a setting says whether a stop stops the engine too", "[A61]") {
    const bool stops = GENERATE(true, false);
    const Context sc(serialConf().set("rivulet.streaming.stopContextByDefault", stops));
    const StreamingContext ssc(sc, 1s, std::make_shared<ManualClock>());
    ssc.queueStream<int>().foreachRDD([](const RDD<int>&) {});
    ssc.start();
    ssc.stop();
    CHECK(sc.isStopped() == stops);
    ssc.stop(true);
    CHECK(sc.isStopped());
}

} // namespace rivulet::test::active_context_test
