#include "rivulet/words.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace rivulet::detail {
namespace {

/// The mask of up to 64 bytes, with ones beyond the text.
std::uint64_t slowMask(const char* text, std::size_t size) {
    std::uint64_t mask = size < kMaskedBytes ? ~std::uint64_t(0) << size : 0;
    for (std::size_t i = 0; i < size; ++i) mask |= std::uint64_t(static_cast<unsigned char>(text[i]) <= ' ') << i;
    return mask;
}

#if defined(__x86_64__)

// A byte is at most a space where the larger of the two is the space.
void masksSse2(const char* text, std::size_t size, std::uint64_t* masks) {
    const __m128i space = _mm_set1_epi8(' ');
    const auto sixteen = [&](const char* at) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        return std::uint64_t(std::uint32_t(_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_max_epu8(bytes, space), space))));
    };
    for (; size >= kMaskedBytes; size -= kMaskedBytes, text += kMaskedBytes)
        *masks++ = sixteen(text) | sixteen(text + 16) << 16 | sixteen(text + 32) << 32 | sixteen(text + 48) << 48;
    if (size == 0) return;
    std::uint64_t mask = 0;
    std::size_t at = 0;
    for (; at + 16 <= size; at += 16) mask |= sixteen(text + at) << at;
    *masks = mask | slowMask(text + at, size - at) << at;
}

__attribute__((target("avx2"))) void masksAvx2(const char* text, std::size_t size, std::uint64_t* masks) {
    const __m256i space = _mm256_set1_epi8(' ');
    for (; size >= kMaskedBytes; size -= kMaskedBytes, text += kMaskedBytes) {
        const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text));
        const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + 32));
        const std::uint32_t lowMask =
            std::uint32_t(_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_max_epu8(low, space), space)));
        const std::uint32_t highMask =
            std::uint32_t(_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_max_epu8(high, space), space)));
        *masks++ = std::uint64_t(highMask) << 32 | lowMask;
    }
    if (size > 0) masksSse2(text, size, masks);
}

using Kernel = void (*)(const char*, std::size_t, std::uint64_t*);

#endif

} // namespace

// The kernel is chosen once, by the CPU that the program runs on: a portable binary is not slower than one built for
// this machine.
void whitespaceMasks(const char* text, std::size_t size, std::uint64_t* masks) {
#if defined(__x86_64__)
    static const Kernel kernel = __builtin_cpu_supports("avx2") ? masksAvx2 : masksSse2;
    kernel(text, size, masks);
#else
    for (; size > kMaskedBytes; size -= kMaskedBytes, text += kMaskedBytes) *masks++ = slowMask(text, kMaskedBytes);
    if (size > 0) *masks = slowMask(text, size);
#endif
}

} // namespace rivulet::detail
