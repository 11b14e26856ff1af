#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#ifdef __AVX2__
#include <bit>
#include <immintrin.h>
#endif

namespace bench {

/// A file mapped into memory, read-only, for as long as the object lives.
class MappedFile {
  public:
    explicit MappedFile(const std::string& path);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    std::string_view text() const { return {data_, sizeBytes_}; }
    /// Part `index` of `count`, cut behind a line's end; its pages are there when this returns.
    std::string_view part(int index, int count) const;

  private:
    const char* data_ = nullptr;
    std::size_t sizeBytes_ = 0;
};

/// Calls f(const char* word, std::size_t size) for each word; a byte up to ' ' separates.
template <class F> void forEachWord(std::string_view text, F f) {
    const char *at = text.data(), *end = at + text.size(), *word = at;
#ifdef __AVX2__
    const __m256i space = _mm256_set1_epi8(' ');
    for (; at + 32 <= end; at += 32) {
        const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
        auto separators =
            static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_max_epu8(bytes, space), space)));
        for (; separators; separators &= separators - 1) {
            const char* stop = at + std::countr_zero(separators);
            if (stop > word) f(word, static_cast<std::size_t>(stop - word));
            word = stop + 1;
        }
    }
#endif
    for (; at < end; ++at)
        if (static_cast<unsigned char>(*at) <= ' ') {
            if (at > word) f(word, static_cast<std::size_t>(at - word));
            word = at + 1;
        }
    if (end > word) f(word, static_cast<std::size_t>(end - word));
}

} // namespace bench
