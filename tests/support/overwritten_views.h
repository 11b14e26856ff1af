#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace rivulet::test {

inline const std::string kLong(40, 'k');

/// The keys that every case has; the last one is a view without bytes.
inline const std::vector<std::string_view> kKeys{
    "a", "sixteen bytes 16", kLong, "", std::string_view(), "seventeen bytes17", "a"};

/// Views into one buffer that each step overwrites: a view is good until the sink that it was pushed to returns.
class OverwrittenViews {
  public:
    using value_type = std::string_view;
    class Iterator {
      public:
        explicit Iterator(std::size_t at) : at_(at) {}
        std::string_view operator*() const {
            const std::string_view key = kKeys[at_];
            buffer_.fill('#');
            if (key.data()) std::copy(key.begin(), key.end(), buffer_.begin());
            return key.data() ? std::string_view(buffer_.data(), key.size()) : std::string_view();
        }
        Iterator& operator++() {
            buffer_.fill('!');
            ++at_;
            return *this;
        }
        bool operator==(const Iterator& other) const { return at_ == other.at_; }

      private:
        std::size_t at_;
        mutable std::array<char, 64> buffer_{};
    };
    Iterator begin() const { return Iterator(0); }
    Iterator end() const { return Iterator(kKeys.size()); }
};

} // namespace rivulet::test
