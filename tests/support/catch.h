#pragma once

// Catch2 of both kinds: version 3 (Debian 13 and newer) and version 2 (Debian 12). Tests use the names of version 3.
#if __has_include(<catch2/catch_all.hpp>)

#include <catch2/catch_all.hpp>

#else

#include <catch2/catch.hpp>

#include <exception>
#include <string>
#include <utility>

namespace Catch {

using Detail::Approx;

namespace Matchers {

inline auto ContainsSubstring(const std::string& text, CaseSensitive::Choice sensitivity = CaseSensitive::Yes) {
    return Contains(text, sensitivity);
}

/// Applies a matcher of strings to an exception's message.
template <typename StringMatcher> class MessageMatcher : public MatcherBase<std::exception> {
  public:
    explicit MessageMatcher(StringMatcher matcher) : matcher_(std::move(matcher)) {}
    bool match(const std::exception& error) const override { return matcher_.match(error.what()); }
    std::string describe() const override { return "exception message " + matcher_.toString(); }

  private:
    StringMatcher matcher_;
};

template <typename StringMatcher> MessageMatcher<StringMatcher> MessageMatches(StringMatcher matcher) {
    return MessageMatcher<StringMatcher>(std::move(matcher));
}

} // namespace Matchers
} // namespace Catch

#endif
