#include "support/captured_output.h"
#include "support/stream_harness.h"
#include "support/temporary_directory.h"

#include <limits>
#include <numeric>

namespace rivulet::test::outputs_test {

using namespace std::chrono_literals;

namespace {

std::string readFile(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string rule(const std::string& time) {
    const std::string line(43, '-');
    return line + "\nTime: " + time + " ms\n" + line + "\n";
}

} // namespace

TEST_CASE("print shows the first ten elements of each batch, and that there are more") {
    TestStreamingContext ssc(1s);
    std::vector<int> eleven(11);
    std::iota(eleven.begin(), eleven.end(), 1);
    tableStream<int>(ssc, {{1, 2}, Batch<int>(eleven), {}}).print();
    const CapturedOutput out(stdout);
    ssc.advanceBatch(3);
    CHECK(out.text() ==
          rule("1000") + "1\n2\n\n" + rule("2000") + "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n...\n\n" + rule("3000") + "\n");
}

TEST_CASE("print shows as many elements as it is told, and pairs in Spark's form") {
    TestStreamingContext ssc(1s);
    tableStream<std::string>(ssc, {{"b", "a", "b"}}, 1).map(withOne).print(2);
    const CapturedOutput out(stdout);
    ssc.advanceBatch();
    CHECK(out.text() == rule("1000") + "(b,1)\n(a,1)\n...\n\n");
}

TEST_CASE("print shows all elements where there is no limit") {
    TestStreamingContext ssc(1s);
    tableStream<int>(ssc, {{1, 2, 3}}).print(std::numeric_limits<long>::max());
    const CapturedOutput out(stdout);
    ssc.advanceBatch();
    CHECK(out.text() == rule("1000") + "1\n2\n3\n\n");
}

TEST_CASE("print shows nothing where a stream has no RDD") {
    TestStreamingContext ssc(1s);
    tableStream<int>(ssc, {{1}, none, {3}}).print();
    const CapturedOutput out(stdout);
    ssc.advanceBatch(3);
    CHECK(out.text() == rule("1000") + "1\n\n" + rule("3000") + "3\n\n");
}

TEST_CASE("saveAsTextFiles writes a directory per batch") {
    const TemporaryDirectory directory;
    TestStreamingContext ssc(1s);
    const auto input = tableStream<std::string>(ssc, {{"a", "b"}, {}}, 2);
    input.saveAsTextFiles(directory / "out", "txt");
    input.saveAsTextFiles(directory / "plain");
    ssc.advanceBatch(2);
    CHECK(readFile(directory / "out-1000.txt/part-00000") == "a\n");
    CHECK(readFile(directory / "out-1000.txt/part-00001") == "b\n");
    for (const char* name : {"out-1000.txt", "out-2000.txt", "plain-1000", "plain-2000"})
        CHECK(std::filesystem::exists(directory / (name + std::string("/_SUCCESS"))));
}

TEST_CASE("saveAsTextFiles writes over what is there already") {
    const TemporaryDirectory directory;
    directory.write("out-1000/part-00000", "old\n");
    directory.write("out-1000/part-00007", "old\n");
    TestStreamingContext ssc(1s);
    tableStream<std::string>(ssc, {{"new"}}, 1).saveAsTextFiles(directory / "out");
    ssc.advanceBatch();
    CHECK(readFile(directory / "out-1000/part-00000") == "new\n");
    CHECK_FALSE(std::filesystem::exists(directory / "out-1000/part-00007"));
}

} // namespace rivulet::test::outputs_test
