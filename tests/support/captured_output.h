#pragma once

#include <cstdio>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace rivulet::test {

/// Catches what the process writes to `stdout` or `stderr`, as long as it lives.
class CapturedOutput {
  public:
    explicit CapturedOutput(std::FILE* stream)
        : stream_(stream),
          file_(std::tmpfile()),
          original_(::dup(::fileno(stream))) {
        if (!file_ || original_ < 0) throw std::runtime_error("cannot capture an output");
        std::fflush(stream_);
        ::dup2(::fileno(file_), ::fileno(stream_));
    }
    CapturedOutput(const CapturedOutput&) = delete;
    CapturedOutput& operator=(const CapturedOutput&) = delete;
    ~CapturedOutput() {
        std::fflush(stream_);
        ::dup2(original_, ::fileno(stream_));
        ::close(original_);
        std::fclose(file_);
    }

    /// What was written so far.
    std::string text() const {
        std::fflush(stream_);
        std::string text;
        char bytes[4096];
        for (ssize_t n; (n = ::pread(::fileno(file_), bytes, sizeof bytes, off_t(text.size()))) > 0;)
            text.append(bytes, std::size_t(n));
        return text;
    }

  private:
    std::FILE* const stream_;
    std::FILE* const file_;
    const int original_;
};

} // namespace rivulet::test
