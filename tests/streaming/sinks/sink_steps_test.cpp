#include "streaming/sinks/noting_sink.h"

#include <thread>

namespace rivulet::test::sink_steps_test {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using Visible = std::map<std::uint64_t, std::string>;

namespace {

const Batches<int> kInput{{1, 2}, {3}, {}, {4}, {5}, {6}};

/// A process that runs some batches; returns what made it end.
std::string run(const std::string& directory, Place& place, int batches, const Conf& conf = serialConf(),
                const CheckpointOptions& options = {}) {
    try {
        TestStreamingContext ssc(conf, 1s);
        ssc.checkpoint(directory, options);
        saveToSink(tableStream(ssc, kInput, 1).uid("in"), std::make_shared<NotingSink>(place), "out");
        ssc.advanceBatch(batches);
        return {};
    } catch (const Error& error) {
        return error.what();
    }
}

} // namespace

TEST_CASE("A batch is prepared, committed, and then visible") {
    const TemporaryDirectory directory;
    Place place;
    CHECK(run(directory / "c", place, 3) == "");
    CHECK(place.taken() == "open out epoch 1 last 0 finalized 0\n"
                           "prepare 1\nfinalize 1\nprepare 2\nfinalize 2\nprepare 3\n"); // which has nothing
    CHECK(place.visible == Visible{{1, "1@1,2@1,"}, {2, "3@1,"}});
}

TEST_CASE("What is known to be visible is not finalized again") {
    const TemporaryDirectory directory;
    Place place;
    run(directory / "c", place, 2);
    place.taken();
    run(directory / "c", place, 2);
    // Of batch 2 it is known with the next commit only.
    CHECK(place.taken() ==
          "open out epoch 2 last 2 finalized 1 2=3@1,\nfinalize 2\nprepare 3\nprepare 4\nfinalize 4\n");
    CHECK(place.visible == Visible{{1, "1@1,2@1,"}, {2, "3@1,"}, {4, "4@2,"}});
}

TEST_CASE("A process that dies after the commit leaves what it prepared to the next one") {
    const TemporaryDirectory directory;
    Place place;
    place.atFinalize = [](std::uint64_t batch) {
        if (batch == 2) throw std::runtime_error("died");
    };
    run(directory / "c", place, 2);
    CHECK(place.visible == Visible{{1, "1@1,2@1,"}});
    place.atFinalize = nullptr;
    run(directory / "c", place, 2);
    CHECK(place.visible == Visible{{1, "1@1,2@1,"}, {2, "3@1,"}, {4, "4@2,"}}); // the first one's, not computed again
}

TEST_CASE("A process that dies before the commit leaves nothing") {
    const TemporaryDirectory directory;
    Place place;
    place.atPrepare = [](std::uint64_t batch) {
        if (batch == 2) throw std::runtime_error("died");
    };
    CHECK_THAT(run(directory / "c", place, 2), ContainsSubstring("died"));
    CHECK_THAT(place.taken(), ContainsSubstring("prepare 2\nabort 2\n"));
    place.atPrepare = nullptr;
    run(directory / "c", place, 1);
    CHECK(place.visible == Visible{{1, "1@1,2@1,"}, {2, "3@2,"}});
}

TEST_CASE("A batch that is repeated is prepared again") {
    const TemporaryDirectory directory;
    Place place;
    int failures = 0;
    place.atPrepare = [&](std::uint64_t batch) {
        if (batch == 2 && ++failures < 3) throw std::runtime_error("not yet");
    };
    run(directory / "c", place, 2, serialConf().set("rivulet.streaming.failedBatches", "retry"));
    CHECK_THAT(place.taken(),
               ContainsSubstring("finalize 1\nprepare 2\nabort 2\nprepare 2\nabort 2\nprepare 2\nfinalize 2\n"));
    CHECK(place.visible == Visible{{1, "1@1,2@1,"}, {2, "3@1,"}});
}

TEST_CASE("Of a batch that is skipped nothing is visible") {
    const TemporaryDirectory directory;
    Place place;
    place.atPrepare = [](std::uint64_t batch) {
        if (batch == 1) throw std::runtime_error("poison");
    };
    const auto conf = serialConf().set("rivulet.streaming.failedBatches", "skip");
    run(directory / "c", place, 2, conf);
    run(directory / "c", place, 2, conf);
    CHECK(place.visible == Visible{{2, "3@1,"}, {4, "4@2,"}});
}

TEST_CASE("A sink that does not take a batch gets it again, in the order of batches") {
    const TemporaryDirectory directory;
    Place place;
    int calls = 0;
    place.atFinalize = [&](std::uint64_t) {
        if (++calls < 3) throw std::runtime_error("away");
    };
    CHECK(run(directory / "c", place, 6) == "");
    // After the first failure with the next batch, after the second with the one after it.
    CHECK_THAT(place.taken(), ContainsSubstring("prepare 1\nfinalize 1\nprepare 2\nfinalize 1\nprepare 3\nprepare 4\n"
                                                "finalize 1\nfinalize 2\nfinalize 4\nprepare 5\nfinalize 5\n"));
    CHECK(place.visible.size() == 5);
}

TEST_CASE("Where much waits for a sink, the batches wait too") {
    const TemporaryDirectory directory;
    Place place;
    std::atomic<bool> isThere = false;
    place.atFinalize = [&](std::uint64_t) {
        if (!isThere) throw std::runtime_error("away");
    };
    TestStreamingContext ssc(serialConf().set("rivulet.streaming.outbox.maxBatches", "2"), 1s);
    ssc.checkpoint(directory / "c");
    saveToSink(tableStream(ssc, kInput, 1).uid("in"), std::make_shared<NotingSink>(place), "out");
    ssc.advanceBatch(2);
    CHECK(place.visible.empty());
    std::atomic<bool> done = false;
    std::thread sinkComesBack([&] {
        isThere = true;
        while (!done) ssc.clock().advance(1ms);
    });
    ssc.advanceBatch();
    done = true;
    sinkComesBack.join();
    CHECK(place.visible.size() == 2);
    CHECK_THAT(place.taken(), ContainsSubstring("finalize 1\nfinalize 2\nprepare "));
}

TEST_CASE("A process whose sink was taken over ends") {
    const TemporaryDirectory directory;
    Place place;
    place.atFinalize = [](std::uint64_t batch) {
        if (batch == 2) throw FencedError("sink 'out': another process has taken over");
    };
    const char* const policy = GENERATE("stop", "retry", "skip");
    CHECK_THAT(run(directory / "c", place, 3, serialConf().set("rivulet.streaming.failedBatches", policy)),
               ContainsSubstring("another process has taken over"));
    CHECK_THAT(place.taken(), !ContainsSubstring("prepare 3"));
    CHECK(place.visible.size() == 1);
}

TEST_CASE("A sink is known by its uid") {
    const TemporaryDirectory directory;
    const std::string path = directory / "c";
    Place place;
    place.atFinalize = [](std::uint64_t) { throw std::runtime_error("away"); };
    run(path, place, 2);
    place.taken();
    place.atFinalize = nullptr;
    place.form = "pictures";
    CHECK_THAT(run(path, place, 1), ContainsSubstring("'out' is sink of pictures, and was sink of notes"));
    CHECK(place.taken() == "");
    CHECK(run(path, place, 2, serialConf(), {.dropState = {"out"}}) == "");
    CHECK_THAT(place.taken(), ContainsSubstring("open out epoch 2 last 2 finalized 0\nprepare 3\n"));
    CHECK(place.visible == Visible{{4, "4@2,"}});
}

TEST_CASE("saveToSink wants a sink and a uid of its own") {
    Place place;
    const TemporaryDirectory directory;
    TestStreamingContext ssc(1s);
    ssc.checkpoint(directory / "c");
    const auto input = tableStream(ssc, kInput, 1).uid("in");
    CHECK(errorText<UsageError>([&] { saveToSink(input, nullptr, "out"); }) ==
          "saveToSink: the sink is null; give it one");
    CHECK(errorText<UsageError>([&] { saveToSink(input, std::make_shared<NotingSink>(place), ""); }) ==
          "saveToSink: the sink has no uid; give it one, by which a later process finds what was committed for it");
    saveToSink(input, std::make_shared<NotingSink>(place), "in");
    CHECK_THAT(errorText<UsageError>([&] { ssc.advanceBatch(); }),
               ContainsSubstring("start: the uid 'in' was given to two: tableStream at ") &&
                   ContainsSubstring(", and saveToSink at "));
}

TEST_CASE("A sink needs a checkpoint directory") {
    Place place;
    TestStreamingContext ssc(1s);
    saveToSink(tableStream(ssc, kInput, 1), std::make_shared<NotingSink>(place), "out");
    CHECK_THAT(errorText<UsageError>([&] { ssc.advanceBatch(); }),
               ContainsSubstring("start: saveToSink at ") &&
                   ContainsSubstring(" has each batch exactly once, for which there must be a checkpoint directory; "
                                     "call checkpoint(\"directory\") before the start, or write with foreachRDD or "
                                     "saveAsTextFiles instead"));
}

} // namespace rivulet::test::sink_steps_test
