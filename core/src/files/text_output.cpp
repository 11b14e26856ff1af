#include "rivulet/rdd/text_output.h"

#include "rivulet/error.h"
#include "rivulet/file_system.h"
#include "rivulet/log.h"

#include <cstdio>
#include <sstream>

namespace rivulet::detail {
namespace {

std::string partName(int partition) {
    char name[32];
    std::snprintf(name, sizeof name, "part-%05d", partition);
    return name;
}

class FilePart final : public TextOutput::Part {
  public:
    FilePart(std::shared_ptr<FileSystem> files, std::string attempt, std::string final)
        : files_(std::move(files)),
          attempt_(std::move(attempt)),
          final_(std::move(final)),
          out_(files_->openWrite(attempt_)) {}
    void write(std::string_view text) override { out_->write(text); }
    void commit() override {
        out_->close();
        files_->rename(attempt_, final_);
    }

  private:
    std::shared_ptr<FileSystem> files_;
    std::string attempt_, final_;
    std::unique_ptr<OutputFile> out_;
};

} // namespace

void appendStreamed(std::string& out, const void* value, void (*write)(std::ostream&, const void*)) {
    std::ostringstream text;
    write(text, value);
    out += std::move(text).str();
}

TextOutput::TextOutput(std::string directory, int partitions, bool overwrite, const char* operation)
    : directory_(std::move(directory)),
      partitions_(partitions),
      overwrite_(overwrite) {
    const auto files = FileSystem::forUri(directory_);
    const std::string path = FileSystem::pathOf(directory_);
    temporary_ = path + "/_temporary";
    if (!overwrite_ && files->exists(path))
        throw IoError(std::string(operation) + ": output directory '" + path +
                      "' exists already: choose another one or remove it first");
    files->removeAll(temporary_);
    files->createDirectories(temporary_);
}

TextOutput::~TextOutput() {
    if (committed_) return;
    try {
        const auto files = FileSystem::forUri(directory_);
        files->removeAll(temporary_);
        if (!overwrite_) files->removeAll(FileSystem::pathOf(directory_));
    } catch (const std::exception& error) {
        logWarn(std::string("could not clean up after a failed job: ") + error.what());
    }
}

std::unique_ptr<TextOutput::Part> TextOutput::openPart(int partition, int attempt) const {
    const std::string name = temporary_ + "/" + partName(partition);
    return std::make_unique<FilePart>(FileSystem::forUri(directory_), name + "-attempt-" + std::to_string(attempt),
                                      name);
}

void TextOutput::commit() {
    const auto files = FileSystem::forUri(directory_);
    const std::string path = FileSystem::pathOf(directory_);
    if (overwrite_) // what an earlier run of the same batch left, complete or not
        for (const FileStatus& file : files->list(path))
            if (!file.isDirectory) files->removeAll(file.path);
    for (int p = 0; p < partitions_; ++p) files->rename(temporary_ + "/" + partName(p), path + "/" + partName(p));
    files->removeAll(temporary_);
    files->openWrite(path + "/_SUCCESS")->close();
    committed_ = true;
}

} // namespace rivulet::detail
