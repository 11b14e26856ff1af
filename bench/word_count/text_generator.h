#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace bench {

/// Writes lines of ten words drawn by Zipf's law, until at least `sizeBytes` are written; the same arguments give the
/// same bytes.
///
/// Word of rank r (from 1) has probability proportional to 1 / r^exponent and a length of 3 to 11.
/// Errors: std::runtime_error if the file cannot be written
void generateText(const std::filesystem::path& file, std::size_t vocabulary, double exponent, std::uintmax_t sizeBytes);

/// Generates the text unless `file` is there with a plausible size. The file appears whole or not at all.
void ensureText(const std::filesystem::path& file, std::size_t vocabulary, double exponent, std::uintmax_t sizeBytes);

} // namespace bench
