#include "rivulet/conf.h"

#include "base/conf_keys.h"
#include "rivulet/error.h"
#include "rivulet/log.h"
#include "support/catch.h"
#include "support/temporary_directory.h"

#include <cstdlib>
#include <iterator>
#include <string>

namespace rivulet::test::conf_test {

using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

namespace {

/// The text of the usage error that `call` throws, without the place of the call.
template <class Call> std::string usageError(Call call) {
    try {
        call();
    } catch (const UsageError& error) {
        const std::string text = error.what();
        return text.substr(0, text.rfind(" [at "));
    }
    return "no error";
}

std::string refusal(std::string_view key, std::string_view value) {
    return usageError([&] { Conf().set(key, value); });
}

} // namespace

TEST_CASE("a new Conf has the defaults of the table and nothing set") {
    const Conf conf;
    CHECK(conf.get("rivulet.executor") == "tbb");
    CHECK(conf.get("rivulet.log.level") == "WARN");
    CHECK(conf.get("rivulet.streaming.lateBatches") == "merge");
    CHECK(conf.getBytes("rivulet.files.maxPartitionBytes") == 128 << 20);
    CHECK(conf.getBytes("rivulet.files.blockBytes") == 256 << 10);
    CHECK(conf.getBytes("rivulet.files.maxLineBytes") == 1 << 30);
    CHECK(conf.getBytes("rivulet.streaming.receiver.bufferBytes") == 64 << 20);
    CHECK(conf.getBytes("rivulet.streaming.receiver.maxLineBytes") == 16 << 20);
    CHECK(conf.getInt("rivulet.rdd.limit.initialNumPartitions") == 1);
    CHECK(conf.getInt("rivulet.rdd.limit.scaleUpFactor") == 4);
    CHECK(conf.getInt("rivulet.streaming.io.threads") == 1);
    CHECK(conf.getDuration("rivulet.streaming.receiverRestartDelay") == 2s);
    CHECK(conf.getDuration("rivulet.streaming.fileStream.minRememberDuration") == 1min);
    CHECK_FALSE(conf.getBool("rivulet.streaming.stopGracefullyOnShutdown"));
    CHECK(conf.getAll().empty());
    CHECK_FALSE(conf.isSet("rivulet.executor"));
    CHECK(conf.contains("rivulet.executor"));
}

TEST_CASE("keys without a default have a value only once they are set") {
    for (const char* key : {"rivulet.master", "rivulet.app.name", "rivulet.default.parallelism",
                            "rivulet.task.maxFailures", "rivulet.streaming.gracefulStopTimeout"}) {
        CHECK_FALSE(Conf().contains(key));
        CHECK(Conf().get(key, "none") == "none");
        CHECK(usageError([&] { Conf().get(key); }) ==
              std::string(key) +
                  " is not set and has no default; set it, ask contains() first, or pass a fallback to the getter");
    }
    CHECK(Conf().getInt("rivulet.task.maxFailures", 3) == 3);
    CHECK(Conf().set("rivulet.task.maxFailures", 2).getInt("rivulet.task.maxFailures", 3) == 2);
    CHECK(Conf().getDuration("rivulet.streaming.gracefulStopTimeout", 5s) == 5s);
}

TEST_CASE("values of every kind come back as they were set") {
    const Conf conf = Conf("local[*]", "app")
                          .set("rivulet.default.parallelism", 8u)
                          .set("rivulet.streaming.stopGracefullyOnShutdown", true)
                          .set("rivulet.streaming.receiverRestartDelay", 1500ms)
                          .set("rivulet.streaming.gracefulStopTimeout", 2h)
                          .set("rivulet.files.blockBytes", "64k")
                          .set("user.ratio", 0.25)
                          .set("user.count", -7)
                          .set("user.topic", "clicks")
                          .set("user.flag", "TRUE");
    CHECK(conf.get("rivulet.master") == "local[*]");
    CHECK(conf.get("rivulet.app.name") == "app");
    CHECK(conf.getInt("rivulet.default.parallelism") == 8);
    CHECK(conf.getBool("rivulet.streaming.stopGracefullyOnShutdown"));
    CHECK(conf.getDuration("rivulet.streaming.receiverRestartDelay") == 1500ms);
    CHECK(conf.get("rivulet.streaming.gracefulStopTimeout") == "2h");
    CHECK(conf.getBytes("rivulet.files.blockBytes") == 65536);
    CHECK(conf.getDouble("user.ratio") == 0.25);
    CHECK(conf.getInt("user.count") == -7);
    CHECK(conf.get("user.topic") == "clicks");
    CHECK(conf.getBool("user.flag"));
    CHECK(conf.isSet("user.topic"));
    CHECK_FALSE(conf.contains("user.other"));
}

TEST_CASE("sizes and durations are read with their units") {
    const auto bytes = [](const char* text) { return Conf().set("user.x", text).getBytes("user.x"); };
    CHECK(bytes("0") == 0);
    CHECK(bytes("100k") == 102400);
    CHECK(bytes("64m") == 67108864);
    CHECK(bytes("64MiB") == 67108864);
    CHECK(bytes("64mb") == 67108864);
    CHECK(bytes("7b") == 7);
    CHECK(bytes("2t") == std::int64_t{2} << 40);
    for (const char* bad : {"", "k", "-1", "1.5g", "9999999999t", "5x", "5ib", "5bb"})
        CHECK(usageError([&] { bytes(bad); }) ==
              "user.x = '" + std::string(bad) + "': must be a size in bytes, for example '64m'");

    const auto duration = [](const char* text) { return Conf().set("user.x", text).getDuration("user.x"); };
    CHECK(duration("10ms") == 10ms);
    CHECK(duration("2s") == 2s);
    CHECK(duration("1min") == 1min);
    CHECK(duration("1m") == 1min);
    CHECK(duration("1 h") == 1h);
    CHECK(duration("1d") == 24h);
    for (const char* bad : {"10", "10us", "-1s", "s"})
        CHECK(usageError([&] { duration(bad); }) ==
              "user.x = '" + std::string(bad) +
                  "': must be a duration with its unit (ms, s, min, h, d), for example '10ms'");
}

TEST_CASE("an unknown key is refused with the nearest known one") {
    const std::string advice = "Keys of your own begin with 'user.'; Conf::describe() lists the others";
    CHECK(refusal("rivulet.defualt.parallelism", "8") ==
          "unknown key 'rivulet.defualt.parallelism'; did you mean 'rivulet.default.parallelism'? " + advice);
    CHECK(refusal("rivulet.Executor", "tbb") ==
          "unknown key 'rivulet.Executor'; did you mean 'rivulet.executor'? " + advice);
    CHECK(refusal("spark.app.name", "x") == "unknown key 'spark.app.name'; did you mean 'rivulet.app.name'? " + advice);
    CHECK(refusal("quite.something.else", "x") == "unknown key 'quite.something.else'; " + advice);
    CHECK(refusal("user.", "x") == "unknown key 'user.'; " + advice);
    CHECK_THAT(usageError([] { Conf().get("rivulet.mster"); }), ContainsSubstring("did you mean 'rivulet.master'?"));
    CHECK_THAT(usageError([] { Conf().isSet("rivulet.mster"); }), ContainsSubstring("did you mean 'rivulet.master'?"));
    CHECK_THAT(usageError([] { Conf().contains("rivulet.mster"); }),
               ContainsSubstring("did you mean 'rivulet.master'?"));
    CHECK_THAT(usageError([] { Conf().setIfMissing("rivulet.mster", "local"); }),
               ContainsSubstring("did you mean 'rivulet.master'?"));
}

TEST_CASE("a bad value is refused with key, value, rule and example") {
    CHECK(refusal("rivulet.default.parallelism", "many") ==
          "rivulet.default.parallelism = 'many': must be a whole number >= 1, for example '8'");
    CHECK(refusal("rivulet.default.parallelism", "0") ==
          "rivulet.default.parallelism = '0': must be a whole number >= 1, for example '8'");
    CHECK(refusal("rivulet.default.parallelism", "3000000000") ==
          "rivulet.default.parallelism = '3000000000': must be a whole number >= 1, for example '8'");
    CHECK(refusal("rivulet.rdd.limit.scaleUpFactor", "1") ==
          "rivulet.rdd.limit.scaleUpFactor = '1': must be a whole number >= 2, for example '4'");
    CHECK(refusal("rivulet.streaming.io.threads", "0") ==
          "rivulet.streaming.io.threads = '0': must be a whole number from 1 to 1024, for example '1'");
    CHECK(refusal("rivulet.executor", "spark") ==
          "rivulet.executor = 'spark': must be one of tbb, threads, serial, for example 'tbb'");
    CHECK(refusal("rivulet.files.blockBytes", "2k") ==
          "rivulet.files.blockBytes = '2k': must be a size in bytes from 4k to 64m, for example '256k'");
    CHECK(refusal("rivulet.files.maxLineBytes", "0") ==
          "rivulet.files.maxLineBytes = '0': must be a size in bytes >= 1, for example '16m'");
    CHECK(refusal("rivulet.streaming.receiverRestartDelay", "2") ==
          "rivulet.streaming.receiverRestartDelay = '2': must be a duration with its unit (ms, s, min, h, d), for "
          "example '2s'");
    CHECK(refusal("rivulet.streaming.stopGracefullyOnShutdown", "yes") ==
          "rivulet.streaming.stopGracefullyOnShutdown = 'yes': must be true or false, for example 'true'");
    CHECK(refusal("rivulet.app.name", "") ==
          "rivulet.app.name = '': must be a text that is not empty, for example 'totals'");
    CHECK(refusal("rivulet.master", "spark://host") == "rivulet.master = 'spark://host': must be local, local[N], "
                                                       "local[*], local[N,F] or local[*,F], for example 'local[*]'");
    CHECK(usageError([] { Conf().set("user.delay", 10us); }) ==
          "user.delay = '10000ns': must be a duration >= 0 in whole milliseconds, for example '10ms'");
    CHECK(usageError([] { Conf().set("user.x", "y").getInt("user.x"); }) ==
          "user.x = 'y': must be a whole number, for example '8'");
    CHECK(usageError([] { Conf().set("user.x", "y").getBool("user.x"); }) ==
          "user.x = 'y': must be true or false, for example 'true'");
    CHECK(usageError([] { Conf().set("user.x", "y").getDouble("user.x"); }) ==
          "user.x = 'y': must be a number, for example '0.5'");
    CHECK(usageError([] { Conf().getInt("rivulet.files.blockBytes"); }) ==
          "rivulet.files.blockBytes is a size in bytes from 4k to 64m; read it with getBytes()");
}

TEST_CASE("an error names the caller's line") {
    try {
        Conf().set("rivulet.nonsense", 1);
        FAIL("must throw");
    } catch (const UsageError& error) {
        CHECK_THAT(error.where().file_name(), ContainsSubstring("conf_test.cpp"));
    }
}

TEST_CASE("words of a choice are kept in the table's spelling") {
    CHECK(Conf().set("rivulet.log.level", "info").get("rivulet.log.level") == "INFO");
    CHECK(Conf().set("rivulet.executor", "TBB").get("rivulet.executor") == "tbb");
}

TEST_CASE("a master says threads and attempts") {
    CHECK(parseMaster("local").threads == 1);
    CHECK(parseMaster("local").maxFailures == 1);
    CHECK(parseMaster("local[*]").threads == 0);
    CHECK(parseMaster("local[4]").threads == 4);
    CHECK(parseMaster("local[4]").maxFailures == 1);
    CHECK(parseMaster("local[4, 3]").maxFailures == 3);
    CHECK(parseMaster("local[*,2]").threads == 0);
    CHECK(parseMaster("local[*,2]").maxFailures == 2);
    for (const char* bad : {"", "Local", "local[]", "local[0]", "local[-1]", "local[2,0]", "local[2,]", "local[2",
                            "local[2,3,4]", "yarn"}) {
        CHECK(usageError([&] { parseMaster(bad); }) ==
              "rivulet.master = '" + std::string(bad) +
                  "': must be local, local[N], local[*], local[N,F] or local[*,F], for example 'local[*]'");
    }
}

TEST_CASE("a command line argument sets a key") {
    CHECK(Conf().applyArgument("rivulet.default.parallelism=3").getInt("rivulet.default.parallelism") == 3);
    CHECK(Conf().applyArgument(" user.query = a=b ").get("user.query") == "a=b");
    CHECK(usageError([] { Conf().applyArgument("abc"); }) ==
          "--conf 'abc': must be key=value, for example 'rivulet.default.parallelism=8'");
    CHECK(usageError([] { Conf().applyArgument("=8"); }) ==
          "--conf '=8': must be key=value, for example 'rivulet.default.parallelism=8'");
    CHECK(usageError([] { Conf().applyArgument("rivulet.executor=fast"); }) ==
          "--conf: rivulet.executor = 'fast': must be one of tbb, threads, serial, for example 'tbb'");
}

TEST_CASE("each --conf is taken out of a program's arguments, wherever it stands") {
    const auto left = [](std::vector<std::string> words, Conf& conf) {
        std::vector<char*> argv;
        for (std::string& word : words) argv.push_back(word.data());
        argv.push_back(nullptr);
        int argc = int(words.size());
        conf.applyArguments(argc, argv.data());
        CHECK(argv[std::size_t(argc)] == nullptr);
        return std::vector<std::string>(argv.begin(), argv.begin() + argc);
    };
    using Words = std::vector<std::string>;
    Conf conf;
    CHECK(left({"program", "--conf", "user.a=1", "file", "--conf=user.b=2", "--", "--conf"}, conf) ==
          Words{"program", "file", "--", "--conf"});
    CHECK(conf.get("user.a") == "1");
    CHECK(conf.get("user.b") == "2");
    CHECK(left({"program"}, conf) == Words{"program"});
    CHECK(usageError([&] { left({"program", "--conf"}, conf); }) == "--conf: key=value must follow it");
}

TEST_CASE("a file sets keys, with comments and either separator") {
    const test::TemporaryDirectory directory;
    const auto path = directory.write("rivulet.conf", "# settings\n"
                                                      "\n"
                                                      "rivulet.default.parallelism = 6   # two per core\n"
                                                      "rivulet.log.level\tERROR\r\n"
                                                      "user.color=#ff0000\n"
                                                      "  user.text   several words here  \n"
                                                      "user.last=x");
    Conf conf;
    conf.loadFile(path);
    CHECK(conf.toDebugString() ==
          "rivulet.default.parallelism=6\nrivulet.log.level=ERROR\nuser.color=#ff0000\nuser.last=x\n"
          "user.text=several words here\n");
}

TEST_CASE("a file's errors name the file and the line, and change nothing") {
    const test::TemporaryDirectory directory;
    Conf conf;
    const auto error = [&](std::string_view content) {
        const auto path = directory.write("c", content);
        const std::string text = usageError([&] { conf.loadFile(path); });
        return text.starts_with(path) ? text.substr(path.size()) : text;
    };
    CHECK_THAT(error("user.a 1\n\nrivulet.exekutor tbb\n"),
               StartsWith(":3: unknown key 'rivulet.exekutor'; did you mean 'rivulet.executor'?"));
    CHECK(error("rivulet.executor = fast\n") ==
          ":1: rivulet.executor = 'fast': must be one of tbb, threads, serial, for example 'tbb'");
    CHECK(error("user.a = 1\nrivulet.executor\n") ==
          ":2: 'rivulet.executor': a line must be 'key = value' or 'key value'");
    CHECK(error("= 1\n") == ":1: '= 1': a line must be 'key = value' or 'key value'");
    CHECK(conf.getAll().empty());
    CHECK_THROWS_AS(conf.loadFile(directory / "absent"), IoError);
    CHECK_THROWS_AS(conf.loadFile(directory.path()), IoError);
}

TEST_CASE("the environment sets known keys and refuses misspelled ones") {
    ::setenv("RIVULET_DEFAULT_PARALLELISM", "5", 1);
    ::setenv("RIVULET_STREAMING_LATEBATCHES", "skip", 1);
    ::setenv("RIVULET_BENCH_DIRECTORY", "/data", 1);
    Conf conf;
    conf.loadEnvironment();
    CHECK(conf.toDebugString() == "rivulet.default.parallelism=5\nrivulet.streaming.lateBatches=skip\n");

    ::setenv("RIVULET_DEFUALT_PARALLELISM", "5", 1);
    CHECK(usageError([&] { conf.loadEnvironment(); }) == "environment variable RIVULET_DEFUALT_PARALLELISM names no "
                                                         "known key; did you mean RIVULET_DEFAULT_PARALLELISM?");
    ::unsetenv("RIVULET_DEFUALT_PARALLELISM");

    ::setenv("RIVULET_DEFAULT_PARALLELISM", "all", 1);
    CHECK(usageError([&] { conf.loadEnvironment(); }) ==
          "environment variable RIVULET_DEFAULT_PARALLELISM: rivulet.default.parallelism = 'all': must be a whole "
          "number >= 1, for "
          "example '8'");
    for (const char* name : {"RIVULET_DEFAULT_PARALLELISM", "RIVULET_STREAMING_LATEBATCHES", "RIVULET_BENCH_DIRECTORY"})
        ::unsetenv(name);
}

TEST_CASE("code outranks the environment, which outranks files, in any order of the calls") {
    const test::TemporaryDirectory directory;
    const auto path = directory.write("c", "rivulet.app.name file\nrivulet.executor threads\nrivulet.log.level INFO\n");
    ::setenv("RIVULET_APP_NAME", "environment", 1);
    ::setenv("RIVULET_EXECUTOR", "serial", 1);
    Conf conf;
    conf.setAppName("code").loadEnvironment().loadFile(path);
    ::unsetenv("RIVULET_APP_NAME");
    ::unsetenv("RIVULET_EXECUTOR");
    CHECK(conf.get("rivulet.app.name") == "code");
    CHECK(conf.get("rivulet.executor") == "serial");
    CHECK(conf.get("rivulet.log.level") == "INFO");
    CHECK(conf.setIfMissing("rivulet.executor", "tbb").get("rivulet.executor") == "serial");
    CHECK(conf.applyArgument("rivulet.app.name=argument").get("rivulet.app.name") == "argument");
    CHECK(conf.remove("rivulet.executor").get("rivulet.executor") == "tbb");
}

TEST_CASE("the description lists every key, in order, and every default obeys its own rule") {
    const std::string text = Conf::describe();
    CHECK_THAT(text, ContainsSubstring("rivulet.files.blockBytes (a size in bytes from 4k to 64m; default 256k)\n"
                                       "    how much textFile reads at a time\n"));
    CHECK_THAT(text, ContainsSubstring("user.* (any text)"));
    std::string previous;
    int count = 0;
    for (std::size_t at = 0; (at = text.find("rivulet.", at)) != text.npos; ++at) {
        if (at != 0 && text[at - 1] != '\n') continue;
        const std::string key = text.substr(at, text.find(' ', at) - at);
        CHECK(previous < key);
        previous = key;
        ++count;
        const Conf conf;
        if (conf.contains(key)) CHECK(Conf().set(key, conf.get(key)).get(key) == conf.get(key));
    }
    CHECK(count == int(std::size(detail::conf::kKeys)));
}

TEST_CASE("log levels are Spark's words") {
    CHECK(parseLogLevel("all") == LogLevel::Trace);
    CHECK(parseLogLevel("TRACE") == LogLevel::Trace);
    CHECK(parseLogLevel("Debug") == LogLevel::Debug);
    CHECK(parseLogLevel("INFO") == LogLevel::Info);
    CHECK(parseLogLevel("WARN") == LogLevel::Warn);
    CHECK(parseLogLevel("ERROR") == LogLevel::Error);
    CHECK(parseLogLevel("FATAL") == LogLevel::Fatal);
    CHECK(parseLogLevel("CRITICAL") == LogLevel::Fatal);
    CHECK(parseLogLevel("OFF") == LogLevel::Off);
    CHECK(usageError([] { setLogLevel("LOUD"); }) ==
          "unknown log level 'LOUD'; write one of ALL, TRACE, DEBUG, INFO, WARN, ERROR, FATAL, CRITICAL, OFF");
}

TEST_CASE("the log shows its level and above") {
    CHECK(logEnabled(LogLevel::Warn));
    CHECK_FALSE(logEnabled(LogLevel::Info));
    setLogLevel("OFF");
    CHECK_FALSE(logEnabled(LogLevel::Fatal));
    logError("not shown");
    setLogLevel("DEBUG");
    CHECK(logEnabled(LogLevel::Debug));
    CHECK_FALSE(logEnabled(LogLevel::Trace));
    CHECK_FALSE(logEnabled(LogLevel::Off));
    setLogLevel(LogLevel::Warn);
}

} // namespace rivulet::test::conf_test
