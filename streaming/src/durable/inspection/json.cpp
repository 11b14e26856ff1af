#include "durable/inspection/json.h"

#include <cstdio>

namespace rivulet::detail {
namespace {

/// How many bytes the character at the front takes; 0 where it is not one.
std::size_t characterBytes(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    const std::size_t count = first < 0x80   ? 1
                              : first < 0xc2 ? 0
                              : first < 0xe0 ? 2
                              : first < 0xf0 ? 3
                              : first < 0xf5 ? 4
                                             : 0;
    if (count == 0 || count > text.size()) return 0;
    for (std::size_t i = 1; i < count; ++i)
        if ((byte(i) & 0xc0) != 0x80) return 0;
    const bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
    const bool none = (first == 0xed && byte(1) > 0x9f) || (first == 0xf4 && byte(1) > 0x8f); // surrogates, too large
    return overlong || none ? 0 : count;
}

} // namespace

void appendJson(std::string& out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        const std::size_t count = characterBytes(text);
        const auto first = static_cast<unsigned char>(text.front());
        if (first == '"' || first == '\\') {
            out += '\\';
            out += text.front();
        } else if (first < 0x20 || count == 0) {
            char code[8];
            std::snprintf(code, sizeof code, "\\u%04x", unsigned(first));
            out += code;
        } else {
            out += text.substr(0, count);
        }
        text.remove_prefix(count == 0 ? 1 : count);
    }
    out += '"';
}

JsonObject& JsonObject::text(std::string_view name, std::string_view value) {
    std::string quoted;
    appendJson(quoted, value);
    return json(name, quoted);
}

JsonObject& JsonObject::json(std::string_view name, std::string_view value) {
    if (out_.size() > 1) out_ += ',';
    appendJson(out_, name);
    out_ += ':';
    out_ += value;
    return *this;
}

} // namespace rivulet::detail
