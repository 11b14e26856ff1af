// check_layout <root of the tree>: reads the sources and names each place where they break a rule of the house.
//
//   layer         kafka, postgres, receivers -> streaming -> core: a file includes from its own module and those below
//   third-party   public headers include only the standard library, <rivulet/...> and <cereal/...>
//   sleep         no test waits for wall time
//   test-name     no brackets, no semicolon, no comma at the end: in CMake's lists such a test would be lost
//   open-end      no notes about work to be done; they belong to the tracker
//   one-name      no two files of the modules define a type of the same name in the same namespace: the linker would
//                 silently take one for both
//   crowded       a folder holds at most a dozen headers and a dozen sources

#include <algorithm>
#include <array>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

namespace fs = std::filesystem;

namespace {

// The lowest first.
constexpr std::array<std::string_view, 5> kLayers = {"core", "streaming", "receivers", "postgres", "kafka"};
constexpr int kMaxFilesPerFolder = 12;

// The brackets keep this file from breaking the rules that it checks.
const std::regex kSleep("\\b(sleep[_]for|sleep[_]until|[u]sleep|[n]anosleep)\\b");
const std::regex kOpenEnd("\\b(TO[D]O|FIX[M]E|XX[X])\\b");
const std::regex kTestName("^TEST_CASE\\(\"[^\"]*([\\[\\];][^\"]*|,)\"");
const std::regex kOpens("^(?:inline )?namespace ?([\\w:]*) ?\\{$");
const std::regex kCloses("^\\} // namespace");
const std::regex kDefines("^(?:class|struct|enum class|union) (\\w+)(?: final)?(?: :[^:].*)? \\{");
const std::regex kInclude("^\\s*#\\s*include\\s*([<\"])([^>\"]+)[>\"]");

std::optional<std::size_t> layerOf(std::string_view module) {
    auto found = std::find(kLayers.begin(), kLayers.end(), module);
    if (found == kLayers.end()) return std::nullopt;
    return static_cast<std::size_t>(found - kLayers.begin());
}

class LayoutCheck {
  public:
    explicit LayoutCheck(fs::path root) : root_(std::move(root)) {
        for (const fs::path& path : readable()) {
            files_.push_back(path);
            std::string text = path.generic_string();
            std::string_view marker = "/include/";
            if (auto at = text.find(marker); at != std::string::npos && layerOf(text.substr(0, at)))
                owner_[text.substr(at + marker.size())] = text.substr(0, at);
        }
    }

    /// Prints each violation as `file:line: [rule] what`, and returns how many there are.
    int run() {
        for (const fs::path& file : files_) checkLines(file);
        checkFolders();
        return violations_;
    }

  private:
    static bool isCode(const fs::path& path) { return path.extension() == ".h" || path.extension() == ".cpp"; }

    /// Every text file of the tree that people write, relative to the root.
    std::vector<fs::path> readable() const {
        std::vector<fs::path> found;
        for (auto entry = fs::recursive_directory_iterator(root_); entry != fs::recursive_directory_iterator();
             ++entry) {
            const std::string name = entry->path().filename().string();
            if (entry->is_directory()) {
                const bool hidden = name.starts_with('.') && name != ".ci";
                if (hidden || (entry.depth() == 0 && name.starts_with("build"))) entry.disable_recursion_pending();
                continue;
            }
            const std::string extension = entry->path().extension().string();
            const bool script = name == "dev" || name == "run" || name == "CMakeLists.txt";
            if (isCode(entry->path()) || script || extension == ".cmake" || extension == ".md" || extension == ".sh")
                found.push_back(entry->path().lexically_relative(root_));
        }
        std::sort(found.begin(), found.end());
        return found;
    }

    void checkLines(const fs::path& file) {
        const std::string module = file.begin()->string();
        const bool is_public = file.generic_string().starts_with(module + "/include/") && layerOf(module);
        std::ifstream input(root_ / file);
        std::string line;
        std::vector<std::string> namespaces;
        for (int number = 1; std::getline(input, line); ++number) {
            if (std::regex_search(line, kOpenEnd)) report(file, number, "open-end", line);
            if (!isCode(file)) continue;
            if (layerOf(module)) checkName(file, number, line, namespaces);
            if (module == "tests" && std::regex_search(line, kSleep)) report(file, number, "sleep", line);
            if (module == "tests" && std::regex_search(line, kTestName)) report(file, number, "test-name", line);
            std::smatch include;
            if (!std::regex_search(line, include, kInclude)) continue;
            if (layerOf(module)) checkLayer(file, number, module, include[2].str());
            if (is_public && !allowedInPublicHeader(include[1].str(), include[2].str()))
                report(file, number, "third-party", line);
        }
    }

    void checkName(const fs::path& file, int number, const std::string& line, std::vector<std::string>& namespaces) {
        std::smatch found;
        if (std::regex_search(line, found, kOpens)) {
            namespaces.push_back(found[1].str());
        } else if (std::regex_search(line, kCloses)) {
            if (!namespaces.empty()) namespaces.pop_back();
        } else if (std::regex_search(line, found, kDefines)) {
            std::string name = found[1].str();
            for (auto outer = namespaces.rbegin(); outer != namespaces.rend(); ++outer) {
                if (outer->empty()) return; // of this file alone
                name = *outer + "::" + name;
            }
            const auto [known, isNew] = types_.emplace(name, file);
            if (!isNew && known->second != file)
                report(file, number, "one-name", name + " is defined in " + known->second.generic_string() + " too");
        }
    }

    void checkLayer(const fs::path& file, int number, const std::string& module, const std::string& target) {
        std::string from = target.substr(0, target.find('/'));
        if (auto owner = owner_.find(target); owner != owner_.end())
            from = owner->second;
        else if (from == "rivulet")
            return report(file, number, "layer", "no module has a header <" + target + ">");
        if (target.find("../") != std::string::npos)
            return report(file, number, "layer", "a path that climbs out of its folder: " + target);
        if (auto layer = layerOf(from); layer && *layer > *layerOf(module))
            report(file, number, "layer", module + " includes " + target + " of " + from);
    }

    static bool allowedInPublicHeader(const std::string& bracket, const std::string& target) {
        if (target.starts_with("rivulet/") || target.starts_with("cereal/")) return true;
        return bracket == "<" && target.find_first_of("/.") == std::string::npos; // <vector>, but not <unistd.h>
    }

    void checkFolders() {
        std::map<fs::path, std::map<std::string, int>> count;
        for (const fs::path& file : files_)
            if (isCode(file)) ++count[file.parent_path()][file.extension().string()];
        for (const auto& [folder, extensions] : count)
            for (const auto& [extension, files] : extensions)
                if (files > kMaxFilesPerFolder)
                    report(folder, 0, "crowded",
                           std::to_string(files) + " files *" + extension + ", at most " +
                               std::to_string(kMaxFilesPerFolder) + "; the folder has found its next module");
    }

    void report(const fs::path& file, int line, std::string_view rule, std::string_view what) {
        ++violations_;
        std::cout << file.generic_string();
        if (line > 0) std::cout << ':' << line;
        std::cout << ": [" << rule << "] " << what << '\n';
    }

    fs::path root_;
    std::vector<fs::path> files_;
    std::map<std::string, std::string> owner_; // header as included -> module
    std::map<std::string, fs::path> types_;    // qualified name -> where it is defined
    int violations_ = 0;
};

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: check_layout <root of the tree>\n";
        return 2;
    }
    try {
        const int violations = LayoutCheck(argv[1]).run();
        if (violations > 0) std::cout << violations << " broken rules\n";
        return violations == 0 ? 0 : 1;
    } catch (const std::exception& error) {
        std::cerr << "check_layout: " << error.what() << '\n';
        return 2;
    }
}
