#include "rivulet/object_files.h"

#include "support/stream_harness.h"
#include "support/temporary_directory.h"

namespace rivulet::test::object_files_test {

using namespace std::chrono_literals;

TEST_CASE("saveAsObjectFiles writes a directory per batch that objectFile reads, over what is there") {
    const TemporaryDirectory directory;
    directory.write("out-1000.obj/part-00009", "old\n");
    TestStreamingContext ssc(1s);
    const auto counts = tableStream<std::string>(ssc, {{"b", "b", "a"}, {}}, 2).countByValue();
    saveAsObjectFiles(counts, directory / "out", "obj");
    saveAsObjectFiles(counts.keys(), directory / "keys");
    ssc.advanceBatch(2);
    const Context& sc = ssc.context();
    CHECK(sorted(objectFile<Pairs::value_type>(sc, directory / "out-1000.obj").collect()) == Pairs{{"a", 1}, {"b", 2}});
    CHECK(objectFile<Pairs::value_type>(sc, directory / "out-2000.obj").isEmpty());
    CHECK(objectFile<std::string>(sc, directory / "keys-1000").count() == 2);
}

} // namespace rivulet::test::object_files_test
