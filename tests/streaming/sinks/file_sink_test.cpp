#include "rivulet/object_files.h"
#include "streaming/sinks/published_batches.h"

namespace rivulet::test::file_sink_test {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using Lines = std::map<long, std::vector<std::string>>;
namespace fs = std::filesystem;

namespace {

const Batches<std::string> kInput{{"a", "b"}, {}, {"c"}, {"d"}, {"e"}};

/// A process that writes some batches; returns what made it end.
std::string run(const TemporaryDirectory& directory, int batches, const std::string& uid = "letters",
                const std::string& checkpoint = "c") {
    try {
        TestStreamingContext ssc(1s);
        ssc.checkpoint(directory / checkpoint);
        files::saveToDirectory(tableStream(ssc, kInput).uid("in"), {.directory = directory / "out", .uid = uid});
        ssc.advanceBatch(batches);
        return {};
    } catch (const Error& error) {
        return error.what();
    }
}

} // namespace

TEST_CASE("Each batch is a directory with its parts and a manifest") {
    const TemporaryDirectory directory;
    CHECK(run(directory, 3) == "");
    const std::string batch = directory / "out/letters-0000000001";
    CHECK(contentOf(batch + "/part-00000") == "a\n");
    CHECK(contentOf(batch + "/part-00001") == "b\n");
    CHECK(contentOf(batch + "/_manifest") ==
          "batch 1\ntime 1000\nepoch 1\npart-00000 2 09bde29b\npart-00001 2 3d5a4a02\n"
          "crc32c 4ec2e055\n");
    CHECK(publishedBatches(directory / "out", "letters") ==
          Lines{{1, {"a", "b"}}, {3, {"c"}}}); // none for an empty one
    CHECK(fs::exists(directory / "out/letters-0000000003/part-00001"));
    CHECK_FALSE(fs::exists(directory / "out/letters-0000000003/part-00000")); // an empty partition
}

TEST_CASE("A process goes on with the files of the one before") {
    const TemporaryDirectory directory;
    for (const int batches : {1, 1, 2}) CHECK(run(directory, batches) == "");
    CHECK(publishedBatches(directory / "out", "letters") == Lines{{1, {"a", "b"}}, {3, {"c"}}, {4, {"d"}}});
    CHECK_THAT(contentOf(directory / "out/letters-0000000003/_manifest"), ContainsSubstring("epoch 3\n"));
    CHECK_THAT(contentOf(directory / "out/.letters/owner"), ContainsSubstring(" epoch 3\n"));
}

TEST_CASE("Objects are written as saveAsObjectFile writes them") {
    const TemporaryDirectory directory;
    TestStreamingContext ssc(1s);
    ssc.checkpoint(directory / "c");
    files::saveObjectsToDirectory(
        tableStream(ssc, kInput).uid("in").map([](const std::string& x) { return std::pair(x, 7); }),
        {.directory = directory / "out", .uid = "pairs"});
    ssc.advanceBatch(3);
    using P = std::vector<std::pair<std::string, int>>;
    CHECK(objectFile<std::pair<std::string, int>>(ssc.context(), directory / "out/pairs-0000000001").collect() ==
          P{{"a", 7}, {"b", 7}});
    CHECK(objectFile<std::pair<std::string, int>>(ssc.context(), directory / "out/pairs-*").collect() ==
          P{{"a", 7}, {"b", 7}, {"c", 7}});
}

TEST_CASE("Attempts of tasks and batches that failed leave nothing") {
    const TemporaryDirectory directory;
    TestStreamingContext ssc(serialConf("local[2,3]").set("rivulet.streaming.failedBatches", "retry"), 1s);
    ssc.checkpoint(directory / "c");
    std::atomic<int> calls = 0;
    files::saveToDirectory(tableStream(ssc, kInput).uid("in").map([&](const std::string& x) {
        if (x == "b" && ++calls < 5)
            throw std::runtime_error("not yet"); // three times in the first attempt at the batch
        return x;
    }),
                           {.directory = directory / "out", .uid = "letters"});
    ssc.advanceBatch();
    CHECK(publishedBatches(directory / "out", "letters") == Lines{{1, {"a", "b"}}});
    int entries = 0;
    for (const auto& entry : fs::recursive_directory_iterator(directory / "out/.letters")) {
        CHECK(entry.path().filename() == "owner");
        ++entries;
    }
    CHECK(entries == 1);
}

TEST_CASE("What an unfinished batch has left of this sink is removed at the start, and of no other") {
    const TemporaryDirectory directory;
    run(directory, 1);
    directory.write("out/.letters/1-0000000002/part-00000", "half");
    directory.write("out/.letters/owner.new", "half");
    directory.write("out/.others/1-0000000002/part-00000", "others");
    CHECK(run(directory, 1) == "");
    CHECK_FALSE(fs::exists(directory / "out/.letters/1-0000000002"));
    CHECK_FALSE(fs::exists(directory / "out/.letters/owner.new"));
    CHECK(fs::exists(directory / "out/.others/1-0000000002/part-00000"));
}

TEST_CASE("Several sinks may write to one directory") {
    const TemporaryDirectory directory;
    TestStreamingContext ssc(1s);
    ssc.checkpoint(directory / "c");
    const auto input = tableStream(ssc, kInput).uid("in");
    files::saveToDirectory(input, {.directory = directory / "out", .uid = "one"});
    files::saveToDirectory(input, {.directory = "file://" + directory / "out", .uid = "one-more"});
    ssc.advanceBatch(3);
    const Lines expected{{1, {"a", "b"}}, {3, {"c"}}};
    CHECK(publishedBatches(directory / "out", "one-more") == expected);
    fs::create_directories(directory / "moved");
    fs::rename(directory / "out/one-more-0000000001", directory / "moved/one-more-0000000001");
    fs::rename(directory / "out/one-more-0000000003", directory / "moved/one-more-0000000003");
    CHECK(publishedBatches(directory / "out", "one") == expected);
}

TEST_CASE("A checkpoint that is older than what was written with it is refused") {
    const TemporaryDirectory directory;
    run(directory, 1);
    fs::copy(directory / "c", directory / "older", fs::copy_options::recursive);
    run(directory, 3);
    const std::string text = run(directory, 1, "letters", "older");
    CHECK_THAT(text, ContainsSubstring("sink 'letters': '" + directory / "out/letters-000000000") &&
                         ContainsSubstring("' is of a later batch than the checkpoint, which is at batch 1: it is an "
                                           "older copy. Go on from a later one; or, to have the batches after it "
                                           "written anew, remove them"));
    CHECK(run(directory, 1) == ""); // nothing was changed
}

TEST_CASE("Files of another checkpoint are left alone") {
    const TemporaryDirectory directory;
    run(directory, 1);
    CHECK_THAT(
        run(directory, 1, "letters", "other"),
        ContainsSubstring("sink 'letters': the batches 'letters-...' in '" + directory / "out" +
                          "' belong to another checkpoint (") &&
            ContainsSubstring("); write to another directory, or remove them and '" + directory / "out/.letters'"));
    CHECK(publishedBatches(directory / "out", "letters").size() == 1);
}

TEST_CASE("A process whose directory was taken over publishes nothing more") {
    const TemporaryDirectory directory;
    const auto batches = [&] { return publishedBatches(directory / "out", "letters"); };
    TestStreamingContext ssc(1s);
    ssc.checkpoint(directory / "c");
    bool isTakenOver = false;
    auto stream = tableStream(ssc, kInput).uid("in");
    files::saveToDirectory(stream.map([&](const std::string& x) {
        // While it computes, another process begins with a copy of the checkpoint.
        if (x == "c" && !std::exchange(isTakenOver, true))
            directory.write("out/.letters/owner", [&] {
                std::string owner = contentOf(directory / "out/.letters/owner");
                return owner.substr(0, owner.find(" epoch")) + " epoch 2\n";
            }());
        return x;
    }),
                           {.directory = directory / "out", .uid = "letters"});
    ssc.advanceBatch(2);
    CHECK(batches().size() == 1);
    CHECK_THROWS_WITH(ssc.advanceBatch(),
                      "sink 'letters': another process has taken over the batches in '" + directory / "out" +
                          "' (epoch 2, this one is of epoch 1), so batch 3 is left to it, and this process ends");
    CHECK(batches().size() == 1);
}

TEST_CASE("Batches that somebody has removed or changed before they were finished are named") {
    const TemporaryDirectory directory;
    run(directory, 1);
    fs::rename(directory / "out/letters-0000000001", directory / "away");
    CHECK_THAT(run(directory, 1),
               ContainsSubstring("sink 'letters': batch 1 was committed, and its files are neither at ") &&
                   ContainsSubstring("somebody has removed them; bring them back, or give "
                                     "checkpoint() the option .dropState = {\"letters\"}, which "
                                     "leaves the batch out"));
    directory.write("out/letters-0000000001/_manifest", "another\n");
    CHECK_THAT(run(directory, 1), ContainsSubstring("is there already, with other files than batch 1 of the checkpoint "
                                                    "has; remove it, and the batch takes its place"));
    fs::remove_all(directory / "out/letters-0000000001");
    fs::rename(directory / "away", directory / "out/letters-0000000001");
    CHECK(run(directory, 2) == "");
    CHECK(publishedBatches(directory / "out", "letters") == Lines{{1, {"a", "b"}}, {3, {"c"}}});
}

TEST_CASE("The owner of a directory is read as it was written, or not at all") {
    const TemporaryDirectory directory;
    run(directory, 1);
    directory.write("out/.letters/owner", "nonsense");
    CHECK_THAT(run(directory, 1), ContainsSubstring("owner' is damaged: expected 'checkpoint <id> epoch <number>', "
                                                    "found 'nonsense'"));
}

TEST_CASE("The uid of a file sink can be the name of files") {
    TestStreamingContext ssc(1s);
    const auto input = tableStream(ssc, kInput);
    for (const std::string uid : {"a/b", ".a", "_a"})
        CHECK(errorText<UsageError>([&] { files::saveToDirectory(input, {.directory = "out", .uid = uid}); }) ==
              "files::saveToDirectory: the uid '" + uid +
                  "' cannot be the name of files that readers see; it must have "
                  "no '/', and not begin with '.' or '_'");
    CHECK_THAT(errorText<UsageError>([&] { files::saveToDirectory(input, {.directory = "out"}); }),
               ContainsSubstring("files::saveToDirectory: the sink has no uid"));
    CHECK(errorText<UsageError>([&] { files::saveToDirectory(input, {.directory = "", .uid = "a"}); }) ==
          "files::saveToDirectory: the directory has no name; say where the batches are to be");
}

} // namespace rivulet::test::file_sink_test
