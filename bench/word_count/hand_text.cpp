#include "word_count/hand_text.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace bench {

MappedFile::MappedFile(const std::string& path) {
    const auto fail = [&] { throw std::system_error(errno, std::generic_category(), "cannot map " + path); };
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) fail();
    struct stat status{};
    fstat(file, &status);
    sizeBytes_ = static_cast<std::size_t>(status.st_size);
    void* data = mmap(nullptr, sizeBytes_, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    if (data == MAP_FAILED) fail();
    data_ = static_cast<const char*>(data);
}

MappedFile::~MappedFile() { munmap(const_cast<char*>(data_), sizeBytes_); }

std::string_view MappedFile::part(int index, int count) const {
    const auto cut = [&](int i) {
        const std::size_t position = sizeBytes_ * static_cast<std::size_t>(i) / static_cast<std::size_t>(count);
        if (position == 0 || position == sizeBytes_ || data_[position - 1] == '\n') return position;
        const std::size_t newline = text().find('\n', position);
        return newline == std::string_view::npos ? sizeBytes_ : newline + 1;
    };
    const std::size_t begin = cut(index), end = cut(index + 1);
    const std::size_t page = begin & ~(static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) - 1);
    // Each thread populates its own part. An older kernel refuses, and the pages come one fault at a time.
    madvise(const_cast<char*>(data_) + page, end - page, MADV_POPULATE_READ);
    return text().substr(begin, end - begin);
}

} // namespace bench
