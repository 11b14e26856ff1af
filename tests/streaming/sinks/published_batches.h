#pragma once

#include "support/stream_harness.h"
#include "support/temporary_directory.h"

#include <filesystem>
#include <map>

namespace rivulet::test {

inline std::string contentOf(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// What a reader sees of the batches of a sink: the lines of each, without a look at how the library writes them.
inline std::map<long, std::vector<std::string>> publishedBatches(const std::string& directory, const std::string& uid) {
    namespace fs = std::filesystem;
    std::map<long, std::vector<std::string>> batches;
    if (!fs::exists(directory)) return batches;
    for (const auto& entry : fs::directory_iterator(directory)) {
        const std::string name = entry.path().filename().string();
        if (!name.starts_with(uid + "-")) continue;
        auto& lines = batches[std::stol(name.substr(uid.size() + 1))];
        std::size_t parts = 0;
        for (const auto& part : fs::directory_iterator(entry.path())) {
            if (part.path().filename().string().starts_with("part-")) ++parts;
        }
        std::ifstream manifest(entry.path() / "_manifest");
        std::string line;
        while (std::getline(manifest, line)) {
            if (!line.starts_with("part-")) continue;
            const fs::path part = entry.path() / line.substr(0, 10);
            if (std::to_string(fs::file_size(part)) != line.substr(11, line.rfind(' ') - 11))
                lines.push_back(part.string() + " has another size than its manifest says");
            std::ifstream in(part);
            for (std::string text; std::getline(in, text);) lines.push_back(text);
            --parts;
        }
        if (parts != 0) lines.push_back(name + " has parts that are not in its manifest");
    }
    return batches;
}

} // namespace rivulet::test
