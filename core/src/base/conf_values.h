#pragma once

#include "base/conf_keys.h"
#include "rivulet/conf.h"

#include <optional>
#include <string>
#include <string_view>

/// What values of settings look like: how they are read and written, and which ones a key takes.
namespace rivulet::detail::conf {

char lower(char c);
std::string lower(std::string_view text);
std::string_view trim(std::string_view text);

// Nothing where the text is no such value.
std::optional<std::int64_t> parseInteger(std::string_view text);
std::optional<double> parseDouble(std::string_view text);
std::optional<bool> parseBool(std::string_view text);
std::optional<std::int64_t> parseBytes(std::string_view text);
std::optional<std::int64_t> parseMilliseconds(std::string_view text);
std::optional<Master> tryParseMaster(std::string_view text);

/// With the unit of the type: `64m`, `10ms`.
std::string formatNumber(Type type, std::int64_t value);

/// What a value must be, in words.
std::string ruleText(Type type);
std::string ruleText(const Key& key);
std::string badValueMessage(std::string_view key, std::string_view value, const std::string& rule,
                            std::string_view example);

/// The value as it is stored, or nothing where it breaks the key's rule.
std::optional<std::string> checkedValue(const Key& key, std::string_view value);

} // namespace rivulet::detail::conf
