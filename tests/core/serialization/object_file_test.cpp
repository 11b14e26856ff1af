#include "rivulet/serialization/object_file.h"

#include "support/rdd_harness.h"
#include "support/temporary_directory.h"

#include <array>
#include <filesystem>

using namespace rivulet;
using namespace rivulet::test;
using Catch::Matchers::ContainsSubstring;

namespace {

struct Reading {
    std::string sensor;
    std::vector<double> values;
    template <class Archive> void serialize(Archive& archive) { archive(sensor, values); }
    bool operator==(const Reading&) const = default;
};

std::string readBytes(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace

TEST_CASE("what saveAsObjectFile writes, objectFile reads, partition by partition") {
    const TemporaryDirectory directory;
    int run = 0;
    eachSetup([&](const Context& sc, int partitions) {
        const std::string out = directory / std::to_string(run++);
        std::vector<Reading> readings{{"a", {1, 2.5}}, {"", {}}, {std::string(100, 'x'), {-0.0}}};
        const auto rdd = sc.parallelize(readings, partitions);
        saveAsObjectFile(rdd, out);
        const auto again = objectFile<Reading>(sc, out);
        CHECK(again.getNumPartitions() == partitions);
        CHECK(again.collect() == readings);
        CHECK(glom(again.erased()) == glom(rdd));
        CHECK(std::filesystem::exists(out + "/_SUCCESS"));
        saveAsObjectFile(rdd.erased().map([](const Reading& r) { return r.values.size(); }), out + "-sizes");
        CHECK(text(objectFile<std::size_t>(sc, out + "-sizes/part-*")) == "[2, 0, 1]");
    });
}

TEST_CASE("views, pairs, tuples, optionals and maps are written with their bytes") {
    const TemporaryDirectory directory;
    const Context sc("local[2]", "test");
    using Row = std::tuple<std::string, std::optional<long>, std::pair<char, bool>>;
    const std::vector<std::string> texts{"b", std::string("zero \0 within", 13), ""};
    saveAsObjectFile(sc.parallelize(texts, 2).map([](const std::string& s) {
        return std::tuple(std::string_view(s), s.empty() ? std::nullopt : std::optional(long(s.size())),
                          std::pair('c', true));
    }),
                     directory / "rows");
    const auto rows = objectFile<Row>(sc, directory / "rows").collect();
    REQUIRE(rows.size() == 3);
    CHECK(rows[1] == Row(texts[1], 13, {'c', true}));
    CHECK(rows[2] == Row("", std::nullopt, {'c', true}));
    saveAsObjectFile(sc.emptyRDD<int>(), directory / "nothing");
    CHECK(objectFile<int>(sc, directory / "nothing").isEmpty());
}

TEST_CASE("files of many blocks are read a block at a time") {
    const TemporaryDirectory directory;
    const Context sc("local[4]", "test");
    const auto numbers =
        sc.range(0, 100'000, 1, 3).map([](long n) { return std::pair(n, std::string(std::size_t(n % 50), 'x')); });
    saveAsObjectFile(numbers, directory / "numbers");
    const auto again = objectFile<std::pair<long, std::string>>(sc, directory / "numbers");
    CHECK(again.count() == 100'000);
    CHECK(again.take(2) == numbers.take(2));
    CHECK(again.collect() == numbers.collect());
}

TEST_CASE("a task that is repeated writes its part once") {
    const TemporaryDirectory directory;
    const Context sc("local[2,2]", "test");
    saveAsObjectFile(sc.range(0, 10, 1, 2).map([](long n) {
        if (n == 7 && TaskContext::get()->attemptNumber() == 0) throw std::runtime_error("once");
        return n;
    }),
                     directory / "out");
    CHECK(text(objectFile<long>(sc, directory / "out")) == "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]");
}

TEST_CASE("the format of object files stays as it is") {
    const TemporaryDirectory directory;
    const Context sc("local[1]", "test");
    saveAsObjectFile(sc.parallelize<std::uint16_t>({1, 258}, 1), directory / "out");
    const std::string bytes = readBytes(directory / "out/part-00000");
    const std::array<unsigned char, 8> magic{'R', 'V', 'O', 'B', 'J', 0, 0, 1};
    REQUIRE(bytes.size() == 8 + 12 + 5);
    CHECK(std::equal(magic.begin(), magic.end(), bytes.begin(),
                     [](unsigned char a, char b) { return a == static_cast<unsigned char>(b); }));
    CHECK(bytes.substr(8, 4) == std::string("\5\0\0\0", 4));
    CHECK(bytes.substr(16, 4) == std::string("\2\0\0\0", 4));
    CHECK(bytes.substr(20) == std::string("\1\1\0\2\1", 5)); // little-endian; then the elements
}

TEST_CASE("a damaged object file is told with path, offset, what was expected and found") {
    const TemporaryDirectory directory;
    const Context sc("local[1]", "test");
    saveAsObjectFile(sc.parallelize<std::string>({"a text of some length", "b"}, 1), directory / "out");
    const std::string whole = readBytes(directory / "out/part-00000");
    const auto errorOfBytes = [&](const std::string& bytes) {
        const std::string path = directory.write("damaged", bytes);
        return errorOf<CorruptionError>([&] { objectFile<std::string>(sc, path).collect(); });
    };
    const std::string start = "object file '" + (directory / "damaged") + "' is damaged at byte ";
    CHECK(errorOfBytes("") == start + "0: expected 8 bytes of the header, found 0; write it again, or leave it out");
    CHECK(errorOfBytes("text, and no object") ==
          start + "0: expected the header of an object file of version 1; write it again, or leave it out");
    CHECK(errorOfBytes(whole.substr(0, 12)) ==
          start + "8: expected 12 bytes of a block's header, found 4; write it again, or leave it out");
    CHECK(errorOfBytes(whole.substr(0, whole.size() - 1)) ==
          start + "8: expected a block of " + std::to_string(whole.size() - 20) + " bytes, found " +
              std::to_string(whole.size() - 21) + "; write it again, or leave it out");
    std::string changed = whole;
    changed[30] ^= 1;
    CHECK_THAT(errorOfBytes(changed), ContainsSubstring(start + "8: expected a block with checksum "));
    CHECK(errorOfBytes(whole) == "no error");
}

TEST_CASE("an object file of another type is told") {
    const TemporaryDirectory directory;
    const Context sc("local[1]", "test");
    saveAsObjectFile(sc.parallelize<int>({1, 2, 3}, 1), directory / "out");
    const std::string rule = "the elements are not of the type that they are read as, or its serialize changed (";
    CHECK_THAT(errorOf<CorruptionError>([&] { objectFile<short>(sc, directory / "out").collect(); }),
               ContainsSubstring(rule + "there are bytes left)"));
    CHECK_THAT(errorOf<CorruptionError>([&] { objectFile<double>(sc, directory / "out").collect(); }),
               ContainsSubstring(rule));
}

TEST_CASE("an object file is not written over what is there, and must exist to be read") {
    const TemporaryDirectory directory;
    const Context sc("local[1]", "test");
    const auto numbers = sc.parallelize<int>({1}, 1);
    saveAsObjectFile(numbers, directory / "out");
    CHECK(errorOf<IoError>([&] { saveAsObjectFile(numbers, directory / "out"); }) ==
          "saveAsObjectFile: output directory '" + (directory / "out") +
              "' exists already: choose another one or remove it first");
    CHECK_THAT(errorOf<IoError>([&] { objectFile<int>(sc, directory / "missing"); }),
               ContainsSubstring(directory / "missing"));
}
