#pragma once

/// What the tests are compiled with; GCC says it by macros, clang by features.
namespace rivulet::test {

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define RIVULET_TEST_ADDRESS_SANITIZER 1
#elif __has_feature(thread_sanitizer)
#define RIVULET_TEST_THREAD_SANITIZER 1
#endif
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(RIVULET_TEST_ADDRESS_SANITIZER)
inline constexpr bool kAddressSanitizer = true;
#else
inline constexpr bool kAddressSanitizer = false;
#endif

#if defined(__SANITIZE_THREAD__) || defined(RIVULET_TEST_THREAD_SANITIZER)
inline constexpr bool kThreadSanitizer = true;
#else
inline constexpr bool kThreadSanitizer = false;
#endif

} // namespace rivulet::test
