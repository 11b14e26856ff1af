#pragma once

#include "rivulet/rdd/text_format.h"

#include <memory>
#include <string>
#include <string_view>

namespace rivulet::detail {

/// A directory of parts that appears complete or not at all: parts are written under `_temporary`, renamed when
/// all of them are there, and `_SUCCESS` comes last. Destroyed without `commit`, it removes what it wrote.
class TextOutput {
  public:
    /// One attempt at one part.
    class Part {
      public:
        virtual ~Part() = default;
        virtual void write(std::string_view text) = 0;
        /// Makes this attempt the part's.
        virtual void commit() = 0;
    };

    /// Errors: IoError where the directory exists and `overwrite` is false, or where it cannot be made
    TextOutput(std::string directory, int partitions, bool overwrite, const char* operation = "saveAsTextFile");
    ~TextOutput();
    TextOutput(const TextOutput&) = delete;
    TextOutput& operator=(const TextOutput&) = delete;

    std::unique_ptr<Part> openPart(int partition, int attempt) const;
    void commit();

  private:
    std::string directory_, temporary_;
    int partitions_;
    bool overwrite_, committed_ = false;
};

struct LineSink {
    TextOutput::Part& part;
    std::string text;
    template <class X> void operator()(X&& x) {
        appendText(text, x);
        text += '\n';
    }
    void flush() {
        part.write(text);
        text.clear();
    }
};

} // namespace rivulet::detail
