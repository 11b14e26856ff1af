#include "rivulet/serialization/object_file.h"

#include "support/rdd_harness.h"
#include "support/resident_memory.h"
#include "support/temporary_directory.h"

#include <random>

namespace rivulet::test::damaged_object_file_test {

// Object files that were cut off or changed: told, whatever the place, before much memory is asked for.

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

namespace {

using Row = std::pair<std::string, std::vector<long>>;

/// A file of three blocks, and ways to read what became of it.
struct SmallFile {
    SmallFile() {
        std::vector<Row> rows{{"a text of some length", {1, 2, 3}}, {"", {}}, {std::string(70'000, 'x'), {4}}};
        rows.push_back({std::string(70'000, 'y'), {}});
        rows.push_back({"end", {5}});
        saveAsObjectFile(sc.parallelize(rows, 1), directory / "out");
        std::ifstream file(directory / "out/part-00000", std::ios::binary);
        bytes.assign(std::istreambuf_iterator<char>(file), {});
    }
    std::string errorWith(const std::string& content) {
        const std::string path = directory.write("damaged", content);
        return errorOf<CorruptionError>([&] { objectFile<Row>(sc, path).count(); });
    }

    const TemporaryDirectory directory;
    const Context sc{"local[1]", "test"};
    std::string bytes;
};

} // namespace

TEST_CASE("a damaged object file is told with path, offset, what was expected and found") {
    SmallFile file;
    const std::string start = "object file '" + (file.directory / "damaged") + "' is damaged at byte ";
    const auto first = 8 + 8 + std::string("(string,[i64])").size(), size = file.bytes.size();
    const auto cut = [&](std::size_t at) { return file.errorWith(file.bytes.substr(0, at)); };
    CHECK(cut(0) == start + "0: expected 8 bytes of the header, found 0; write it again, or leave it out");
    CHECK(file.errorWith("text, and no object") ==
          start + "0: expected the header of an object file of version 2; write it again, or leave it out");
    CHECK(cut(first + 4) == start + std::to_string(first) +
                                ": expected 16 bytes of a block's header, found 4; write it again, or leave it out");
    CHECK_THAT(cut(first + 100), StartsWith(start + std::to_string(first + 16) + ": expected 70") &&
                                     ContainsSubstring(" bytes of a block, found 84; write it again"));
    CHECK(cut(size - 16) == start + std::to_string(size - 16) +
                                ": expected 16 bytes of a block's header, found 0; write it again, or leave it out");
    CHECK(file.errorWith(file.bytes + "more") ==
          start + std::to_string(size) + ": expected the end, found more; write it again, or leave it out");
    std::string changed = file.bytes;
    changed[first + 30] ^= 1;
    CHECK_THAT(file.errorWith(changed),
               ContainsSubstring(start + std::to_string(first + 16) + ": expected a block with checksum "));
    CHECK(file.errorWith(file.bytes) == "no error");
}

TEST_CASE("an object file that ends anywhere is told") {
    SmallFile file;
    // Every length near a boundary, and every 97th of the long texts between.
    for (std::size_t size = 0; size < file.bytes.size();
         size += size < 300 || size + 300 > file.bytes.size() ? 1 : 97) {
        const std::string error = file.errorWith(file.bytes.substr(0, size));
        if (!error.starts_with("object file '")) FAIL("cut to " << size << " bytes: " << error);
    }
}

TEST_CASE("blocks of an object file that are missing, doubled or exchanged are told") {
    SmallFile file;
    const std::size_t first = 8 + 8 + std::string("(string,[i64])").size();
    const auto sizeOf = [&](std::size_t at) {
        std::uint32_t size = 0;
        std::memcpy(&size, file.bytes.data() + at, 4);
        return 16 + std::size_t(size);
    };
    const std::size_t second = first + sizeOf(first);
    const std::string head = file.bytes.substr(0, first), one = file.bytes.substr(first, second - first);
    const std::string two = file.bytes.substr(second, sizeOf(second)), rest = file.bytes.substr(second + two.size());
    CHECK(file.errorWith(head + one + two + rest) == "no error");
    for (const std::string& changed : {head + two + rest, head + one + one + two + rest, head + two + one + rest})
        CHECK_THAT(file.errorWith(changed), ContainsSubstring(": expected a block's header with checksum "));
}

TEST_CASE("whatever bit of an object file is flipped, it is told, and takes no memory") {
    SmallFile file;
    std::mt19937_64 random(42);
    const long before = peakKiB();
    for (int round = 0; round < 2000; ++round) {
        std::string changed = file.bytes;
        // Half of them among the headers at the beginning and the end, where sizes stand.
        const std::size_t most = round % 4 == 0 ? 60 : changed.size() - 1;
        std::size_t at = random() % (most + 1);
        if (round % 4 == 2) at = changed.size() - 1 - random() % 60;
        const int bit = int(random() % 8);
        changed[at] = char(changed[at] ^ (1 << bit));
        const std::string error = file.errorWith(changed);
        if (!error.starts_with("object file '")) FAIL("seed 42, bit " << bit << " of byte " << at << ": " << error);
    }
    if (kMemoryIsOurs) CHECK(peakKiB() < before + 8 * 1024);
}

} // namespace rivulet::test::damaged_object_file_test
