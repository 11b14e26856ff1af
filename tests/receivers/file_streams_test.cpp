#include "support/receiver_harness.h"
#include "support/temporary_directory.h"

namespace rivulet::test::file_streams_test {

// File streams that are not of lines, and which files a stream is told to take.

using namespace std::chrono_literals;

using Strings = std::vector<std::string>;

namespace {

struct Files {
    void put(const std::string& name, const std::string& content, long modifiedMs) const {
        std::filesystem::last_write_time(directory.write(name, content),
                                         std::chrono::file_clock::from_sys(Time(Duration(modifiedMs))));
    }
    TemporaryDirectory directory;
    TestStreamingContext ssc{1s};
};

} // namespace

TEST_CASE("files of records give records of one byte each", "[A85]") {
    Files files;
    const auto seen = collectBatches(binaryRecordsStream(files.ssc, files.directory.path(), 1));
    Strings expected;
    for (int i = 0; i < 3; ++i) {
        std::string bytes;
        for (char b = 1; b <= 5; ++b) {
            bytes += char(b + i);
            expected.push_back(std::string(1, char(b + i)));
        }
        files.put("file" + std::to_string(i), bytes, 1000 * i + 500);
    }
    files.ssc.advanceBatch(4);
    CHECK(flattened(seen) == expected);
    CHECK(seen[3].empty());
}

TEST_CASE("large files of records are cut between records") {
    Files files;
    const auto stream = binaryRecordsStream(files.ssc, files.directory.path(), 3000);
    const auto seen = collectBatches(stream);
    int partitions = 0;
    stream.foreachRDD([&](const RDD<std::string>& rdd) { partitions = rdd.getNumPartitions(); });
    std::string bytes;
    Strings expected;
    for (int i = 0; i < 1000; ++i) {
        expected.push_back(std::to_string(i) + std::string(3000 - std::to_string(i).size(), '.'));
        bytes += expected.back();
    }
    files.put("large", bytes, 500);
    files.put("empty", "", 500);
    files.ssc.advanceBatch();
    CHECK((seen[0] == expected));
    CHECK(partitions == 3);
}

TEST_CASE("half a record at the end of a file is an error", "[A85]") {
    Files files;
    collectBatches(binaryRecordsStream(files.ssc, files.directory.path(), 4));
    files.put("torn", "12345", 500);
    CHECK_THAT(errorText<CorruptionError>([&] { files.ssc.advanceBatch(); }),
               Catch::Matchers::StartsWith("binaryRecordsStream: ") &&
                   Catch::Matchers::EndsWith("torn has 5 bytes, which is no multiple of the record's 4"));
    CHECK(errorText<UsageError>([&] { binaryRecordsStream(TestStreamingContext(1s), "in", 0); }) ==
          "binaryRecordsStream: records of 0 bytes were asked for; a record has at least 1");
}

TEST_CASE("a listener is told which files a batch has", "[A131]") {
    struct Log : StreamingListener {
        void onBatchSubmitted(const BatchInfo& info) override {
            for (const auto& input : info.inputs()) told.push_back(input.name + ": " + input.description);
        }
        Strings told;
    };
    Files files;
    const auto log = std::make_shared<Log>();
    files.ssc.addStreamingListener(log);
    collectBatches(textFileStream(files.ssc, files.directory / "in"));
    collectBatches(binaryRecordsStream(files.ssc, files.directory / "in", 1));
    files.put("in/a", "a", 500);
    files.put("in/b", "b", 500);
    files.put("in/c", "c", 1500);
    files.ssc.advanceBatch(3);
    const std::string in = files.directory / "in/", ab = in + "a\n" + in + "b";
    CHECK(log->told == Strings{"File stream [0]: " + ab, "File stream [1]: " + ab, "File stream [0]: " + in + "c",
                               "File stream [1]: " + in + "c", "File stream [0]: ", "File stream [1]: "});
}

TEST_CASE("a stream takes the files that its filter takes") {
    Files files;
    FileStreamOptions options;
    options.filter = [](const std::string& path) { return path.ends_with(".log"); };
    const auto seen = collectBatches(textFileStream(files.ssc, files.directory.path(), options));
    files.put("a.log", "yes\n", 500);
    files.put("a.txt", "no\n", 500);
    files.put(".hidden.log", "also\n", 500); // the filter replaces the rule about dots
    files.ssc.advanceBatch();
    CHECK(sorted(seen[0]) == Strings{"also", "yes"});
}

TEST_CASE("a function of the program's reads the files of a batch") {
    Files files;
    int calls = 0;
    const auto sizes =
        fileStream(files.ssc, files.directory.path(), [&](const Context& sc, const std::vector<FileStatus>& chosen) {
            ++calls;
            return sc.parallelize(chosen, 1).map([](const FileStatus& file) { return long(file.sizeBytes); });
        });
    const auto seen = collectBatches(sizes);
    const auto again = collectBatches(sizes);
    files.put("one", "1", 500);
    files.put("three", "333", 1500);
    files.ssc.advanceBatch(3);
    CHECK(seen.all() == std::vector<std::vector<long>>{{1}, {3}, {}});
    CHECK(again.all() == seen.all());
    CHECK(calls == 3);
}

} // namespace rivulet::test::file_streams_test
