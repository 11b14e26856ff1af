#include "support/rdd_harness.h"
#include "support/temporary_directory.h"

namespace rivulet::test::whole_files_test {

using Catch::Matchers::ContainsSubstring;

TEST_CASE("wholeTextFiles gives each file as its path and its content") {
    const TemporaryDirectory directory;
    directory.write("a", "first\nsecond\n");
    directory.write("b", "");
    directory.write("c", std::string(1'000'000, 'c'));
    directory.write("_hidden", "no");
    eachExecutor([&](const Context& sc) {
        const auto files = sc.wholeTextFiles(directory.path());
        const auto sizes = files.mapValues([](std::string_view content) { return content.size(); }).collect();
        CHECK(text(sizes) ==
              "[(" + directory / "a" + ",13), (" + directory / "b" + ",0), (" + directory / "c" + ",1000000)]");
        CHECK(files.values().first() == "first\nsecond\n");
        CHECK(files.values().flatMap(words).take(2) == std::vector<std::string>{"first", "second"});
        CHECK(files.getNumPartitions() == 2); // the small ones share one
        CHECK(sc.binaryFiles(directory / "{a,b}", 1).getNumPartitions() == 1);
        CHECK(sc.binaryFiles(directory / "a").collectAsMap().at(directory / "a") == "first\nsecond\n");
    });
}

TEST_CASE("binaryRecords cuts files into records of one length") {
    const TemporaryDirectory directory;
    std::string bytes;
    for (int i = 0; i < 100'000; ++i) bytes += {char(i), char(i >> 8), char(i >> 16)};
    const auto file = directory.write("records", bytes);
    const auto number = [](std::string_view record) {
        return long(std::uint8_t(record[0])) | long(std::uint8_t(record[1])) << 8 | long(std::uint8_t(record[2])) << 16;
    };
    for (const char* size : {"128m", "1000", "1"}) {
        const Context sc(Conf("local[2]", "test").set("rivulet.files.maxPartitionBytes", size));
        const auto records =
            sc.binaryRecords(size == std::string("1") ? directory.write("few", bytes.substr(0, 30)) : file, 3);
        const auto numbers = records.map(number).collect();
        bool right = !numbers.empty();
        for (std::size_t i = 0; i < numbers.size(); ++i) right = right && numbers[i] == long(i);
        CHECK(right);
        CHECK(numbers.size() == (size == std::string("1") ? 10 : 100'000));
    }
    const Context sc("local[2]", "test");
    CHECK(sc.binaryRecords(directory.write("none", ""), 3).isEmpty());
}

TEST_CASE("files that are not as they should be are refused") {
    const Context sc(Conf("local[2]", "test").set("rivulet.log.level", "OFF"));
    const TemporaryDirectory directory;
    const auto file = directory.write("seven", "1234567");
    CHECK(errorOf<IoError>([&] { sc.binaryRecords(file, 3).collect(); }) ==
          "binaryRecords: '" + file +
              "' has 7 bytes, which are no multiple of the record's 3: give the length of its "
              "records, or repair the file");
    CHECK(errorOf<UsageError>([&] { sc.binaryRecords(file, 0); }) ==
          "binaryRecords: the length of a record (0 bytes) must be positive");
    CHECK(errorOf<UsageError>([&] { sc.wholeTextFiles(file, -1); }) ==
          "wholeTextFiles: the minimum number of partitions cannot be negative (-1)");
    const auto missing = sc.wholeTextFiles(directory / "missing"); // no error yet
    CHECK_THAT(errorOf<IoError>([&] { missing.count(); }), ContainsSubstring("missing"));
    const auto files = sc.wholeTextFiles(file);
    CHECK(files.getNumPartitions() == 1);
    directory.write("seven", "123");
    CHECK(errorOf<IoError>([&] { files.collect(); }) ==
          "'" + file + "' ends at byte 3 but had 7 bytes when it was listed: it was truncated while it was read");
}

} // namespace rivulet::test::whole_files_test
