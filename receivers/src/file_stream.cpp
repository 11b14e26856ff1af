#include "rivulet/file_stream.h"

#include "rivulet/file_system.h"
#include "rivulet/log.h"

#include <set>

namespace rivulet {
namespace detail {
namespace {

std::string_view nameOf(std::string_view path) {
    while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
    return path.substr(path.rfind('/') + 1);
}

/// Chooses the files of each batch by Spark's rule, and remembers the choice as long as a file may be chosen at all.
class FileNode final : public StreamNode<FilesRdd>, public Input {
  public:
    FileNode(const std::shared_ptr<StreamCore>& core, CallSite site, std::string directory, bool newFilesOnly)
        : StreamNode<FilesRdd>(core, site, core->batchDuration(), {}),
          directory_(std::move(directory)),
          ignoreUpTo_(newFilesOnly ? core->clock().now() : Time()),
          window_(wholeBatches(core->context().conf().getDuration("rivulet.streaming.fileStream.minRememberDuration"),
                               core->batchDuration())) {}

    long allocate(Time time) override {
        // Late batches may have been merged into this one: its look reaches as far back as that of the first of them.
        const Time first = lastListed_ ? std::min(time, *lastListed_ + core()->batchDuration()) : time;
        const Time after = first - window_;
        chosen_.erase(chosen_.begin(), chosen_.upper_bound(after));
        std::vector<FileStatus> files;
        try {
            files = choose(std::max(ignoreUpTo_, after), time);
            lastListed_ = time;
        } catch (const IoError& error) {
            logWarn(std::string("textFileStream: ") + error.what() +
                    "; the files are looked for again in the next batch");
        }
        chosen_.insert_or_assign(time, std::move(files));
        return 0; // lines are not counted before they are read
    }

  protected:
    std::optional<FilesRdd> compute(Time time) override {
        const auto found = chosen_.find(time);
        const auto& engine = *core()->context().engine();
        auto made = makeLineage(core()->context().engine(), "TextFileRDD", site());
        made->setName(directory_);
        return FilesRdd(
            std::move(made),
            TextPipe(TextInput::ofFiles(engine, found == chosen_.end() ? std::vector<FileStatus>() : found->second)));
    }

  private:
    static Duration wholeBatches(Duration least, Duration batch) {
        return (least + batch - Duration(1)) / batch * batch;
    }

    std::vector<FileStatus> choose(Time after, Time time) const {
        std::set<std::string_view> known;
        for (const auto& [batch, files] : chosen_)
            for (const FileStatus& file : files) known.insert(file.path);
        std::vector<FileStatus> chosen;
        const auto fileSystem = FileSystem::forUri(directory_);
        auto directories = fileSystem->glob(FileSystem::pathOf(directory_));
        if (directories.empty())
            throw IoError("directory '" + directory_ + "' does not exist: create it, or correct the path");
        for (const FileStatus& directory : directories) {
            if (!directory.isDirectory) continue;
            for (FileStatus& file : fileSystem->list(directory.path))
                if (!file.isDirectory && !nameOf(file.path).starts_with('.') && file.modified > after &&
                    file.modified <= time && !known.contains(file.path))
                    chosen.push_back(std::move(file));
        }
        return chosen;
    }

    const std::string directory_;
    const Time ignoreUpTo_;
    const Duration window_;
    std::optional<Time> lastListed_;
    std::map<Time, std::vector<FileStatus>> chosen_;
};

} // namespace
} // namespace detail

TextFileStream textFileStream(const StreamingContext& ssc, const std::string& directory, bool newFilesOnly,
                              std::source_location where) {
    const auto& core = ssc.core();
    core->requireOpen("textFileStream", where);
    auto node = std::make_shared<detail::FileNode>(core, CallSite{"textFileStream", where}, directory, newFilesOnly);
    core->add(std::shared_ptr<detail::Input>(node));
    return TextFileStream(detail::NodeRecipe<detail::StreamNode<detail::FilesRdd>>(std::move(node)));
}

} // namespace rivulet
