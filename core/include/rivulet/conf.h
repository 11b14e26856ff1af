#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rivulet {

/// The settings of a program: keys and values, checked where they are set.
///
///     auto conf = Conf("local[*]", "totals").set("rivulet.default.parallelism", 8).set("user.topic", "clicks");
///
/// Every `rivulet.` key stands in one table (`describe()` prints it) with its type, default and range; an unknown key,
/// or a value that breaks the rule, is refused at once. Keys that begin with `user.` belong to the program and are
/// free.
///
/// Where several sources give one key: defaults < files < environment < code and `--conf`, whatever the order of the
/// calls; within one source the later call wins. So a program may set a value first and load a file afterwards.
///
/// Errors:  UsageError from every setter and getter, with the place of the call
/// Threads: a plain value; not synchronized. A context copies it, and later changes of the original do not reach it
/// Source:  Spark SparkConf, but typed and checked
class Conf {
  public:
    using Where = std::source_location;

    /// Nothing set: every key has its default, or none.
    Conf() = default;
    /// Sets `rivulet.master` and `rivulet.app.name`.
    Conf(std::string_view master, std::string_view appName, Where where = Where::current());

    /// Sets `key`. The text is checked against the key's type and range.
    ///
    /// Units:   bytes "64m", "1g", "100k" or a plain number; durations "10ms", "2s", "1min", "1h"; booleans "true",
    /// "false" Errors:  UsageError for an unknown key (naming the nearest known one) or a bad value (naming rule and
    /// example)
    Conf& set(std::string_view key, std::string_view value, Where where = Where::current());
    Conf& set(std::string_view key, const char* value, Where where = Where::current());
    Conf& set(std::string_view key, bool value, Where where = Where::current());
    Conf& set(std::string_view key, double value, Where where = Where::current());
    template <std::integral Integer>
        requires(!std::same_as<Integer, bool> && !std::same_as<Integer, char>)
    Conf& set(std::string_view key, Integer value, Where where = Where::current()) {
        return set(key, std::string_view(std::to_string(value)), where);
    }
    /// Sets a duration, which is stored in whole milliseconds; a finer one is a UsageError.
    template <class Rep, class Period>
    Conf& set(std::string_view key, std::chrono::duration<Rep, Period> value, Where where = Where::current()) {
        return setDuration(key, std::chrono::duration_cast<std::chrono::nanoseconds>(value), where);
    }

    /// Sets `key` unless it is set already (in code, by a file or by the environment).
    Conf& setIfMissing(std::string_view key, std::string_view value, Where where = Where::current());
    /// The same as `set("rivulet.master", master)`: "local", "local[4]", "local[*]", "local[4,3]" or "local[*,3]".
    Conf& setMaster(std::string_view master, Where where = Where::current());
    /// The same as `set("rivulet.app.name", name)`.
    Conf& setAppName(std::string_view name, Where where = Where::current());
    /// Takes one command line argument of the form "key=value", as `--conf key=value` passes it; ranks as code does.
    Conf& applyArgument(std::string_view keyEqualsValue, Where where = Where::current());
    /// Takes every `--conf key=value` (or `--conf=key=value`) out of a program's arguments and applies it; what is left
    /// keeps its order. Arguments after "--" are left alone.
    Conf& applyArguments(int& argc, char** argv, Where where = Where::current());
    /// Forgets what was set for `key`, so that its default counts again.
    Conf& remove(std::string_view key);

    /// Reads a file of lines `key = value` or `key value`; `#` at the start of a line or after a blank begins a
    /// comment.
    ///
    /// Errors:  IoError if the file cannot be read; UsageError beginning with `file:line:` for a line that is not
    ///          understood, an unknown key or a bad value. A file with an error changes nothing
    Conf& loadFile(const std::string& path, Where where = Where::current());
    /// Reads the variables that name a known key: RIVULET_DEFAULT_PARALLELISM sets `rivulet.default.parallelism`.
    ///
    /// The name is the key in capitals with '_' for '.'; case does not matter. A RIVULET_ variable that is one or two
    /// letters away from a known key is a misspelling and a UsageError; any other is taken to be somebody else's and
    /// ignored. `user.` keys cannot come from the environment, because their spelling would be lost.
    Conf& loadEnvironment(Where where = Where::current());

    /// Returns what was set for `key`, else its default.
    ///
    /// Errors:  UsageError for an unknown key, and for one that has neither a value nor a default: ask `contains`
    /// before,
    ///          or pass a fallback
    std::string get(std::string_view key, Where where = Where::current()) const;
    std::int64_t getInt(std::string_view key, Where where = Where::current()) const;
    bool getBool(std::string_view key, Where where = Where::current()) const;
    double getDouble(std::string_view key, Where where = Where::current()) const;
    std::int64_t getBytes(std::string_view key, Where where = Where::current()) const;
    std::chrono::milliseconds getDuration(std::string_view key, Where where = Where::current()) const;

    /// Returns what was set for `key`, else its default, else `fallback`.
    std::string get(std::string_view key, std::string_view fallback, Where where = Where::current()) const;
    std::int64_t getInt(std::string_view key, std::int64_t fallback, Where where = Where::current()) const;
    bool getBool(std::string_view key, bool fallback, Where where = Where::current()) const;
    double getDouble(std::string_view key, double fallback, Where where = Where::current()) const;
    std::int64_t getBytes(std::string_view key, std::int64_t fallback, Where where = Where::current()) const;
    std::chrono::milliseconds getDuration(std::string_view key, std::chrono::milliseconds fallback,
                                          Where where = Where::current()) const;

    /// Whether `key` was set, by code, file or environment; a default does not count.
    bool isSet(std::string_view key, Where where = Where::current()) const;
    /// Whether `get(key)` would return a value: it was set or has a default.
    bool contains(std::string_view key, Where where = Where::current()) const;
    /// What was set, sorted by key; defaults are not listed.
    std::vector<std::pair<std::string, std::string>> getAll() const;
    /// What was set, one `key=value` per line, sorted by key.
    std::string toDebugString() const;

    /// The table of all known keys as text, for a program's `--help`: key, type, default, meaning.
    static std::string describe();

  private:
    enum class Source { File, Environment, Code };
    struct Setting {
        std::string key;
        std::string value;
        Source source;
    };

    Conf& setDuration(std::string_view key, std::chrono::nanoseconds value, Where where);
    Conf& assign(std::string_view key, std::string_view value, Source source, const std::string& prefix, Where where);
    const Setting* find(std::string_view key) const;
    std::optional<std::string> lookUp(std::string_view key, Where where) const;

    std::vector<Setting> settings_; // sorted by key
};

/// Reads a duration as settings write it: "10ms", "2s", "1min", "1h".
///
/// Errors:  UsageError for anything else, with the rule and an example
std::chrono::milliseconds parseDuration(std::string_view text,
                                        std::source_location where = std::source_location::current());

/// What a master string asks for: threads, and how often a task is tried before its job fails.
struct Master {
    int threads = 0; ///< 0 for `*`: as many as the process may use
    int maxFailures = 1;
};

/// Reads "local", "local[4]", "local[*]", "local[4,3]" or "local[*,3]".
///
/// Errors:  UsageError for anything else, listing these forms
/// Source:  Spark SparkContext.createTaskScheduler
Master parseMaster(std::string_view master, std::source_location where = std::source_location::current());

} // namespace rivulet
