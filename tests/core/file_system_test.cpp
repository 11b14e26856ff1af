#include "rivulet/file_system.h"

#include "rivulet/error.h"
#include "support/catch.h"
#include "support/temporary_directory.h"

#include <atomic>
#include <sys/stat.h>
#include <thread>

namespace rivulet::test::file_system_test {

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using rivulet::test::TemporaryDirectory;

namespace {

/// The text of the error of type `E` that `call` throws, without the place of the call.
template <class E, class Call> std::string errorText(Call call) {
    try {
        call();
    } catch (const E& error) {
        const std::string text = error.what();
        return text.substr(0, text.rfind(" [at "));
    }
    return "no error";
}

std::shared_ptr<FileSystem> local() { return FileSystem::forUri("/"); }

/// The paths of `files` below the directory, joined by blanks.
std::string names(const std::vector<FileStatus>& files, const TemporaryDirectory& directory) {
    std::string text;
    for (const FileStatus& file : files) {
        REQUIRE_THAT(file.path, StartsWith(directory.path()));
        text += (text.empty() ? "" : " ") + file.path.substr(directory.path().size() + 1);
    }
    return text;
}

std::string readAll(const std::string& path) {
    const auto file = local()->openRead(path);
    std::string content(file->sizeBytes() + 10, '\0');
    content.resize(file->readAt(0, content));
    return content;
}

} // namespace

TEST_CASE("a URI's scheme chooses the file system, and what follows is the path") {
    CHECK(FileSystem::schemeOf("/a/b") == "");
    CHECK(FileSystem::schemeOf("a:b") == "");
    CHECK(FileSystem::schemeOf("FILE:///a") == "file");
    CHECK(FileSystem::schemeOf("s3a://bucket/x") == "s3a");
    CHECK(FileSystem::schemeOf("/a://b") == "");
    CHECK(FileSystem::pathOf("/a/b") == "/a/b");
    CHECK(FileSystem::pathOf("file:///a/b") == "/a/b");
    CHECK(FileSystem::pathOf("file:/a/b") == "/a/b");
    CHECK(FileSystem::pathOf("file://localhost/a") == "/a");
    CHECK(FileSystem::pathOf("s3://bucket/x") == "bucket/x");
    CHECK(FileSystem::pathOf("a:b") == "a:b");
    CHECK(FileSystem::forUri("x") == FileSystem::forUri("file:///x"));
}

TEST_CASE("wrong URIs are refused with advice") {
    CHECK(
        errorText<UsageError>([] { FileSystem::forUri("s9://b/x"); }) ==
        "no file system for the scheme 's9' of 's9://b/x'; registered are: file. FileSystem::registerScheme adds one");
    CHECK(errorText<UsageError>([] { FileSystem::pathOf("file://data/x"); }) ==
          "'file://data/x' names the host 'data'; a file URI has none: write file:/// and an absolute path, or a plain "
          "path");
    CHECK(errorText<UsageError>([] { FileSystem::registerScheme("3s", local()); }) ==
          "'3s' is no scheme: it must be a letter, then letters, digits, '+', '-' or '.', for example 's3'");
    CHECK(errorText<UsageError>([] { FileSystem::registerScheme("s3", nullptr); }) ==
          "the file system for the scheme 's3' is null; pass an object");
    CHECK(errorText<UsageError>([] { local()->removeAll("//"); }) ==
          "removeAll('//'): the root of the file system is not removed; name a directory in it");
}

TEST_CASE("a registered scheme is found, and its inputs keep it") {
    const TemporaryDirectory directory;
    directory.write("d/a", "1");
    FileSystem::registerScheme("Mem2", local());
    CHECK(FileSystem::forUri("mem2://x") == local());
    const auto files = expandInput("mem2://" + directory / "d");
    REQUIRE(files.size() == 1);
    CHECK(files[0].path == "mem2://" + directory / "d/a");
    CHECK_THAT(errorText<UsageError>([] { expandInput("mem2://"); }),
               StartsWith("the input 'mem2://' names no path; write one after the scheme"));
}

TEST_CASE("status tells files from directories and from nothing") {
    const TemporaryDirectory directory;
    const auto path = directory.write("f", "hello");
    const auto status = local()->status(path);
    REQUIRE(status);
    CHECK(status->path == path);
    CHECK(status->sizeBytes == 5);
    CHECK_FALSE(status->isDirectory);
    CHECK(status->modified > std::chrono::sys_days(std::chrono::year(2020) / 1 / 1));
    CHECK(local()->status(directory.path())->isDirectory);
    CHECK_FALSE(local()->status(directory / "absent"));
    CHECK_FALSE(local()->exists(path + "/below-a-file"));
    CHECK_FALSE(local()->exists(directory / std::string(300, 'x')));
}

TEST_CASE("list is sorted and shows broken links") {
    const TemporaryDirectory directory;
    for (const char* name : {"b", "a", ".hidden", "c/inner"}) directory.write(name, "x");
    std::filesystem::create_symlink(directory / "nowhere", directory / "link");
    std::filesystem::create_symlink(directory / "loop", directory / "loop");
    CHECK(names(local()->list(directory.path()), directory) == ".hidden a b c link loop");
    CHECK(names(local()->list(directory.path() + "/"), directory) == ".hidden a b c link loop");
    CHECK(errorText<IoError>([&] { local()->list(directory / "absent"); }) ==
          "cannot list '" + directory / "absent" +
              "': No such file or directory (errno 2); check the path and that the directories above it exist");
}

TEST_CASE("what was written is read back at any offset") {
    const TemporaryDirectory directory;
    std::string content;
    for (int i = 0; i < 40000; ++i) content += std::to_string(i) + "\n";
    {
        const auto file = local()->openWrite(directory / "f");
        file->write("");
        file->write(content.substr(0, 10));
        file->write(content.substr(10, 100000));
        file->sync();
        for (std::size_t at = 100010; at < content.size(); at += 999)
            file->write(std::string_view(content).substr(at, 999));
        file->close();
        file->close();
        CHECK(errorText<UsageError>([&] { file->write("more"); }) ==
              "'" + directory / "f" + "' is closed and cannot be written to; open it again, which empties it");
    }
    CHECK(readAll(directory / "f") == content);
    const auto file = local()->openRead(directory / "f");
    CHECK(file->sizeBytes() == content.size());
    file->willNeed(100, 1000);
    std::string part(50, '\0');
    CHECK(file->readAt(1000, part) == 50);
    CHECK(part == content.substr(1000, 50));
    CHECK(file->readAt(content.size() - 7, part) == 7);
    CHECK(file->readAt(content.size() + 100, part) == 0);
    local()->openWrite(directory / "f")->close();
    CHECK(readAll(directory / "f").empty());
}

TEST_CASE("one file may be read by several threads") {
    const TemporaryDirectory directory;
    std::string content(1 << 18, '\0');
    for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>('a' + i % 23);
    const std::shared_ptr<InputFile> file = local()->openRead(directory.write("f", content));
    std::atomic<int> mistakes = 0;
    {
        std::vector<std::jthread> threads;
        for (std::size_t t = 0; t < 4; ++t) {
            threads.emplace_back([&, t] {
                std::string part(1 << 16, '\0');
                file->readAt(t << 16, part);
                mistakes += part != content.substr(t << 16, 1 << 16);
            });
        }
    }
    CHECK(mistakes == 0);
}

TEST_CASE("a file that was not closed is flushed in its destructor") {
    const TemporaryDirectory directory;
    local()->openWrite(directory / "f")->write("left open");
    CHECK(readAll(directory / "f") == "left open");
}

TEST_CASE("errors name path, errno and advice") {
    const TemporaryDirectory directory;
    const std::string notThere =
        "': No such file or directory (errno 2); check the path and that the directories above it exist";
    CHECK(errorText<IoError>([&] { local()->openRead(directory / "x"); }) ==
          "cannot open '" + directory / "x' for reading: " + notThere.substr(3));
    CHECK(errorText<IoError>([&] { local()->openWrite(directory / "x/y"); }) ==
          "cannot open '" + directory / "x/y' for writing: " + notThere.substr(3));
    CHECK(errorText<IoError>([&] { local()->openRead(directory.path()); }) ==
          "cannot open '" + directory.path() + "' for reading: Is a directory (errno 21); name a file in it");
    CHECK(errorText<IoError>([&] { local()->openWrite(directory.path()); }) ==
          "cannot open '" + directory.path() + "' for writing: Is a directory (errno 21); name a file in it");
    CHECK(errorText<IoError>([] { local()->openRead("no/such"); }) ==
          "cannot open 'no/such' for reading: No such file or directory (errno 2); check the path (looked for in " +
              std::filesystem::current_path().string() + ") and that the directories above it exist");
    CHECK(errorText<IoError>([&] { local()->rename(directory / "x", directory / "y"); }) ==
          "cannot rename '" + directory / "x' to '" + directory / "y" + notThere);
    const auto file = directory.write("file", "");
    CHECK_THAT(errorText<IoError>([&] { local()->createDirectories(file + "/d"); }),
               ContainsSubstring("cannot create the directory '" + file + "/d': Not a directory (errno 20)"));
}

TEST_CASE("a pipe is refused at once instead of waiting for a writer") {
    const TemporaryDirectory directory;
    REQUIRE(::mkfifo((directory / "pipe").c_str(), 0600) == 0);
    CHECK(errorText<IoError>([&] { local()->openRead(directory / "pipe"); }) ==
          "cannot open '" + directory / "pipe" +
              "' for reading: it is not a regular file, and a pipe or device cannot be read in parts; copy it to a "
              "file first");
}

TEST_CASE("a full device is reported by the call that notices, and again by close") {
    const std::string full = "cannot write to '/dev/full': No space left on device (errno 28); free some space on the "
                             "device, or write elsewhere";
    const auto buffered = local()->openWrite("/dev/full");
    buffered->write("little");
    CHECK(errorText<IoError>([&] { buffered->close(); }) == full);
    CHECK(errorText<IoError>([&] { buffered->close(); }) == full);
    const auto direct = local()->openWrite("/dev/full");
    CHECK(errorText<IoError>([&] { direct->write(std::string(100000, 'x')); }) == full);
    CHECK(errorText<IoError>([&] { direct->write("x"); }) == full);
    CHECK(errorText<IoError>([&] { direct->sync(); }) == full);
    CHECK(errorText<IoError>([&] { direct->close(); }) == full);
}

TEST_CASE("rename replaces, createDirectories and removeAll may be repeated") {
    const TemporaryDirectory directory;
    directory.write("a", "new");
    directory.write("b", "old");
    local()->rename(directory / "a", directory / "b");
    CHECK(readAll(directory / "b") == "new");
    CHECK_FALSE(local()->exists(directory / "a"));
    local()->createDirectories(directory / "x/y/z");
    local()->createDirectories(directory / "x/y/z");
    directory.write("x/y/f", "1");
    std::filesystem::create_directory_symlink(directory / "x", directory / "link");
    local()->removeAll(directory / "link");
    CHECK(local()->exists(directory / "x/y/f"));
    local()->removeAll(directory / "x");
    local()->removeAll(directory / "x");
    CHECK_FALSE(local()->exists(directory / "x"));
}

TEST_CASE("a name matches a pattern") {
    using detail::matchesGlob;
    CHECK(matchesGlob("*", ""));
    CHECK(matchesGlob("a*c*e", "abcde"));
    CHECK(matchesGlob("*.txt", "a.txt.txt"));
    CHECK_FALSE(matchesGlob("*.txt", "a.txt.gz"));
    CHECK(matchesGlob("?", "x"));
    CHECK(matchesGlob("?", "\u00e9"));
    CHECK_FALSE(matchesGlob("?", ""));
    CHECK(matchesGlob("part-[0-9][0-9]", "part-07"));
    CHECK_FALSE(matchesGlob("part-[0-9]", "part-x"));
    CHECK(matchesGlob("[!a-c]x", "dx"));
    CHECK_FALSE(matchesGlob("[^a-c]x", "bx"));
    CHECK(matchesGlob("[]x]", "]"));
    CHECK(matchesGlob("[a-]", "-"));
    CHECK(matchesGlob("[\u00e0-\u00e9]", "\u00e8"));
    CHECK(matchesGlob("[\\]]", "]"));
    CHECK(matchesGlob("[ab", "[ab"));
    CHECK(matchesGlob("\\*", "*"));
    CHECK_FALSE(matchesGlob("\\*", "a"));
    CHECK(matchesGlob("a\\", "a\\"));
    CHECK_FALSE(matchesGlob("a*a*a*a*a*a*a*a*b", std::string(200, 'a')));
}

TEST_CASE("glob walks directories, expands braces and sorts") {
    const TemporaryDirectory directory;
    for (const char* name :
         {"2024/01/b.txt", "2024/01/a.txt", "2024/02/a.txt", "2025/01/a.log", "top{1}", "star*", "starry"})
        directory.write(name, "x");
    const auto glob = [&](const std::string& pattern) { return names(local()->glob(directory / pattern), directory); };
    CHECK(glob("*/*/*.txt") == "2024/01/a.txt 2024/01/b.txt 2024/02/a.txt");
    CHECK(glob("202[45]/01/a.*") == "2024/01/a.txt 2025/01/a.log");
    CHECK(glob("{2025,2024}/{01/a,02/a}.{txt,log}") == "2024/01/a.txt 2024/02/a.txt 2025/01/a.log");
    CHECK(glob("{2024/{01,02},2025/01}") == "2024/01 2024/02 2025/01");
    CHECK(glob("{2024,2024}") == "2024");
    CHECK(glob("*/01") == "2024/01 2025/01");
    CHECK(glob("starry/*") == "");
    CHECK(glob("absent/*") == "");
    CHECK(glob("star\\*") == "star*");
    CHECK(glob("top\\{1\\}") == "top{1}");
    CHECK(glob("top{1") == "");
}

TEST_CASE("an input is files, directories and patterns, without hidden names") {
    const TemporaryDirectory directory;
    for (const char* name : {"d/b", "d/a", "d/_SUCCESS", "d/.crc", "d/_temporary/x", "e/part-1", "e/part-0", "e/_log",
                             "a,b", "odd[1]", "f"})
        directory.write(name, "12");
    std::filesystem::create_directory(directory / "empty");
    const auto expand = [&](const std::string& uris) { return names(expandInput(uris), directory); };
    CHECK(expand(directory / "d") == "d/a d/b");
    CHECK(expand("file://" + directory / "e/*") == "e/part-0 e/part-1");
    CHECK(expand(directory / "f" + "," + directory / "d" + ", " + directory / "e/part-?") ==
          "f d/a d/b e/part-0 e/part-1");
    CHECK(expand(directory / "{e,d}") == "d/a d/b e/part-0 e/part-1");
    CHECK(expand(directory / "e/_*") == "e/_log");
    CHECK(expand(directory / "e/_log") == "e/_log");
    CHECK(expand(directory / "a,b") == "a,b");
    CHECK(expand(directory / "a\\,b") == "a,b");
    CHECK(expand(directory / "odd[1]") == "odd[1]");
    CHECK(expand(directory / "empty") == "");
    CHECK(expandInput(directory / "f").at(0).sizeBytes == 2);
    std::string many = directory / "f";
    for (int i = 0; i < 200; ++i) many += "," + directory / "f";
    CHECK(expandInput(many).size() == 201);
}

TEST_CASE("an input that is not there, or not flat, is an error that says so") {
    const TemporaryDirectory directory;
    directory.write("d/sub/x", "1");
    directory.write("h/_x", "1");
    CHECK(errorText<IoError>([&] { expandInput(directory / "no"); }) ==
          "Input path does not exist: " + directory / "no" +
              "; check the spelling, or create it before the job starts");
    CHECK(errorText<IoError>([] { expandInput("no/such"); }) ==
          "Input path does not exist: no/such (looked for in " + std::filesystem::current_path().string() +
              "); check the spelling, or create it before the job starts");
    CHECK(errorText<IoError>([&] { expandInput(directory / "*.txt"); }) ==
          "Input pattern " + directory / "*.txt" + " matches 0 files; names that begin with '.' or '_' do not count");
    CHECK_THAT(errorText<IoError>([&] { expandInput(directory / "h/*"); }), ContainsSubstring("matches 0 files"));
    CHECK(errorText<IoError>([&] { expandInput(directory / "d"); }) ==
          "Path: " + directory / "d/sub" + " is a directory, which is not supported inside the input directory " +
              directory / "d" + "; name the directories that hold the files, or write a pattern such as '" +
              directory / "d/*/*" + "'");
    CHECK(errorText<UsageError>([&] { expandInput(""); }) ==
          "an empty name in the input ''; write paths separated by single commas");
    CHECK(errorText<UsageError>([&] { expandInput(",b"); }).substr(0, 13) == "an empty name");
}

} // namespace rivulet::test::file_system_test
