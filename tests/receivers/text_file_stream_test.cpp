#include "support/captured_output.h"
#include "support/receiver_harness.h"
#include "support/temporary_directory.h"

namespace rivulet::test::text_file_stream_test {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr Time at(long ms) { return Time(Duration(ms)); }

void touch(const std::string& path, Time modified) {
    fs::last_write_time(path, std::chrono::file_clock::from_sys(modified));
}

/// Writes elsewhere, sets the time of modification, and renames it in, as a careful producer does.
void put(const TemporaryDirectory& directory, const std::string& name, const std::string& content, Time modified) {
    const std::string elsewhere =
        directory.write("elsewhere/" + std::to_string(std::hash<std::string>()(name)), content);
    touch(elsewhere, modified);
    fs::create_directories(fs::path(directory / name).parent_path());
    fs::rename(elsewhere, directory / name);
}

/// A stream over the directory `in`, with batches of 1 s from 0 on.
struct Program {
    explicit Program(const Conf& conf = serialConf(), const std::string& pattern = "in")
        : ssc(conf, 1s),
          batches(collectBatches(textFileStream(ssc, directory / pattern))) {
        if (pattern == "in") fs::create_directory(directory / "in");
    }
    void put(const std::string& name, const std::string& content, Time modified) const {
        text_file_stream_test::put(directory, "in/" + name, content, modified);
    }
    const Lines& next() {
        ssc.advanceBatch();
        return batches[batches.size() - 1];
    }
    /// Runs the batches before `time`, which must all be empty.
    void skipTo(Time time) {
        while (ssc.clock().now() + 1s < time) CHECK(next().empty());
    }

    TemporaryDirectory directory;
    TestStreamingContext ssc;
    CollectedBatches<std::string> batches;
};

} // namespace

TEST_CASE("a file's lines belong to the first batch after its modification") {
    Program program;
    program.put("a", "1\n2\n", at(500));
    program.put("b", "3\n", at(1000));
    program.put("c", "4\n", at(1001)); // the future, seen from the first batch
    CHECK(sorted(program.next()) == Lines{"1", "2", "3"});
    CHECK(program.next() == Lines{"4"});
    CHECK(program.next() == Lines{});
}

TEST_CASE("a file is taken once, whatever happens to it while it is remembered") {
    Program program;
    program.put("a", "1\n", at(500));
    CHECK(program.next() == Lines{"1"});
    program.put("a", "1\n2\n", at(1500));
    CHECK(program.next() == Lines{});
    touch(program.directory / "in/a", at(2500));
    CHECK(program.next() == Lines{});
}

TEST_CASE("a file that is modified after it was forgotten is taken again") {
    Program program(serialConf().set("rivulet.streaming.fileStream.minRememberDuration", "2s"));
    program.put("a", "1\n", at(500));
    CHECK(program.next() == Lines{"1"});
    program.skipTo(at(5000));
    touch(program.directory / "in/a", at(4500));
    CHECK(program.next() == Lines{"1"});
}

TEST_CASE("a file that appears with an old time of modification is left out") {
    SECTION("60 s, if nothing else is said") {
        Program program;
        program.skipTo(at(70'000));
        program.put("old", "old\n", at(10'000));
        program.put("young", "young\n", at(10'001));
        CHECK(program.next() == Lines{"young"});
    }
    SECTION("rounded up to whole batches") {
        Program program(serialConf().set("rivulet.streaming.fileStream.minRememberDuration", "2500ms"));
        program.skipTo(at(10'000));
        program.put("old", "old\n", at(7000));
        program.put("young", "young\n", at(7001));
        CHECK(program.next() == Lines{"young"});
    }
}

TEST_CASE("files from before the stream are left out, unless it is told otherwise") {
    const bool newFilesOnly = GENERATE(true, false);
    const TemporaryDirectory directory;
    TestStreamingContext ssc(1s);
    ssc.clock().advance(100s);
    const auto seen = collectBatches(textFileStream(ssc, directory / "in", newFilesOnly));
    put(directory, "in/older", "older\n", at(30'000));
    put(directory, "in/before", "before\n", at(100'000));
    put(directory, "in/new", "new\n", at(100'001));
    ssc.advanceBatch(2);
    CHECK(sorted(flattened(seen)) == (newFilesOnly ? Lines{"new"} : Lines{"before", "new"}));
}

TEST_CASE("hidden files and what lies in sub-directories are left out") {
    Program program;
    program.put(".hidden", "no\n", at(500));
    program.put("sub/file", "no\n", at(500));
    program.put("_underscore", "yes\n", at(500));
    CHECK(program.next() == Lines{"yes"});
}

TEST_CASE("a directory that does not exist gives a warning and empty batches until it does") {
    Program program(serialConf(), "later");
    {
        const CapturedOutput log(stderr);
        CHECK(program.next() == Lines{});
        CHECK_THAT(log.text(), Catch::Matchers::ContainsSubstring("textFileStream: ") &&
                                   Catch::Matchers::ContainsSubstring("later' does not exist"));
    }
    put(program.directory, "later/a", "1\n", at(1500));
    CHECK(program.next() == Lines{"1"});
}

TEST_CASE("a pattern chooses directories, never files", "[A82]") {
    Program program(serialConf(), "*/");
    fs::create_directory(program.directory / "x");
    fs::create_directory(program.directory / "y");
    Lines expected;
    for (int i = 1; i <= 10; ++i) {
        const std::string text = std::to_string(i);
        program.directory.write((i % 2 ? "x/" : "y/") + text, text + "\n");
        touch(program.directory / ((i % 2 ? "x/" : "y/") + text), at(i * 100));
        expected.push_back(text);
    }
    touch(program.directory.write("direct", "no\n"), at(500));
    CHECK(sorted(program.next()) == sorted(expected));
}

TEST_CASE("a directory that is renamed into the pattern brings its young files", "[A83]") {
    Program program(serialConf().set("rivulet.streaming.fileStream.minRememberDuration", "2s"), "day-*");
    touch(program.directory.write("day-1/a", "1\n"), at(500));
    CHECK(program.next() == Lines{"1"});
    program.skipTo(at(10'000));
    touch(program.directory.write("tmp/existing", "old\n"), at(7000));
    touch(program.directory.write("tmp/renamed", "young\n"), at(9500));
    fs::rename(program.directory / "tmp", program.directory / "day-2");
    CHECK(program.next() == Lines{"young"});
}

TEST_CASE("files that were modified during a long pause are not lost") {
    Program program;
    CHECK(program.next() == Lines{});
    program.put("a", "1\n", at(10'000));
    program.ssc.clock().advance(100s); // ticks that are merged into the next
    CHECK(program.next() == Lines{"1"});
    CHECK(program.next() == Lines{});
}

TEST_CASE("empty files and lines without a newline") {
    Program program;
    program.put("empty", "", at(500));
    program.put("half", "a\r\nb", at(500));
    CHECK(program.next() == Lines{"a", "b"});
}

TEST_CASE("many files in one batch, and views that live as long as their window") {
    TemporaryDirectory directory;
    TestStreamingContext ssc(1s, "local[4]");
    auto counts = collectBatches(
        textFileStream(ssc, directory / "in").flatMap(words).map(withOne).reduceByKeyAndWindow(std::plus<>(), 2s));
    for (int i = 0; i < 50; ++i) put(directory, "in/" + std::to_string(i), "to be\nor not to be\n", at(1000 + 20 * i));
    ssc.advanceBatch(4);
    CHECK(sorted(counts[0]) == Pairs{{"be", 2}, {"not", 1}, {"or", 1}, {"to", 2}});
    CHECK(sorted(counts[1]) == Pairs{{"be", 100}, {"not", 50}, {"or", 50}, {"to", 100}});
    CHECK(sorted(counts[2]) == Pairs{{"be", 98}, {"not", 49}, {"or", 49}, {"to", 98}});
    CHECK(counts[3].empty());
}

} // namespace rivulet::test::text_file_stream_test
