#include "support/rdd_harness.h"
#include "support/temporary_directory.h"

#include <filesystem>
#include <ostream>
#include <sstream>

namespace rivulet::test::text_output_test {

using Catch::Matchers::ContainsSubstring;

namespace {

/// What stands in a directory: each file with its content, sorted by name.
std::string tree(const std::string& directory) {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
        std::ostringstream content;
        if (entry.is_regular_file()) content << std::ifstream(entry.path()).rdbuf();
        files[entry.path().lexically_relative(directory).string()] = content.str();
    }
    std::string all;
    for (const auto& [name, content] : files) all += name + ":" + content + ";";
    return all;
}

struct Reading {
    double celsius;
    friend std::ostream& operator<<(std::ostream& out, const Reading& x) { return out << x.celsius << " C"; }
};

} // namespace

TEST_CASE("saveAsTextFile writes a part per partition, a line per element, and _SUCCESS", "[R76]") {
    eachExecutor([](const Context& sc) {
        const TemporaryDirectory directory;
        sc.parallelize({1, 2, 3}, 4).saveAsTextFile(directory / "out");
        CHECK(tree(directory / "out") == "_SUCCESS:;part-00000:;part-00001:1\n;part-00002:2\n;part-00003:3\n;");
        sc.parallelize({"b", "a"}, 1).erased().saveAsTextFile("file://" + directory / "a/new/place");
        CHECK(tree(directory / "a/new/place") == "_SUCCESS:;part-00000:b\na\n;");
        sc.emptyRDD<int>().saveAsTextFile(directory / "none");
        CHECK(tree(directory / "none") == "_SUCCESS:;");
    });
}

TEST_CASE("what is saved reads as it was, in order") {
    eachSetup([](const Context& sc, int partitions) {
        const TemporaryDirectory directory;
        const auto numbers = sc.range(0, 5000, 1, partitions);
        numbers.saveAsTextFile(directory / "out");
        CHECK((sc.textFile(directory / "out")
                   .map([](std::string_view line) { return std::stol(std::string(line)); })
                   .collect() == numbers.collect()));
    });
}

TEST_CASE("elements have the text forms of Spark") {
    const Context sc("local", "test");
    const TemporaryDirectory directory;
    int count = 0;
    const auto saved = [&](const auto& rdd) {
        const std::string out = directory / std::to_string(++count);
        rdd.saveAsTextFile(out);
        return text(sc.textFile(out));
    };
    CHECK(saved(sc.parallelize({std::pair("a", 1.5), std::pair("b", -0.25)}, 1)) == "[(a,1.5), (b,-0.25)]");
    CHECK(saved(sc.parallelize({std::tuple(1, true, 'c')}, 1)) == "[(1,true,c)]");
    CHECK(saved(sc.parallelize({std::vector{1, 2}}, 1)) == "[[1, 2]]");
    // Spark refuses null rows; there is no null here, and an empty optional has a text
    CHECK(saved(sc.parallelize({std::optional(1), std::optional<int>()}, 1)) == "[Some(1), None]");
    CHECK(saved(sc.parallelize({Reading{21.5}}, 1)) == "[21.5 C]");
    CHECK(saved(sc.parallelize({"x"}, 1).flatMap(words)) == "[x]");
    CHECK(saved(sc.parallelize({1e300, 0.1}, 1)) == "[1e+300, 0.1]");
}

TEST_CASE("an output directory that exists is refused and left alone", "[R76]") {
    const Context sc("local", "test");
    const TemporaryDirectory directory;
    directory.write("out/precious", "data");
    const auto one = sc.parallelize({1}, 1);
    CHECK(errorOf<IoError>([&] { one.saveAsTextFile(directory / "out"); }) ==
          "saveAsTextFile: output directory '" + directory / "out" +
              "' exists already: choose another one or remove it first");
    CHECK(tree(directory / "out") == "precious:data;");
    const auto file = directory.write("file", "x");
    CHECK_THAT(errorOf<IoError>([&] { one.saveAsTextFile(file); }), ContainsSubstring("exists already"));
    CHECK_THAT(errorOf<IoError>([&] { one.saveAsTextFile(file + "/below"); }), ContainsSubstring(file));
}

TEST_CASE("a job that fails leaves no output behind") {
    for (const char* executor : kExecutors) {
        const Context sc(Conf("local[2]", "test").set("rivulet.executor", executor).set("rivulet.log.level", "OFF"));
        const TemporaryDirectory directory;
        const auto failing =
            sc.range(0, 100, 1, 4).map([](long x) { return x == 99 ? throw std::runtime_error("late") : x; });
        CHECK_THAT(errorOf<JobError>([&] { failing.saveAsTextFile(directory / "out"); }), ContainsSubstring("late"));
        CHECK_FALSE(std::filesystem::exists(directory / "out"));
        sc.range(3).saveAsTextFile(directory / "out"); // and the name is free
        CHECK(std::filesystem::exists(directory / "out/_SUCCESS"));
    }
}

TEST_CASE("input that is missing leaves no output behind") {
    const Context sc("local", "test");
    const TemporaryDirectory directory;
    CHECK_THAT(errorOf<IoError>([&] { sc.textFile(directory / "missing").saveAsTextFile(directory / "out"); }),
               ContainsSubstring("missing"));
    CHECK_FALSE(std::filesystem::exists(directory / "out"));
}

TEST_CASE("nothing but _temporary can be seen before all parts are written") {
    eachExecutor([](const Context& sc) {
        const TemporaryDirectory directory;
        const std::string out = directory / "out";
        std::mutex mutex;
        std::vector<std::string> seen;
        sc.range(0, 4, 1, 4)
            .map([&](long x) {
                std::lock_guard lock(mutex);
                for (const auto& entry : std::filesystem::directory_iterator(out))
                    seen.push_back(entry.path().filename());
                return x;
            })
            .saveAsTextFile(out);
        CHECK(seen == std::vector<std::string>(4, "_temporary"));
        CHECK(tree(out) == "_SUCCESS:;part-00000:0\n;part-00001:1\n;part-00002:2\n;part-00003:3\n;");
    });
}

TEST_CASE("attempts that failed leave nothing in the parts") {
    const Context sc(Conf("local[2,3]", "test").set("rivulet.log.level", "OFF"));
    const TemporaryDirectory directory;
    sc.range(0, 6, 1, 2)
        .map([](long x) {
            return x % 3 == 2 && TaskContext::get()->attemptNumber() < 2 ? throw std::runtime_error("again") : x;
        })
        .saveAsTextFile(directory / "out");
    CHECK(tree(directory / "out") == "_SUCCESS:;part-00000:0\n1\n2\n;part-00001:3\n4\n5\n;");
}

} // namespace rivulet::test::text_output_test
