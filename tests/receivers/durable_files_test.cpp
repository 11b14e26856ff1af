#include "rivulet/rivulet.h"
#include "rivulet/testing.h"
#include "support/catch.h"
#include "support/temporary_directory.h"

#include <filesystem>
#include <numeric>

namespace rivulet::test::durable_files_test {

using namespace std::chrono_literals;
using rivulet::test::TemporaryDirectory;

namespace {

/// The total of all words after each batch.
struct Program {
    TestStreamingContext ssc{1s};
    std::vector<long> totals;

    Program(const TemporaryDirectory& directory, bool dies = false) {
        ssc.checkpoint(directory / "checkpoint");
        textFileStream(ssc, directory / "in", false)
            .uid("files")
            .flatMap(words)
            .map([](std::string_view) { return std::pair(0, 1L); })
            .updateStateByKey(
                [](std::span<const long> arrived, std::optional<long> total) {
                    return std::optional(total.value_or(0) + long(arrived.size()));
                },
                2)
            .uid("totals")
            .foreachRDD([this, dies](const RDD<std::pair<int, long>>& rdd) {
                for (const auto& total : rdd.collect()) totals.push_back(total.second);
                if (dies) throw std::runtime_error("died");
            });
    }
};

void write(const TemporaryDirectory& directory, const std::string& name, const std::string& content, Time modified) {
    std::filesystem::last_write_time(directory.write("in/" + name, content),
                                     std::chrono::file_clock::from_sys(modified));
}

} // namespace

TEST_CASE("A file is read once, in which process ever") {
    const TemporaryDirectory directory;
    write(directory, "one", "a b c", Time(500ms));
    {
        Program program(directory);
        program.ssc.advanceBatch();
        CHECK(program.totals == std::vector<long>{3});
    }
    write(directory, "two", "d e", Time(1500ms));
    {
        Program program(directory, true);
        CHECK_THROWS(program.ssc.advanceBatch()); // begun, with two, and not finished
    }
    write(directory, "three", "f", Time(1700ms)); // and so for the next one
    {
        Program program(directory);
        program.ssc.advanceBatch(2);
        CHECK(program.totals == std::vector<long>{5, 6});
    }
    Program program(directory);
    program.ssc.advanceBatch(3);
    CHECK(program.totals == std::vector<long>{6, 6, 6});
}

} // namespace rivulet::test::durable_files_test
