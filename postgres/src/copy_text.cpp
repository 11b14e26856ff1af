#include "rivulet/postgres/copy_text.h"

namespace rivulet::detail {

void appendCopyText(std::string& out, std::string_view text) {
    for (const char c : text) switch (c) {
        case '\\': out += "\\\\"; break;
        case '\t': out += "\\t"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        default: out += c;
        }
}

namespace {

template <class Number> void appendShortest(std::string& out, Number x) {
    if (std::isnan(x)) {
        out += "NaN";
    } else if (std::isinf(x)) {
        out += x < 0 ? "-Infinity" : "Infinity";
    } else {
        std::array<char, 64> text;
        out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), x).ptr);
    }
}

} // namespace

void appendCopyNumber(std::string& out, double x) { appendShortest(out, x); }
void appendCopyNumber(std::string& out, float x) { appendShortest(out, x); }

} // namespace rivulet::detail
