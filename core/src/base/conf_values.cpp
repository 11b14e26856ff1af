#include "base/conf_values.h"

#include <algorithm>
#include <charconv>
#include <span>

namespace rivulet::detail::conf {
namespace {

constexpr std::string_view kDigits = "0123456789";

struct Unit {
    std::string_view name;
    std::int64_t factor;
};
// The first unit of each size is the one that is printed.
constexpr Unit kByteUnits[] = {{"t", 1024 * 1024 * kMiB}, {"g", 1024 * kMiB}, {"m", kMiB}, {"k", kKiB}};
constexpr Unit kDurationUnits[] = {{"d", 86'400'000}, {"h", 3'600'000}, {"min", 60'000},
                                   {"m", 60'000},     {"s", 1000},      {"ms", 1}};

// A number with a unit, in units of factor 1. Fractions are not accepted: "1.5g" is "1536m".
std::optional<std::int64_t> parseWithUnit(std::string_view text, std::span<const Unit> units) {
    const auto digits = std::min(text.find_first_not_of(kDigits), text.size());
    const auto number = parseInteger(text.substr(0, digits));
    const std::string name = lower(trim(text.substr(digits)));
    const auto unit = std::ranges::find(units, std::string_view(name), &Unit::name);
    if (!number || unit == units.end() || *number > kNoMax / unit->factor) return std::nullopt;
    return *number * unit->factor;
}

std::string formatWithUnit(std::int64_t value, std::span<const Unit> units) {
    for (const Unit& unit : units) {
        if (value != 0 && value % unit.factor == 0) return std::to_string(value / unit.factor) + std::string(unit.name);
    }
    return std::to_string(value) + (units.back().factor == 1 ? std::string(units.back().name) : "");
}

std::string rangeText(const Key& key) {
    if (key.max == kNoMax || (key.type == Type::Integer && key.max == kMaxInt))
        return key.min == 0 && key.type != Type::Integer && key.type != Type::Number
                   ? ""
                   : " >= " + formatNumber(key.type, key.min);
    return " from " + formatNumber(key.type, key.min) + " to " + formatNumber(key.type, key.max);
}

std::optional<std::string> choiceOf(const Key& key, std::string_view value) {
    std::string_view choices = key.choices;
    while (!choices.empty()) {
        const auto end = std::min(choices.find(' '), choices.size());
        if (lower(choices.substr(0, end)) == lower(value)) return std::string(choices.substr(0, end));
        choices.remove_prefix(std::min(end + 1, choices.size()));
    }
    return std::nullopt;
}

} // namespace

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), [](char c) { return lower(c); });
    return result;
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view kBlank = " \t\r\n";
    const auto begin = text.find_first_not_of(kBlank);
    return begin == text.npos ? std::string_view() : text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::optional<std::int64_t> parseInteger(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::optional<double> parseDouble(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::optional<bool> parseBool(std::string_view text) {
    const std::string word = lower(text);
    return word == "true" ? std::optional(true) : word == "false" ? std::optional(false) : std::nullopt;
}

std::optional<std::int64_t> parseBytes(std::string_view text) {
    // "64m", "64mb" and "64mib" are the same, as in Spark; "64b" is 64.
    std::string word = lower(text);
    if (word.ends_with('b')) {
        word.pop_back();
        if (word.ends_with('i') && word.size() > 1 && kDigits.find(word[word.size() - 2]) == kDigits.npos)
            word.pop_back();
    }
    if (const auto plain = parseInteger(word)) return *plain >= 0 ? plain : std::nullopt;
    return parseWithUnit(word, kByteUnits);
}

std::optional<std::int64_t> parseMilliseconds(std::string_view text) { return parseWithUnit(text, kDurationUnits); }

std::string formatNumber(Type type, std::int64_t value) {
    return type == Type::Bytes      ? formatWithUnit(value, kByteUnits)
           : type == Type::Duration ? formatWithUnit(value, kDurationUnits)
                                    : std::to_string(value);
}

std::string ruleText(Type type) {
    switch (type) {
    case Type::Integer: return "a whole number";
    case Type::Number: return "a number";
    case Type::Bool: return "true or false";
    case Type::Bytes: return "a size in bytes";
    case Type::Duration: return "a duration with its unit (ms, s, min, h, d)";
    default: return "a text that is not empty";
    }
}

std::string ruleText(const Key& key) {
    if (key.type == Type::MasterString) return "local, local[N], local[*], local[N,F] or local[*,F]";
    if (key.type == Type::Choice) {
        std::string choices = "one of " + std::string(key.choices);
        for (std::size_t at = 7; (at = choices.find(' ', at)) != choices.npos; at += 2) choices.replace(at, 1, ", ");
        return choices;
    }
    return ruleText(key.type) + rangeText(key);
}

std::string badValueMessage(std::string_view key, std::string_view value, const std::string& rule,
                            std::string_view example) {
    return std::string(key) + " = '" + std::string(value) + "': must be " + rule + ", for example '" +
           std::string(example) + "'";
}

std::optional<Master> tryParseMaster(std::string_view text) {
    if (text == "local") return Master{1, 1};
    constexpr std::string_view kPrefix = "local[";
    if (!text.starts_with(kPrefix) || !text.ends_with(']')) return std::nullopt;
    text = text.substr(kPrefix.size(), text.size() - kPrefix.size() - 1);
    const auto comma = text.find(',');
    const std::string_view threads = trim(text.substr(0, comma));
    Master master;
    if (threads != "*") {
        const auto count = parseInteger(threads);
        if (!count || *count < 1 || *count > 4096) return std::nullopt;
        master.threads = static_cast<int>(*count);
    }
    if (comma != text.npos) {
        const auto failures = parseInteger(trim(text.substr(comma + 1)));
        if (!failures || *failures < 1 || *failures > kMaxInt) return std::nullopt;
        master.maxFailures = static_cast<int>(*failures);
    }
    return master;
}

std::optional<std::string> checkedValue(const Key& key, std::string_view value) {
    const auto inRange = [&](std::optional<std::int64_t> number) -> std::optional<std::string> {
        return number && *number >= key.min && *number <= key.max ? std::optional(std::string(value)) : std::nullopt;
    };
    switch (key.type) {
    case Type::String: return value.empty() ? std::nullopt : std::optional(std::string(value));
    case Type::MasterString: return tryParseMaster(value) ? std::optional(std::string(value)) : std::nullopt;
    case Type::Choice: return choiceOf(key, value);
    case Type::Bool: return parseBool(value) ? std::optional(lower(value)) : std::nullopt;
    case Type::Integer: return inRange(parseInteger(value));
    case Type::Number: {
        const auto number = parseDouble(value);
        return number && *number >= double(key.min) && *number <= double(key.max) ? std::optional(std::string(value))
                                                                                  : std::nullopt;
    }
    case Type::Bytes: return inRange(parseBytes(value));
    case Type::Duration: return inRange(parseMilliseconds(value));
    }
    return std::nullopt;
}

} // namespace rivulet::detail::conf
