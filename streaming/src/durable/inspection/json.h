#pragma once

#include <string>
#include <string_view>

namespace rivulet::detail {

/// Appends a text in quotes. Bytes that are no UTF-8 are written as the characters of their numbers, so that the result
/// is JSON whatever a program has stored.
void appendJson(std::string& out, std::string_view text);

/// An object, member by member.
class JsonObject {
  public:
    JsonObject& text(std::string_view name, std::string_view value);
    JsonObject& number(std::string_view name, long long value) { return json(name, std::to_string(value)); }
    /// What is JSON already.
    JsonObject& json(std::string_view name, std::string_view value);
    std::string finish() { return std::move(out_) + "}"; }

  private:
    std::string out_ = "{";
};

} // namespace rivulet::detail
