#include "durable/inspection/stored_shape.h"

#include "durable/inspection/json.h"

#include <charconv>
#include <cmath>

namespace rivulet::detail {
namespace {

constexpr int kMostDepth = 8; // of structs within structs, as FormWriter has it
constexpr std::size_t kMostArray = 1 << 20;

template <class Number> std::string textOf(ByteReader& in) {
    Number x{};
    in(x);
    if constexpr (std::is_floating_point_v<Number>)
        if (!std::isfinite(x)) return std::isnan(x) ? "\"NaN\"" : x > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    char text[64];
    if constexpr (sizeof(Number) == 1) // a character type would be written as a letter
        return std::to_string(int(x));
    else
        return std::string(text, std::to_chars(text, text + sizeof text, x).ptr);
}

} // namespace

class StoredShape::Parser {
  public:
    explicit Parser(std::string_view form) : form_(form), left_(form) {}

    StoredShape all() {
        StoredShape shape = type();
        if (!left_.empty()) fail();
        return shape;
    }

  private:
    [[noreturn]] void fail() const {
        throw CorruptionError("checkpoint: '" + std::string(form_) + "' is no form of a type, at byte " +
                              std::to_string(form_.size() - left_.size()));
    }
    bool accept(char c) {
        if (left_.empty() || left_.front() != c) return false;
        left_.remove_prefix(1);
        return true;
    }
    void expect(char c) {
        if (!accept(c)) fail();
    }
    std::string_view word() {
        const auto end = std::min(left_.find_first_of("<>{},"), left_.size());
        const auto word = left_.substr(0, end);
        left_.remove_prefix(end);
        return word;
    }
    std::size_t number(std::string_view digits) const {
        std::size_t n = 0;
        const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), n);
        if (read.ec != std::errc() || read.ptr != digits.data() + digits.size()) fail();
        return n;
    }

    StoredShape type() {
        const std::string_view name = word();
        StoredShape shape;
        if (accept('{')) {
            ++depth_;
            parts(shape, '}');
            shape.kind_ = depth_ > kMostDepth ? Kind::unknown : Kind::tuple;
            --depth_;
            return shape;
        }
        if (!left_.empty() && left_.front() == '<') return composed(name);
        if (name == "bool") {
            shape.kind_ = Kind::truth;
        } else if (name == "string") {
            shape.kind_ = Kind::text;
        } else if (name.size() > 1 && std::string_view("iuf").find(name[0]) != name.npos) {
            shape.kind_ = Kind::number;
            shape.number_ = name[0];
            shape.bits_ = number(name.substr(1));
        } else {
            fail();
        }
        return shape;
    }
    StoredShape composed(std::string_view name) {
        expect('<');
        StoredShape shape;
        if (name == "time" || name == "duration") {
            if (name == "duration") {
                word(); // its unit
                expect(',');
            }
            shape = type();
            expect('>');
            return shape;
        }
        std::size_t count = 1;
        if (name == "array") {
            count = number(word());
            if (count > kMostArray) fail();
            expect(',');
        }
        parts(shape, '>');
        if (name == "tuple") {
            shape.kind_ = Kind::tuple;
        } else if (shape.parts_.size() != 1) {
            fail();
        } else if (name == "list" || name == "set") {
            shape.kind_ = Kind::elements;
        } else if (name == "optional") {
            shape.kind_ = Kind::optional;
        } else if (name == "array") {
            shape.kind_ = Kind::tuple;
            shape.parts_.resize(count, StoredShape(shape.parts_.front()));
        } else {
            fail();
        }
        return shape;
    }
    void parts(StoredShape& shape, char end) {
        if (accept(end)) return;
        do shape.parts_.push_back(type());
        while (accept(','));
        expect(end);
    }

    const std::string_view form_;
    std::string_view left_;
    int depth_ = 0;
};

StoredShape StoredShape::parse(std::string_view form) { return Parser(form).all(); }

std::string_view StoredShape::bytesOf(ByteReader& in, std::string_view all) const {
    const std::size_t from = all.size() - in.left();
    skip(in);
    return all.substr(from, all.size() - in.left() - from);
}

void StoredShape::takeNumber(ByteReader& in, std::string* json) const {
    if (!json) return static_cast<void>(in.bytes(bits_ / 8));
    switch (bits_ * 256 + std::size_t(number_)) {
    case 8 * 256 + 'i': *json += textOf<std::int8_t>(in); break;
    case 16 * 256 + 'i': *json += textOf<std::int16_t>(in); break;
    case 32 * 256 + 'i': *json += textOf<std::int32_t>(in); break;
    case 64 * 256 + 'i': *json += textOf<std::int64_t>(in); break;
    case 8 * 256 + 'u': *json += textOf<std::uint8_t>(in); break;
    case 16 * 256 + 'u': *json += textOf<std::uint16_t>(in); break;
    case 32 * 256 + 'u': *json += textOf<std::uint32_t>(in); break;
    case 64 * 256 + 'u': *json += textOf<std::uint64_t>(in); break;
    case 32 * 256 + 'f': *json += textOf<float>(in); break;
    case 64 * 256 + 'f': *json += textOf<double>(in); break;
    default: throw CorruptionError("checkpoint: there are no numbers of " + std::to_string(bits_) + " bits");
    }
}

void StoredShape::take(ByteReader& in, std::string* json) const {
    const auto add = [&](std::string_view text) {
        if (json) *json += text;
    };
    switch (kind_) {
    case Kind::number: return takeNumber(in, json);
    case Kind::truth: {
        bool x = false;
        in(x);
        return add(x ? "true" : "false");
    }
    case Kind::text: {
        const std::string_view text = in.bytes(in.count(1));
        if (json) appendJson(*json, text);
        return;
    }
    case Kind::elements: {
        add("[");
        const std::size_t count = in.count(1);
        for (std::size_t i = 0; i < count; ++i) {
            if (i > 0) add(",");
            parts_.front().take(in, json);
        }
        return add("]");
    }
    case Kind::optional: {
        bool has = false;
        in(has);
        return has ? parts_.front().take(in, json) : add("null");
    }
    case Kind::tuple: {
        add("[");
        for (std::size_t i = 0; i < parts_.size(); ++i) {
            if (i > 0) add(",");
            parts_[i].take(in, json);
        }
        return add("]");
    }
    case Kind::unknown:
        throw CorruptionError("checkpoint: structs that contain each other deeper than " + std::to_string(kMostDepth) +
                              " levels cannot be shown");
    }
}

} // namespace rivulet::detail
