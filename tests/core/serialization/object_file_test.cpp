#include "rivulet/serialization/object_file.h"

#include "support/rdd_harness.h"
#include "support/temporary_directory.h"

#include <filesystem>

namespace rivulet::test::object_file_test {

using Catch::Matchers::ContainsSubstring;

namespace {

struct Reading {
    std::string sensor;
    std::vector<double> values;
    template <class Archive> void serialize(Archive& archive) { archive(sensor, values); }
    bool operator==(const Reading&) const = default;
};

struct Nothing {
    template <class Archive> void serialize(Archive&) {}
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
    REQUIRE(bytes.size() == 8 + (8 + 3) + (16 + 5) + 16);
    CHECK(bytes.substr(0, 8) == std::string("RVOBJ\0\0\2", 8));
    CHECK(bytes.substr(8, 4) == std::string("\3\0\0\0", 4));
    CHECK(bytes.substr(16, 3) == "u16");
    CHECK(bytes.substr(19, 8) == std::string("\5\0\0\0\2\0\0\0", 8));
    CHECK(bytes.substr(35, 5) == std::string("\1\1\0\2\1", 5)); // little-endian; then the elements
    CHECK(bytes.substr(40, 12) == std::string("\xff\xff\xff\xff\1\0\0\0\0\0\0\0", 12));
}

TEST_CASE("elements without members are counted") {
    const TemporaryDirectory directory;
    const Context sc("local[1]", "test");
    saveAsObjectFile(sc.range(0, 1000, 1, 2).map([](long) { return Nothing(); }), directory / "out");
    CHECK(objectFile<Nothing>(sc, directory / "out").count() == 1000);
}

TEST_CASE("an object file of another type is told, with both") {
    const TemporaryDirectory directory;
    const Context sc("local[1]", "test");
    saveAsObjectFile(sc.parallelize<std::pair<int, double>>({{1, 2}}, 1), directory / "out");
    const std::string start = "object file '" + (directory / "out") +
                              "/part-00000' holds elements of another type: expected ",
                      end = ", found (i32,f64); read it as the type that was written";
    const auto read = [&]<class T>(T) {
        return errorOf<CorruptionError>([&] { objectFile<T>(sc, directory / "out").collect(); });
    };
    CHECK(read(std::string()) == start + "string" + end);
    CHECK(read(std::vector<std::string>()) == start + "[string]" + end);
    CHECK(read(Reading()) == start + "struct(string,[f64])" + end);
    CHECK(read(std::pair<unsigned, double>()) == start + "(u32,f64)" + end);
    CHECK(read(std::tuple<int, double>()) == "no error");
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

} // namespace rivulet::test::object_file_test
