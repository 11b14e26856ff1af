#include "support/rdd_harness.h"
#include "support/temporary_directory.h"

#include <filesystem>
#include <sstream>
#include <unistd.h>

namespace rivulet::test::text_file_test {

using Catch::Matchers::ContainsSubstring;
using Lines = std::vector<std::string>;

namespace {

/// The lines of a text as std::getline gives them, without a '\r' at their ends.
Lines linesOf(const std::string& content) {
    Lines lines;
    std::istringstream in(content);
    for (std::string line; std::getline(in, line);) {
        if (line.ends_with('\r')) line.pop_back();
        lines.push_back(line);
    }
    return lines;
}

Context contextOf(std::string_view key = "rivulet.log.level", std::string_view value = "OFF") {
    return Context(Conf("local[2]", "test").set("rivulet.log.level", "OFF").set(key, value));
}

} // namespace

TEST_CASE("the lines of a file come without their ends, whatever bytes they have") {
    using namespace std::string_literals;
    const Context sc = contextOf();
    const TemporaryDirectory directory;
    for (const std::string& content :
         {""s, "\n"s, "a"s, "a\n"s, "a\nb"s, "\n\na\n\n"s, "a\r\nb\r\n"s, "\r\n\r\n"s, "a\rb\nc\r\r\n"s, "\0a\0\n\0"s,
          "\xff\xfe\n\xc3\x28\n\x80"s, "\xef\xbb\xbf"s + "a\n", " a \n\tb\n"s, "a\n \n"s}) {
        const auto file = directory.write("file", content);
        for (int partitions : {1, 2, 7}) {
            INFO("content '" << content << "' in " << partitions << " partitions");
            CHECK(sc.textFile(file, partitions).collect() == linesOf(content));
            CHECK(sc.textFile(file, partitions).count() == long(linesOf(content).size()));
        }
    }
}

TEST_CASE("an empty file has no lines and no partitions") {
    const Context sc = contextOf();
    const TemporaryDirectory directory;
    const auto empty = sc.textFile(directory.write("empty", ""), 4);
    CHECK(empty.getNumPartitions() == 0);
    CHECK(empty.isEmpty());
    CHECK(empty.flatMap(words).countByValue().empty());
    CHECK(sc.textFile(directory.path()).collect().empty());
    const std::filesystem::path bare = directory / "bare";
    std::filesystem::create_directory(bare);
    CHECK(sc.textFile(bare.string()).getNumPartitions() == 0);
}

TEST_CASE("splits of every size give exactly the lines") {
    std::string content;
    for (int i = 0; i < 40; ++i)
        content += std::string(std::size_t(i * 7 % 23), char('a' + i % 26)) + (i % 3 ? "\n" : "\r\n");
    content += "\n\n\r\n\r\r\n.\n" + std::string(90, 'z') + "\n\nthe end without a newline";
    const TemporaryDirectory directory;
    for (const std::string& text : {content, content + "\n", content + "\n\n"}) {
        const auto file = directory.write("tricky", text);
        const Lines expected = linesOf(text);
        for (int size = 1; size <= 40; ++size) {
            INFO("splits of " << size << " bytes");
            const Context sc(Conf("local", "test").set("rivulet.files.maxPartitionBytes", size));
            CHECK(sc.textFile(file, 1).collect() == expected);
        }
        const Context sc("local", "test");
        for (int partitions = 1; partitions <= 60; ++partitions) {
            INFO(partitions << " partitions");
            CHECK(sc.textFile(file, partitions).collect() == expected);
        }
    }
}

TEST_CASE("lines that are longer than a block, and blocks that end anywhere in a line, are whole") {
    const TemporaryDirectory directory;
    std::string content;
    for (int i = 0; i < 60; ++i)
        content += std::string(std::size_t(i * 997 % 9001), char('a' + i % 26)) + (i % 2 ? "\n" : "\r\n");
    content += std::string(4094, 'x') + "\r\n" + std::string(4095, 'y') + "\r\n" + std::string(4096, 'z') + "\nend";
    const auto file = directory.write("long", content);
    const Lines expected = linesOf(content);
    for (const char* splitBytes : {"1000", "4095", "4096", "4097", "10000", "128m"}) {
        INFO("splits of " << splitBytes);
        const Context sc(Conf("local[2]", "test")
                             .set("rivulet.files.blockBytes", "4k")
                             .set("rivulet.files.maxPartitionBytes", splitBytes));
        CHECK((sc.textFile(file, 1).collect() == expected));
        CHECK((sc.textFile(file, 1).take(5) == Lines(expected.begin(), expected.begin() + 5)));
    }
}

TEST_CASE("a line of 100 MB is one line") {
    constexpr std::size_t kPiece = 1 << 20, kPieces = 100;
    const TemporaryDirectory directory;
    {
        std::ofstream out(directory / "big", std::ios::binary);
        const std::string piece(kPiece, 'x');
        out << "short\n";
        for (std::size_t i = 0; i < kPieces; ++i) out << piece;
        out << "\nend";
    }
    const Context sc = contextOf();
    CHECK(text(sc.textFile(directory / "big").map([](std::string_view line) { return line.size(); })) ==
          "[5, " + std::to_string(kPiece * kPieces) + ", 3]");
}

TEST_CASE("files are cut into the partitions that are asked for, and no larger ones than set") {
    const TemporaryDirectory directory;
    const auto file = directory.write("file", std::string(1000, '\n'));
    const Context sc = contextOf();
    CHECK(sc.textFile(file).getNumPartitions() == 2);
    CHECK(sc.textFile(file, 1).getNumPartitions() == 1);
    CHECK(sc.textFile(file, 5).getNumPartitions() == 5);
    CHECK(sc.textFile(file + "," + file, 4).getNumPartitions() == 4);
    CHECK(contextOf("rivulet.files.maxPartitionBytes", "100").textFile(file, 1).getNumPartitions() == 10);
    CHECK(Context("local", "test").textFile(file).getNumPartitions() == 1);
}

TEST_CASE("take of a text file reads no more blocks than it needs") {
    const TemporaryDirectory directory;
    std::string content;
    for (int i = 0; i < 100'000; ++i) content += "line\n";
    const Context sc = contextOf("rivulet.files.blockBytes", "4k");
    std::atomic<long> read = 0;
    const auto lines = sc.textFile(directory.write("file", content), 2).map([&](std::string_view line) {
        ++read;
        return line;
    });
    CHECK(text(lines.take(2)) == "[line, line]");
    CHECK(read <= 4096 / 5 + 1);
}

TEST_CASE("directories, patterns and lists with commas name many files, in order") {
    const TemporaryDirectory directory;
    directory.write("in/b.txt", "b1\nb2\n");
    directory.write("in/a.txt", "a1");
    directory.write("in/c.log", "c1\n");
    directory.write("in/_SUCCESS", "hidden\n");
    directory.write("in/.part.crc", "hidden\n");
    directory.write("in/empty.txt", "");
    directory.write("other/d.txt", "d1\n");
    const Context sc = contextOf();
    const auto read = [&](const std::string& names) { return text(sc.textFile(names)); };
    const std::string in = directory / "in", other = directory / "other";
    CHECK(read(in) == "[a1, b1, b2, c1]");
    CHECK(read(in + "/") == "[a1, b1, b2, c1]");
    CHECK(read("file://" + in) == "[a1, b1, b2, c1]");
    CHECK(read(in + "/*.txt") == "[a1, b1, b2]");
    CHECK(read(in + "/[bc].*") == "[b1, b2, c1]");
    CHECK(read(in + "/{c,a}.*") == "[a1, c1]");
    CHECK(read(directory.path() + "/*/?.txt") == "[a1, b1, b2, d1]");
    CHECK(read(other + "," + in + "/a.txt") == "[d1, a1]");
    CHECK(read(in + "/a.txt," + in + "/a.txt") == "[a1, a1]");
    CHECK(sc.textFile(in).name() == in);
}

TEST_CASE("input that is not there, or not a file, is an error of the action that needs it") {
    const TemporaryDirectory directory;
    directory.write("nested/inner/file", "x\n");
    const Context sc = contextOf();
    const auto errorFor = [&](const std::string& names) {
        const auto lines = sc.textFile(names).map([](std::string_view line) { return line.size(); });
        const std::string what = errorOf<IoError>([&] { lines.collect(); });
        CHECK(errorOf<IoError>([&] { lines.getNumPartitions(); }) == what);
        CHECK(errorOf<IoError>([&] { lines.erased().count(); }) == what);
        return what;
    };
    CHECK_THAT(errorFor(directory / "missing"),
               ContainsSubstring(directory / "missing") && ContainsSubstring("does not exist"));
    CHECK_THAT(errorFor(directory / "*.none"), ContainsSubstring(directory / "*.none"));
    CHECK_THAT(errorFor(directory / "nested"),
               ContainsSubstring(directory / "nested/inner") && ContainsSubstring("directory"));
    // with a shuffle between, it is the same
    CHECK(errorOf<IoError>([&] { sc.textFile(directory / "missing").flatMap(words).countByValue(); }) ==
          errorFor(directory / "missing"));
}

TEST_CASE("a file that appears after a failed listing is read") {
    const TemporaryDirectory directory;
    const Context sc = contextOf();
    const auto lines = sc.textFile(directory / "late");
    CHECK(errorOf<IoError>([&] { lines.count(); }) != "no error");
    directory.write("late", "here\n");
    CHECK(lines.count() == 1);
}

TEST_CASE("a file without permission is an error that names it") {
    const TemporaryDirectory directory;
    const auto file = directory.write("secret", "x\n");
    std::filesystem::permissions(file, std::filesystem::perms::none);
    if (::geteuid() == 0) {
        WARN("not checked: root may read every file");
        return;
    }
    const Context sc = contextOf();
    CHECK_THAT(errorOf<IoError>([&] { sc.textFile(file).count(); }),
               ContainsSubstring(file) && ContainsSubstring("ermission"));
}

TEST_CASE("a file that became shorter after it was listed is an error, not fewer lines") {
    const TemporaryDirectory directory;
    for (std::uintmax_t left : {0, 1, 50, 99}) {
        const auto file = directory.write("file", std::string(50, 'x') + "\n" + std::string(48, 'y') + "\n");
        const Context sc = contextOf();
        const auto lines = sc.textFile(file, 1);
        REQUIRE(lines.getNumPartitions() == 1);
        std::filesystem::resize_file(file, left);
        CHECK(errorOf<IoError>([&] { lines.collect(); }) ==
              "'" + file + "' ends at byte " + std::to_string(left) +
                  " but had 100 bytes when it was listed: it was truncated while it was read");
        for (int partitions : {2, 7}) {
            directory.write("file", std::string(50, 'x') + "\n" + std::string(48, 'y') + "\n");
            const auto split = sc.textFile(file, partitions);
            REQUIRE(split.getNumPartitions() == partitions);
            std::filesystem::resize_file(file, left);
            CHECK_THAT(errorOf<IoError>([&] { split.collect(); }),
                       ContainsSubstring("was truncated while it was read"));
        }
    }
}

TEST_CASE("a file that is gone after it was listed is an error, of one that grew the new lines are left out") {
    const TemporaryDirectory directory;
    const Context sc = contextOf();
    const auto file = directory.write("file", "a\nb\n");
    const auto lines = sc.textFile(file, 2);
    REQUIRE(lines.getNumPartitions() == 2);
    directory.write("file", "a\nb\nc\nd\n");
    CHECK(text(lines) == "[a, b]");
    CHECK(text(sc.textFile(file)) == "[a, b, c, d]");
    std::filesystem::remove(file);
    CHECK_THAT(errorOf<IoError>([&] { lines.count(); }), ContainsSubstring(file));
}

TEST_CASE("a line that is longer than rivulet.files.maxLineBytes is an error with its place") {
    const TemporaryDirectory directory;
    const auto file = directory.write("file", "one\n" + std::string(20'000, 'x') + "\nthree\n");
    for (int partitions : {1, 2, 7}) {
        const Context sc(Conf("local", "test")
                             .set("rivulet.files.blockBytes", "4k")
                             .set("rivulet.files.maxLineBytes", 10'000)
                             .set("rivulet.log.level", "OFF"));
        CHECK(errorOf<IoError>([&] { sc.textFile(file, partitions).count(); }) ==
              "a line of '" + file +
                  "' that begins at byte 4 has more than 10000 bytes: raise "
                  "rivulet.files.maxLineBytes, or read the file in another form");
    }
}

// The limit guards what a reader holds: a line that fits a block is never too long, and the room for a terminator
// counts too.
TEST_CASE("the longest line allowed is read, and one that needs more room is refused, whatever the splits") {
    const TemporaryDirectory directory;
    for (int limit : {5'000, 300'000})
        for (int partitions : {1, 2, 7})
            for (const char* end : {"\n", "\r\n", ""}) {
                INFO("at most " << limit << " bytes, " << partitions << " partitions, end of "
                                << std::string(end).size());
                const Context sc(Conf("local", "test")
                                     .set("rivulet.files.blockBytes", "4k")
                                     .set("rivulet.files.maxLineBytes", limit)
                                     .set("rivulet.log.level", "OFF"));
                const std::string longest(std::size_t(limit), 'x');
                CHECK(sc.textFile(directory.write("fits", "a\n" + longest + end), partitions).count() == 2);
                CHECK_THAT(errorOf<IoError>([&] {
                               sc.textFile(directory.write("long", "a\nxxx" + longest + end), partitions).count();
                           }),
                           ContainsSubstring("has more than " + std::to_string(limit) + " bytes"));
            }
}

} // namespace rivulet::test::text_file_test
