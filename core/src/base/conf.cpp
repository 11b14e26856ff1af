#include "rivulet/conf.h"

#include "base/conf_values.h"
#include "base/io_error.h"
#include "rivulet/error.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <limits>
#include <unistd.h>

namespace rivulet {
namespace {

using namespace detail::conf;

constexpr std::string_view kUserPrefix = "user.";

const Key* findKnown(std::string_view name) {
    const auto found =
        std::ranges::lower_bound(kKeys, name, {}, [](const Key& key) { return std::string_view(key.name); });
    return found != std::end(kKeys) && found->name == name ? found : nullptr;
}

// Levenshtein's distance without regard to case.
std::size_t editDistance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (lower(a[i - 1]) != lower(b[j - 1]))});
            diagonal = above;
        }
    }
    return row[b.size()];
}

struct Nearest {
    const Key* key;
    std::size_t distance;
};

Nearest nearestKnown(std::string_view name) {
    Nearest nearest{kKeys, std::numeric_limits<std::size_t>::max()};
    for (const Key& key : kKeys) {
        if (const std::size_t distance = editDistance(name, key.name); distance < nearest.distance)
            nearest = {&key, distance};
    }
    return nearest;
}

std::string unknownKeyMessage(std::string_view name) {
    std::string message = "unknown key '" + std::string(name) + "'; ";
    // A program that comes from Spark brings its keys, most of which differ in the first word alone.
    constexpr std::string_view kSparkPrefix = "spark.";
    const std::string ours =
        name.starts_with(kSparkPrefix) ? "rivulet." + std::string(name.substr(kSparkPrefix.size())) : std::string(name);
    const Nearest nearest = nearestKnown(ours);
    if (nearest.distance <= ours.size() / 2) message += "did you mean '" + std::string(nearest.key->name) + "'? ";
    return message + "Keys of your own begin with 'user.'; Conf::describe() lists the others";
}

// Returns the known key, nullptr for one of the user's own, and throws for all others.
const Key* requireKey(std::string_view name, const std::string& prefix, std::source_location where) {
    if (const Key* key = findKnown(name)) return key;
    if (name.starts_with(kUserPrefix) && name.size() > kUserPrefix.size()) return nullptr;
    throw UsageError(prefix + unknownKeyMessage(name), where);
}

std::string noValueMessage(std::string_view key) {
    return std::string(key) +
           " is not set and has no default; set it, ask contains() first, or pass a fallback to the getter";
}

const char* getterOf(Type type) {
    switch (type) {
    case Type::Integer: return "getInt";
    case Type::Number: return "getDouble";
    case Type::Bool: return "getBool";
    case Type::Bytes: return "getBytes";
    case Type::Duration: return "getDuration";
    default: return "get";
    }
}

// The getters differ in the parser, the type they may read, and the words for a user's bad value.
template <class T>
T converted(std::string_view key, const std::string& text, Type type, const char* example,
            std::optional<T> (*parse)(std::string_view), std::source_location where) {
    if (const Key* known = findKnown(key); known && known->type != type)
        throw UsageError(
            std::string(key) + " is " + ruleText(*known) + "; read it with " + getterOf(known->type) + "()", where);
    if (const auto value = parse(text)) return *value;
    throw UsageError(badValueMessage(key, text, ruleText(type), example), where);
}

double convertedDouble(std::string_view key, const std::string& text, std::source_location where) {
    if (const auto value = parseDouble(text)) return *value;
    throw UsageError(badValueMessage(key, text, "a number", "0.5"), where);
}

std::string environmentName(std::string_view key) {
    std::string name = lower(key);
    std::ranges::replace(name, '.', '_');
    return name;
}

std::string upper(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    return result;
}

} // namespace

Conf::Conf(std::string_view master, std::string_view appName, Where where) {
    setMaster(master, where).setAppName(appName, where);
}

Conf& Conf::set(std::string_view key, std::string_view value, Where where) {
    return assign(key, value, Source::Code, "", where);
}

Conf& Conf::set(std::string_view key, const char* value, Where where) {
    return assign(key, value ? value : "", Source::Code, "", where);
}

Conf& Conf::set(std::string_view key, bool value, Where where) { return set(key, value ? "true" : "false", where); }

Conf& Conf::set(std::string_view key, double value, Where where) {
    std::array<char, 32> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return set(key, std::string_view(text.data(), end), where);
}

Conf& Conf::setDuration(std::string_view key, std::chrono::nanoseconds value, Where where) {
    const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(value);
    if (milliseconds != value || value.count() < 0)
        throw UsageError(
            badValueMessage(key, std::to_string(value.count()) + "ns", "a duration >= 0 in whole milliseconds", "10ms"),
            where);
    return set(key, std::string_view(formatNumber(Type::Duration, milliseconds.count())), where);
}

Conf& Conf::setIfMissing(std::string_view key, std::string_view value, Where where) {
    requireKey(key, "", where);
    return isSet(key) ? *this : set(key, value, where);
}

Conf& Conf::setMaster(std::string_view master, Where where) { return set("rivulet.master", master, where); }

Conf& Conf::setAppName(std::string_view name, Where where) { return set("rivulet.app.name", name, where); }

Conf& Conf::applyArgument(std::string_view keyEqualsValue, Where where) {
    const auto equals = keyEqualsValue.find('=');
    if (equals == keyEqualsValue.npos || trim(keyEqualsValue.substr(0, equals)).empty())
        throw UsageError("--conf '" + std::string(keyEqualsValue) +
                             "': must be key=value, for example 'rivulet.default.parallelism=8'",
                         where);
    return assign(trim(keyEqualsValue.substr(0, equals)), trim(keyEqualsValue.substr(equals + 1)), Source::Code,
                  "--conf: ", where);
}

Conf& Conf::applyArguments(int& argc, char** argv, Where where) {
    constexpr std::string_view kOption = "--conf";
    int left = 0;
    bool open = true;
    for (int i = 0; i < argc; ++i) {
        const std::string_view argument = argv[i];
        open = open && argument != "--";
        if (open && i > 0 && argument == kOption) {
            if (++i == argc) throw UsageError("--conf: key=value must follow it", where);
            applyArgument(argv[i], where);
        } else if (open && i > 0 && argument.starts_with("--conf=")) {
            applyArgument(argument.substr(kOption.size() + 1), where);
        } else {
            argv[left++] = argv[i];
        }
    }
    argc = left;
    argv[argc] = nullptr;
    return *this;
}

Conf& Conf::remove(std::string_view key) {
    std::erase_if(settings_, [&](const Setting& setting) { return setting.key == key; });
    return *this;
}

Conf& Conf::assign(std::string_view key, std::string_view value, Source source, const std::string& prefix,
                   Where where) {
    std::string stored(value);
    if (const Key* known = requireKey(key, prefix, where)) {
        auto checked = checkedValue(*known, value);
        if (!checked) throw UsageError(prefix + badValueMessage(key, value, ruleText(*known), known->example), where);
        stored = std::move(*checked);
    }
    const auto at = std::ranges::lower_bound(settings_, key, {}, &Setting::key);
    if (at == settings_.end() || at->key != key)
        settings_.insert(at, {std::string(key), std::move(stored), source});
    else if (source >= at->source) {
        at->value = std::move(stored);
        at->source = source;
    }
    return *this;
}

Conf& Conf::loadFile(const std::string& path, Where where) {
    errno = 0;
    std::ifstream file(path);
    if (!file) throw detail::ioError("open", path, " for reading", errno);
    Conf loaded = *this;
    std::string text;
    for (int number = 1; std::getline(file, text); ++number) {
        std::string_view line = text;
        for (std::size_t at = 0; (at = line.find('#', at)) != line.npos; ++at) {
            if (at == 0 || line[at - 1] == ' ' || line[at - 1] == '\t') {
                line = line.substr(0, at);
                break;
            }
        }
        line = trim(line);
        if (line.empty()) continue;
        const std::string prefix = path + ":" + std::to_string(number) + ": ";
        const auto keyEnd = line.find_first_of("= \t");
        if (keyEnd == 0 || keyEnd == line.npos)
            throw UsageError(prefix + "'" + std::string(line) + "': a line must be 'key = value' or 'key value'",
                             where);
        std::string_view value = trim(line.substr(keyEnd));
        if (value.starts_with('=')) value = trim(value.substr(1));
        loaded.assign(line.substr(0, keyEnd), value, Source::File, prefix, where);
    }
    if (file.bad()) throw detail::ioError("read", path, "", errno);
    *this = std::move(loaded);
    return *this;
}

Conf& Conf::loadEnvironment(Where where) {
    constexpr std::string_view kPrefix = "rivulet_";
    Conf loaded = *this;
    for (char** entry = environ; entry && *entry; ++entry) {
        const std::string_view text = *entry;
        const auto equals = std::min(text.find('='), text.size());
        const std::string name = lower(text.substr(0, equals));
        if (!name.starts_with(kPrefix) || equals == text.size()) continue;
        const Key* nearest = nullptr;
        std::size_t distance = std::numeric_limits<std::size_t>::max();
        for (const Key& key : kKeys) {
            if (const std::size_t d = editDistance(name, environmentName(key.name)); d < distance) {
                nearest = &key;
                distance = d;
            }
        }
        const std::string variable(text.substr(0, equals));
        if (distance == 0)
            loaded.assign(nearest->name, trim(text.substr(equals + 1)), Source::Environment,
                          "environment variable " + variable + ": ", where);
        else if (distance <= 2)
            throw UsageError("environment variable " + variable + " names no known key; did you mean " +
                                 upper(environmentName(nearest->name)) + "?",
                             where);
    }
    *this = std::move(loaded);
    return *this;
}

const Conf::Setting* Conf::find(std::string_view key) const {
    const auto at = std::ranges::lower_bound(settings_, key, {}, &Setting::key);
    return at != settings_.end() && at->key == key ? &*at : nullptr;
}

std::optional<std::string> Conf::lookUp(std::string_view key, Where where) const {
    const Key* known = requireKey(key, "", where);
    if (const Setting* setting = find(key)) return setting->value;
    return known && known->defaultValue ? std::optional<std::string>(known->defaultValue) : std::nullopt;
}

std::string Conf::get(std::string_view key, Where where) const {
    if (auto value = lookUp(key, where)) return std::move(*value);
    throw UsageError(noValueMessage(key), where);
}

std::int64_t Conf::getInt(std::string_view key, Where where) const {
    return converted(key, get(key, where), Type::Integer, "8", parseInteger, where);
}

bool Conf::getBool(std::string_view key, Where where) const {
    return converted(key, get(key, where), Type::Bool, "true", parseBool, where);
}

double Conf::getDouble(std::string_view key, Where where) const { return convertedDouble(key, get(key, where), where); }

std::int64_t Conf::getBytes(std::string_view key, Where where) const {
    return converted(key, get(key, where), Type::Bytes, "64m", parseBytes, where);
}

std::chrono::milliseconds Conf::getDuration(std::string_view key, Where where) const {
    return std::chrono::milliseconds(converted(key, get(key, where), Type::Duration, "10ms", parseMilliseconds, where));
}

std::string Conf::get(std::string_view key, std::string_view fallback, Where where) const {
    return lookUp(key, where).value_or(std::string(fallback));
}

std::int64_t Conf::getInt(std::string_view key, std::int64_t fallback, Where where) const {
    return lookUp(key, where) ? getInt(key, where) : fallback;
}

bool Conf::getBool(std::string_view key, bool fallback, Where where) const {
    return lookUp(key, where) ? getBool(key, where) : fallback;
}

double Conf::getDouble(std::string_view key, double fallback, Where where) const {
    return lookUp(key, where) ? getDouble(key, where) : fallback;
}

std::int64_t Conf::getBytes(std::string_view key, std::int64_t fallback, Where where) const {
    return lookUp(key, where) ? getBytes(key, where) : fallback;
}

std::chrono::milliseconds Conf::getDuration(std::string_view key, std::chrono::milliseconds fallback,
                                            Where where) const {
    return lookUp(key, where) ? getDuration(key, where) : fallback;
}

bool Conf::isSet(std::string_view key, Where where) const {
    requireKey(key, "", where);
    return find(key) != nullptr;
}

bool Conf::contains(std::string_view key, Where where) const { return lookUp(key, where).has_value(); }

std::vector<std::pair<std::string, std::string>> Conf::getAll() const {
    std::vector<std::pair<std::string, std::string>> all;
    for (const Setting& setting : settings_) all.emplace_back(setting.key, setting.value);
    return all;
}

std::string Conf::toDebugString() const {
    std::string text;
    for (const Setting& setting : settings_) text += setting.key + "=" + setting.value + "\n";
    return text;
}

std::string Conf::describe() {
    std::string text;
    for (const Key& key : kKeys) {
        text += std::string(key.name) + " (" + ruleText(key) + "; default " +
                (key.defaultValue ? key.defaultValue : "none") + ")\n";
        text += "    " + std::string(key.meaning) + "\n";
    }
    return text + "user.* (any text)\n    keys of your own\n";
}

std::chrono::milliseconds parseDuration(std::string_view text, std::source_location where) {
    const auto milliseconds = parseMilliseconds(text);
    if (!milliseconds)
        throw UsageError("'" + std::string(text) +
                             "' is not a duration: write a number with a unit, for example 10ms, 2s, 1min or 1h",
                         where);
    return std::chrono::milliseconds(*milliseconds);
}

Master parseMaster(std::string_view master, std::source_location where) {
    if (const auto parsed = tryParseMaster(master)) return *parsed;
    const Key& key = *findKnown("rivulet.master");
    throw UsageError(badValueMessage(key.name, master, ruleText(key), key.example), where);
}

} // namespace rivulet
