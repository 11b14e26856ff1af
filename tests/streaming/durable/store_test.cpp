#include "durable/checkpoint_store.h"
#include "durable/checksum.h"
#include "support/catch.h"
#include "support/sanitizers.h"
#include "support/temporary_directory.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/wait.h>
#include <unistd.h>

namespace rivulet::test::store_test {

using namespace rivulet::detail;
using Catch::Matchers::ContainsSubstring;
using rivulet::test::TemporaryDirectory;
namespace fs = std::filesystem;

namespace {

BatchRecord batch(std::uint64_t id) {
    return {id, Time(std::chrono::milliseconds(1000 * id)), Time(), std::chrono::seconds(1)};
}

void commit(CheckpointStore& store, std::uint64_t id) {
    Changes changes;
    changes.put(Family::state, keyOf(1, std::uint32_t(id % 3)), Stored::state, "state " + std::to_string(id));
    store.commit(std::move(changes), batch(id));
}

/// A directory with so many batches.
void make(const std::string& directory, std::uint64_t batches) {
    CheckpointStore store(directory, "test");
    store.beginEpoch({});
    for (std::uint64_t id = store.last().id + 1; id <= batches; ++id) commit(store, id);
}

std::string refusal(const std::string& directory) {
    try {
        CheckpointStore store(directory, "test");
    } catch (const RecoveryError& error) {
        return error.what();
    } catch (const CorruptionError& error) {
        return std::string("corrupt: ") + error.what();
    }
    return "none";
}

fs::path logOf(const std::string& directory) {
    fs::path last;
    for (const auto& file : fs::directory_iterator(directory + "/state"))
        if (file.path().extension() == ".log" && file.path() > last) last = file.path();
    return last;
}

void flip(const fs::path& path, std::size_t at) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(std::streamoff(at));
    const char byte = char(file.get() ^ 0x10);
    file.seekp(std::streamoff(at));
    file.put(byte);
}

} // namespace

TEST_CASE("The checksum is CRC-32C") {
    CHECK(crc32c("123456789") == 0xe3069283); // the vector of RFC 3720
    CHECK(crc32c("") == 0);
    CHECK(crc32c("456789", crc32c("123")) == crc32c("123456789"));
}

TEST_CASE("A new checkpoint directory has no batch") {
    const TemporaryDirectory directory;
    CheckpointStore store(directory / "a/b", "test");
    CHECK(store.last().id == 0);
    CHECK(store.epoch() == 0);
    CHECK(store.uuid().size() == 35);
}

TEST_CASE("What was committed is there when the directory is opened again") {
    const TemporaryDirectory directory;
    make(directory / "c", 5);
    CheckpointStore store(directory / "c", "test");
    CHECK(store.last().id == 5);
    CHECK(store.last().time == batch(5).time);
    CHECK(store.epoch() == 1);
    CHECK(store.read(Family::state, keyOf(1, 2), Stored::state) == "state 5");
    CHECK(store.read(Family::state, keyOf(1, 7), Stored::state) == std::nullopt);
    std::vector<std::string> seen;
    store.each(Family::state, keyOf(1), Stored::state,
               [&](std::string_view, std::string_view payload) { seen.emplace_back(payload); });
    CHECK(seen == std::vector<std::string>{"state 3", "state 4", "state 5"});
}

TEST_CASE("A program that is started again and again has its batches, and gathers no logs") {
    const TemporaryDirectory directory;
    for (std::uint64_t id = 1; id <= 40; ++id) make(directory / "c", id);
    const auto files = fs::directory_iterator(directory / "c/state");
    const auto logs = std::count_if(fs::begin(files), fs::end(files),
                                    [](const fs::directory_entry& file) { return file.path().extension() == ".log"; });
    CHECK(logs <= 17);
    CheckpointStore store(directory / "c", "test");
    CHECK(store.last().id == 40);
    CHECK(store.read(Family::state, keyOf(1, 39 % 3), Stored::state) == "state 39");
}

TEST_CASE("Batches are committed one after the other") {
    const TemporaryDirectory directory;
    CheckpointStore store(directory / "c", "test");
    store.beginEpoch({});
    CHECK_THROWS_WITH(store.commit({}, batch(2)), ContainsSubstring("batch 2 was to be committed after batch 0"));
}

TEST_CASE("A second process is refused, and told who the first is", "[T13]") {
    if (rivulet::test::kThreadSanitizer) return; // it allows no threads in a process that was forked
    const TemporaryDirectory directory;
    make(directory / "c", 1);
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    const pid_t holder = ::fork();
    if (holder == 0) {
        CheckpointStore store(directory / "c", "test");
        static_cast<void>(!::write(ready[1], "x", 1));
        for (;;) ::pause();
    }
    char byte;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    CHECK_THAT(refusal(directory / "c"), ContainsSubstring("is in use by process " + std::to_string(holder)) &&
                                             ContainsSubstring("one process at a time may use it"));
    ::kill(holder, SIGKILL);
    ::waitpid(holder, nullptr, 0);
    CHECK(refusal(directory / "c") == "none");
    ::close(ready[0]);
    ::close(ready[1]);
}

TEST_CASE("A directory that lacks a part is refused", "[T15]") {
    const TemporaryDirectory directory;
    const std::string path = directory / "c";
    make(path, 3);
    SECTION("the database") {
        fs::remove_all(path + "/state");
        CHECK_THAT(refusal(path), ContainsSubstring("it has IDENT, but not state/"));
    }
    SECTION("the identity") {
        fs::remove(path + "/IDENT");
        CHECK_THAT(refusal(path), ContainsSubstring("it has state, but not IDENT"));
    }
    SECTION("all but the witness") {
        fs::remove(path + "/IDENT");
        fs::remove_all(path + "/state");
        CHECK_THAT(refusal(path), ContainsSubstring("it has witness, but not IDENT"));
    }
}

TEST_CASE("A directory without its witness is gone on with") {
    const TemporaryDirectory directory;
    make(directory / "c", 3);
    fs::remove(directory / "c/witness");
    CheckpointStore store(directory / "c", "test");
    CHECK(store.last().id == 3);
}

TEST_CASE("What a kill left of the creation is finished or begun anew") {
    const TemporaryDirectory directory;
    const std::string path = directory / "c";
    make(path, 0);
    fs::remove(path + "/witness");
    fs::rename(path + "/state", path + "/creating");
    SECTION("finished where the identity was there") {
        const std::string uuid = CheckpointStore(path, "test").uuid();
        CHECK(CheckpointStore(path, "test").uuid() == uuid);
    }
    SECTION("begun anew where it was not") {
        fs::remove(path + "/IDENT");
        CHECK(refusal(path) == "none");
        CHECK_FALSE(fs::exists(path + "/creating"));
    }
}

TEST_CASE("A database of another directory is refused", "[T15]") {
    const TemporaryDirectory directory;
    make(directory / "a", 3);
    make(directory / "b", 3);
    fs::remove_all(directory / "a/state");
    fs::copy(directory / "b/state", directory / "a/state");
    CHECK_THAT(refusal(directory / "a"), ContainsSubstring("has a database that does not belong to it"));
}

TEST_CASE("An older copy of the database is refused", "[T15]") {
    const TemporaryDirectory directory;
    const std::string path = directory / "c";
    make(path, 3);
    fs::copy(path + "/state", directory / "copy");
    make(path, 7);
    fs::remove_all(path + "/state");
    fs::copy(directory / "copy", path + "/state");
    CHECK_THAT(refusal(path), ContainsSubstring("its database is at batch 3") && ContainsSubstring("batch 7 (epoch 2"));
    SECTION("unless the witness is taken away") {
        fs::remove(path + "/witness");
        CHECK(CheckpointStore(path, "test").last().id == 3);
    }
}

TEST_CASE("A format that is newer is refused before anything is read", "[T15]") {
    const TemporaryDirectory directory;
    const std::string path = directory / "c";
    make(path, 1);
    std::ofstream(path + "/IDENT", std::ios::binary)
        << "RVCHECKP" << enveloped(Stored::identity, std::string_view("\x07\0\0\0what version 7 writes", 25));
    CHECK_THAT(refusal(path), ContainsSubstring("has format 7, and this version of the library knows formats up to 1"));
}

TEST_CASE("A log that lost its end is refused", "[T5]") {
    const TemporaryDirectory directory;
    const std::string path = directory / "c";
    make(path, 20);
    const auto log = logOf(path);
    const auto size = fs::file_size(log);
    SECTION("wholly") { fs::resize_file(log, 0); }
    SECTION("half of it") { fs::resize_file(log, size / 2); }
    SECTION("the last record") { fs::resize_file(log, size - 1); }
    CHECK_THAT(refusal(path), ContainsSubstring("has lost what was committed"));
    // And again: the first look at it has not made it look sound.
    CHECK_THAT(refusal(path), ContainsSubstring("has lost what was committed"));
}

TEST_CASE("A flipped bit gives the same state, or a refusal", "[T6]") {
    const TemporaryDirectory directory;
    const std::string whole = directory / "whole";
    make(whole, 30);
    std::vector<fs::path> files;
    for (const auto& file : fs::recursive_directory_iterator(whole))
        if (file.is_regular_file() && file.path().filename() != "LOCK") files.push_back(file.path());
    std::sort(files.begin(), files.end());
    int same = 0, refused = 0;
    for (const auto& file : files) {
        const auto size = fs::file_size(file);
        if (size == 0) continue;
        for (std::size_t i = 0; i < 12; ++i) {
            const std::string copy = directory / "copy";
            fs::remove_all(copy);
            fs::copy(whole, copy, fs::copy_options::recursive);
            const std::size_t at = (size - 1) * i / 11;
            flip(copy / fs::relative(file, whole), at);
            INFO(fs::relative(file, whole) << " at " << at);
            try {
                CheckpointStore store(copy, "test");
                CHECK(store.last().id == 30);
                CHECK(store.read(Family::state, keyOf(1, 0), Stored::state) == "state 30");
                CHECK(store.read(Family::state, keyOf(1, 1), Stored::state) == "state 28");
                ++same;
            } catch (const Error&) {
                ++refused;
            }
        }
    }
    WARN("flipped bits: " << same << " gave the same state, " << refused << " were refused");
    CHECK(refused > 0);
}

} // namespace rivulet::test::store_test
