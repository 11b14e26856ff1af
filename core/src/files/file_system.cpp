#include "rivulet/file_system.h"

#include "base/io_error.h"
#include "rivulet/error.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>

namespace rivulet {
namespace {

constexpr std::string_view kWildcards = "*?[{\\";

struct Registry {
    std::mutex mutex;
    std::map<std::string, std::shared_ptr<FileSystem>> fileSystems{{"file", detail::makeLocalFileSystem()}};
};

Registry& registry() {
    static Registry instance;
    return instance;
}

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return result;
}

bool isScheme(std::string_view text) {
    const auto isLetter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    return !text.empty() && isLetter(text.front()) && std::ranges::all_of(text, [&](char c) {
        return isLetter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    });
}

// The length of "scheme://", or of the "file:" in "file:/path"; 0 without a scheme. A bare colon makes no scheme: "a:b"
// is a file.
std::size_t schemePrefix(std::string_view uri) {
    const auto colon = uri.find(':');
    if (colon == uri.npos || !isScheme(uri.substr(0, colon))) return 0;
    if (uri.substr(colon).starts_with("://")) return colon + 3;
    return lower(uri.substr(0, colon)) == "file" && uri.substr(colon).starts_with(":/") ? colon + 1 : 0;
}

std::string_view nameOf(std::string_view path) {
    const auto slash = path.rfind('/');
    return slash == path.npos ? path : path.substr(slash + 1);
}

bool isHidden(std::string_view name) { return name.starts_with('.') || name.starts_with('_'); }

std::string join(const std::string& directory, std::string_view name) {
    const bool needsSlash = !directory.empty() && !directory.ends_with('/');
    return directory + (needsSlash ? "/" : "") + std::string(name);
}

// Splits at commas that stand in no braces and are not escaped.
std::vector<std::string> splitOutsideBraces(std::string_view text) {
    std::vector<std::string> parts(1);
    int depth = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) {
            parts.back() += text[i++];
        } else if (text[i] == ',' && depth == 0) {
            parts.emplace_back();
            continue;
        } else {
            depth += text[i] == '{';
            depth -= text[i] == '}' && depth > 0;
        }
        parts.back() += text[i];
    }
    return parts;
}

// The position of the brace that closes the one at `open`; npos if there is none, and then the brace is a plain
// character.
std::size_t closingBrace(std::string_view pattern, std::size_t open) {
    int depth = 0;
    for (std::size_t i = open; i < pattern.size(); ++i) {
        if (pattern[i] == '\\')
            ++i;
        else if (pattern[i] == '{')
            ++depth;
        else if (pattern[i] == '}' && --depth == 0)
            return i;
    }
    return std::string_view::npos;
}

void expandBraces(const std::string& pattern, std::size_t from, std::vector<std::string>& expanded) {
    for (std::size_t i = from; i < pattern.size(); ++i) {
        if (pattern[i] == '\\') {
            ++i;
        } else if (pattern[i] == '{') {
            const auto close = closingBrace(pattern, i);
            if (close == std::string::npos) continue;
            for (const std::string& choice : splitOutsideBraces(std::string_view(pattern).substr(i + 1, close - i - 1)))
                expandBraces(pattern.substr(0, i) + choice + pattern.substr(close + 1), i, expanded);
            return;
        }
    }
    expanded.push_back(pattern);
}

// Without its backslashes: for the names of a pattern that have no wildcard.
std::string unescaped(std::string_view name) {
    std::string result;
    for (std::size_t i = 0; i < name.size(); ++i) {
        i += name[i] == '\\' && i + 1 < name.size();
        result += name[i];
    }
    return result;
}

bool hasWildcard(std::string_view name) {
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] == '\\')
            ++i;
        else if (name[i] == '*' || name[i] == '?' || name[i] == '[')
            return true;
    }
    return false;
}

std::size_t characterLength(std::string_view text) {
    std::size_t length = 1;
    while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) ++length;
    return length;
}

// Whether the set that begins after '[' holds the character; `pattern` is moved behind ']'. Nothing if the set has no
// end.
std::optional<bool> takeSet(std::string_view& pattern, std::string_view character) {
    std::string_view rest = pattern;
    const bool isNegated = rest.starts_with('!') || rest.starts_with('^');
    rest.remove_prefix(isNegated);
    const auto take = [&] {
        if (rest.front() == '\\' && rest.size() > 1) rest.remove_prefix(1);
        const std::string_view taken = rest.substr(0, characterLength(rest));
        rest.remove_prefix(taken.size());
        return taken;
    };
    bool isHeld = false;
    bool isFirst = true;
    while (!rest.empty() && (isFirst || rest.front() != ']')) {
        isFirst = false;
        const std::string_view low = take();
        std::string_view high = low;
        if (rest.size() > 1 && rest[0] == '-' && rest[1] != ']') {
            rest.remove_prefix(1);
            high = take();
        }
        // UTF-8 sorts by bytes as by code points.
        isHeld |= low <= character && character <= high;
    }
    if (rest.empty()) return std::nullopt;
    pattern = rest.substr(1);
    return isHeld != isNegated;
}

std::string missingInput(const std::string& path) {
    std::string message = "Input path does not exist: " + path;
    std::error_code ignored;
    if (!path.starts_with('/') && schemePrefix(path) == 0)
        message += " (looked for in " + std::filesystem::current_path(ignored).string() + ")";
    return message + "; check the spelling, or create it before the job starts";
}

// One entry of the list: a file, a directory or a pattern.
void expandEntry(const std::string& uri, std::vector<FileStatus>& files, std::source_location where) {
    const auto fileSystem = FileSystem::forUri(uri, where);
    const std::string scheme = FileSystem::schemeOf(uri);
    const std::string origin = scheme.empty() || scheme == "file" ? "" : scheme + "://";
    const std::string path = FileSystem::pathOf(uri, where);
    if (path.empty()) throw UsageError("the input '" + uri + "' names no path; write one after the scheme", where);
    const auto addFile = [&](FileStatus file) {
        file.path = origin + file.path;
        files.push_back(std::move(file));
    };
    const auto addDirectory = [&](const std::string& directory) {
        for (FileStatus& entry : fileSystem->list(directory)) {
            if (isHidden(nameOf(entry.path))) continue;
            if (entry.isDirectory)
                throw IoError("Path: " + origin + entry.path +
                              " is a directory, which is not supported inside the input directory " + origin +
                              directory + "; name the directories that hold the files, or write a pattern such as '" +
                              origin + join(directory, "*/*") + "'");
            addFile(std::move(entry));
        }
    };
    if (auto status = fileSystem->status(path)) {
        if (status->isDirectory)
            addDirectory(path);
        else
            addFile(std::move(*status));
        return;
    }
    if (path.find_first_of(kWildcards) == path.npos) throw IoError(missingInput(origin + path));
    const std::string_view lastName = nameOf(path);
    bool isMatched = false;
    for (FileStatus& match : fileSystem->glob(path)) {
        const std::string_view name = nameOf(match.path);
        if (isHidden(name) && !lastName.starts_with(name.front())) continue;
        isMatched = true;
        if (match.isDirectory)
            addDirectory(match.path);
        else
            addFile(std::move(match));
    }
    if (!isMatched)
        throw IoError("Input pattern " + origin + path +
                      " matches 0 files; names that begin with '.' or '_' do not count");
}

} // namespace

void InputFile::willNeed(std::uint64_t, std::uint64_t) noexcept {}

void FileSystem::syncDirectory(const std::string&) {}

std::shared_ptr<FileSystem> FileSystem::forUri(std::string_view uri, Where where) {
    const std::string given = schemeOf(uri);
    const std::string scheme = given.empty() ? "file" : given;
    Registry& known = registry();
    const std::lock_guard lock(known.mutex);
    if (const auto found = known.fileSystems.find(scheme); found != known.fileSystems.end()) return found->second;
    std::string names;
    for (const auto& [name, fileSystem] : known.fileSystems) names += (names.empty() ? "" : ", ") + name;
    throw UsageError("no file system for the scheme '" + scheme + "' of '" + std::string(uri) +
                         "'; registered are: " + names + ". FileSystem::registerScheme adds one",
                     where);
}

void FileSystem::registerScheme(std::string_view scheme, std::shared_ptr<FileSystem> fileSystem, Where where) {
    if (!isScheme(scheme))
        throw UsageError(
            "'" + std::string(scheme) +
                "' is no scheme: it must be a letter, then letters, digits, '+', '-' or '.', for example 's3'",
            where);
    if (!fileSystem)
        throw UsageError("the file system for the scheme '" + std::string(scheme) + "' is null; pass an object", where);
    Registry& known = registry();
    const std::lock_guard lock(known.mutex);
    // The replaced one is destroyed with the parameter, after the lock is gone.
    known.fileSystems[lower(scheme)].swap(fileSystem);
}

std::string FileSystem::schemeOf(std::string_view uri) {
    return schemePrefix(uri) == 0 ? std::string() : lower(uri.substr(0, uri.find(':')));
}

std::string FileSystem::pathOf(std::string_view uri, Where where) {
    std::string_view path = uri.substr(schemePrefix(uri));
    if (schemeOf(uri) != "file" || path.starts_with('/')) return std::string(path);
    const std::string_view host = path.substr(0, path.find('/'));
    if (host != "localhost")
        throw UsageError("'" + std::string(uri) + "' names the host '" + std::string(host) +
                             "'; a file URI has none: write file:/// and an absolute path, or a plain path",
                         where);
    return std::string(path.substr(host.size()));
}

std::vector<FileStatus> FileSystem::glob(const std::string& pattern) {
    std::vector<std::string> patterns;
    expandBraces(pattern, 0, patterns);
    std::map<std::string, FileStatus> found;
    for (const std::string& one : patterns) {
        // What the names so far lead to; what a list has told of it, or nothing yet where the last name was a plain
        // one.
        std::map<std::string, std::optional<FileStatus>> reached;
        reached[one.starts_with('/') ? "/" : ""];
        for (std::size_t at = 0; (at = one.find_first_not_of('/', at)) != one.npos;) {
            const std::string_view name = std::string_view(one).substr(at, one.find('/', at) - at);
            at += name.size();
            std::map<std::string, std::optional<FileStatus>> next;
            for (auto& [base, known] : reached) {
                if (!hasWildcard(name)) {
                    next[join(base, unescaped(name))];
                    continue;
                }
                const auto directory = known || base.empty() ? known : status(base);
                if (!base.empty() && (!directory || !directory->isDirectory)) continue;
                for (FileStatus& entry : list(base)) {
                    const std::string_view entryName = nameOf(entry.path);
                    if (detail::matchesGlob(name, entryName))
                        next.insert_or_assign(join(base, entryName), std::move(entry));
                }
            }
            reached = std::move(next);
        }
        for (auto& [path, known] : reached) {
            if (auto match = known ? std::move(known) : status(path)) {
                match->path = path;
                found.insert_or_assign(path, std::move(*match));
            }
        }
    }
    std::vector<FileStatus> matches;
    for (auto& [path, match] : found) matches.push_back(std::move(match));
    return matches;
}

bool detail::matchesGlob(std::string_view pattern, std::string_view name) {
    // On a mismatch go back to the last '*' and let it take one character more: linear space, no recursion.
    std::string_view patternAfterStar;
    std::string_view nameAfterStar;
    bool hasStar = false;
    while (true) {
        bool isMatch = false;
        if (pattern.starts_with('*')) {
            pattern.remove_prefix(1);
            patternAfterStar = pattern;
            nameAfterStar = name;
            hasStar = true;
            continue;
        }
        if (name.empty() && pattern.empty()) return true;
        if (!name.empty() && !pattern.empty()) {
            const std::string_view character = name.substr(0, characterLength(name));
            std::string_view rest = pattern.substr(1);
            std::optional<bool> inSet;
            if (pattern.front() == '?') {
                isMatch = true;
            } else if (pattern.front() == '[' && (inSet = takeSet(rest, character))) {
                isMatch = *inSet;
            } else {
                std::string_view literal = pattern;
                if (literal.front() == '\\' && literal.size() > 1) literal.remove_prefix(1);
                const std::string_view wanted = literal.substr(0, characterLength(literal));
                isMatch = wanted == character;
                rest = literal.substr(wanted.size());
            }
            if (isMatch) {
                pattern = rest;
                name.remove_prefix(character.size());
            }
        }
        if (isMatch) continue;
        if (!hasStar || nameAfterStar.empty()) return false;
        nameAfterStar.remove_prefix(characterLength(nameAfterStar));
        name = nameAfterStar;
        pattern = patternAfterStar;
    }
}

std::vector<FileStatus> expandInput(std::string_view uris, std::source_location where) {
    std::vector<FileStatus> files;
    // A single file whose name holds a comma is that file.
    if (!uris.empty() && uris.find(',') != uris.npos &&
        FileSystem::forUri(uris, where)->exists(FileSystem::pathOf(uris, where))) {
        expandEntry(std::string(uris), files, where);
        return files;
    }
    for (const std::string& entry : splitOutsideBraces(uris)) {
        const auto begin = entry.find_first_not_of(' ');
        if (begin == entry.npos)
            throw UsageError("an empty name in the input '" + std::string(uris) +
                                 "'; write paths separated by single commas",
                             where);
        expandEntry(entry.substr(begin, entry.find_last_not_of(' ') - begin + 1), files, where);
    }
    return files;
}

} // namespace rivulet
