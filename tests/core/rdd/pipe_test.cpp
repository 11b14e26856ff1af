#include "support/rdd_harness.h"

namespace rivulet::test::pipe_test {

using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

Context quiet(const char* executor = "tbb") {
    return Context(Conf("local[2]", "test").set("rivulet.executor", executor).set("rivulet.log.level", "OFF"));
}

} // namespace

TEST_CASE("pipe gives the lines that a command writes", "[R73]") {
    expectTable(std::vector{1, 2, 3}, [](auto r) { return r.pipe("cat"); }, "[1, 2, 3]");
    expectTable(std::vector<std::string>{"b", "", "a"}, [](auto r) { return r.coalesce(1).pipe("sort"); }, "[, a, b]");
    const Context sc = quiet();
    CHECK(text(sc.parallelize({1, 2}, 8).pipe("wc -l").map([](std::string_view line) {
              return line.substr(line.find_first_not_of(' '));
          })) == "[0, 0, 0, 1, 0, 0, 0, 1]"); // of empty partitions too
    CHECK(text(sc.parallelize({1}, 1).pipe(std::vector<std::string>{"printf", "%s", "a b\nno newline"})) ==
          "[a b, no newline]");
    CHECK(text(sc.parallelize({std::pair(1, 'a')}, 1).pipe("cat")) == "[(1,a)]");
}

TEST_CASE("pipe gives its command variables beside those of this process") {
    const Context sc = quiet();
    const std::vector<std::string> command{"sh", "-c", "echo $RIVULET_TEST; echo ${PATH:+path}"};
    CHECK(text(sc.parallelize({1}, 1).pipe(command, {{"RIVULET_TEST", "a value"}})) == "[a value, path]");
}

TEST_CASE("more goes through a command than its pipes hold") {
    const Context sc = quiet();
    const auto numbers = sc.range(0, 200'000, 1, 2);
    CHECK(numbers.pipe("cat").map([](std::string_view line) { return std::stol(std::string(line)); }).sum() ==
          numbers.sum());
    CHECK(numbers.pipe("head -n 2").count() == 4); // it does not read all
    CHECK(text(numbers.pipe("cat").take(2)) == "[0, 1]");
    CHECK(sc.range(1).pipe("seq 1 300000").count() == 600'000);
}

TEST_CASE("a command that fails or is not there fails the job with what it wrote", "[R73]") {
    const Context sc = quiet();
    const auto one = sc.parallelize({1}, 1);
    const std::vector<std::string> bad{"sh", "-c", "echo some; echo sorry >&2; exit 3"};
    CHECK(errorOf<IoError>([&] { one.pipe(bad).collect(); }) ==
          "pipe: the command 'sh -c echo some; echo sorry >&2; exit 3' of partition 0 ended with status 3; it wrote: "
          "sorry");
    CHECK(errorOf<IoError>([&] { one.pipe("false").collect(); }) ==
          "pipe: the command 'false' of partition 0 ended with status 1");
    CHECK(errorOf<IoError>([&] { one.pipe(std::vector<std::string>{"sh", "-c", "kill -9 $$"}).collect(); }) ==
          "pipe: the command 'sh -c kill -9 $$' of partition 0 was ended by signal 9");
    CHECK(errorOf<IoError>([&] { one.pipe("/no/such/program x").collect(); }) ==
          "pipe: cannot start the command '/no/such/program x': No such file or directory (errno 2)");
    CHECK(errorOf<UsageError>([&] { one.pipe(" \t"); }) ==
          "pipe: the command is empty: give a program and its arguments");
    CHECK(errorOf<UsageError>([&] { one.pipe(std::vector<std::string>()); }) ==
          "pipe: the command is empty: give a program and its arguments");
}

TEST_CASE("what an operator before a pipe throws is told as its own", "[R73]") {
    const Context sc = quiet();
    CHECK_THAT(
        errorOf<JobError>([&] {
            sc.range(10).map([](long x) { return x < 5 ? x : throw std::runtime_error("no"); }).pipe("cat").collect();
        }),
        StartsWith("map at ") && EndsWith("no"));
}

TEST_CASE("a job whose command does not end can be cancelled") {
    for (const char* executor : kExecutors) {
        const Context sc = quiet(executor);
        auto endless = sc.range(2)
                           .pipe(std::vector<std::string>{"sh", "-c", "echo begun; exec tail -f /dev/null"})
                           .map([&sc](std::string_view line) {
                               if (line == "begun") sc.cancelAllJobs();
                               return 1;
                           })
                           .countAsync();
        CHECK_THAT(errorOf<CancelledError>([&] { endless.get(); }), EndsWith("because all jobs were cancelled"));
    }
}

} // namespace rivulet::test::pipe_test
