#pragma once

#include "rivulet/serialization/stored.h"

#include <string>
#include <string_view>
#include <vector>

namespace rivulet::detail {

/// What a type is stored as, read from its form (`tuple<string,i64>`): enough to read what a program has stored that is
/// not there.
///
/// As JSON: numbers, texts and truth values as they are; durations and times as their counts; an absent optional as
/// null; all else, structs too, as arrays, because what is stored has no names of members.
class StoredShape {
  public:
    /// Errors: CorruptionError where it is no form
    static StoredShape parse(std::string_view form);

    /// Reads a value, and appends it as JSON.
    ///
    /// Errors: CorruptionError where the bytes are not of this shape
    void read(ByteReader& in, std::string& json) const { take(in, &json); }
    void skip(ByteReader& in) const { take(in, nullptr); }
    /// The bytes of the value at the front of what is left.
    std::string_view bytesOf(ByteReader& in, std::string_view all) const;

    bool isTuple() const { return kind_ == Kind::tuple; }
    const std::vector<StoredShape>& parts() const { return parts_; }

  private:
    enum class Kind { number, truth, text, elements, optional, tuple, unknown };
    class Parser;
    void take(ByteReader& in, std::string* json) const;
    void takeNumber(ByteReader& in, std::string* json) const;

    Kind kind_ = Kind::unknown;
    char number_ = 'i';    // or u, f
    std::size_t bits_ = 0; // of a number
    std::vector<StoredShape> parts_;
};

} // namespace rivulet::detail
