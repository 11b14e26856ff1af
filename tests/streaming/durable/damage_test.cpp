#include "durable/checkpoint_store.h"
#include "streaming/durable/fault_file_system.h"
#include "support/catch.h"
#include "support/temporary_directory.h"

#include <filesystem>
#include <functional>

namespace rivulet::test::damage_test {

// Bytes that are lost, damaged or foreign: what comes of it is the same state, or a refusal, and never another state.

using namespace rivulet::detail;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kBatches = 12;

/// Batches with their states, and before each a block that was received and acknowledged; that of the last one is not
/// used yet.
void make(const std::string& directory, std::size_t blockBytes = 100) {
    CheckpointStore store(directory, "test", std::make_shared<FaultFileSystem>());
    store.beginEpoch({});
    for (std::uint64_t id = 1; id <= kBatches; ++id) {
        store.writeAhead({{Family::received, blockKey(7, id), Stored::received, std::string(blockBytes, char('a' + id)),
                           std::string_view("block")}});
        Changes changes;
        changes.put(Family::state, keyOf(1, std::uint32_t(id % 3)), Stored::state, "state " + std::to_string(id));
        changes.erase(Family::received, blockKey(7, id - 1));
        store.commit(std::move(changes), {id, Time(std::chrono::seconds(id)), Time(), std::chrono::seconds(1)});
    }
}

/// Whether the directory is used; then all that was acknowledged is in it.
bool isUsed(const std::string& directory) {
    std::optional<CheckpointStore> opened;
    try {
        opened.emplace(directory, "test", std::make_shared<FaultFileSystem>());
        const CheckpointStore& store = *opened;
        bool same = store.last().id == kBatches && store.epoch() == 1;
        for (std::uint64_t id = kBatches - 2; id <= kBatches; ++id)
            same = same && store.read(Family::state, keyOf(1, std::uint32_t(id % 3)), Stored::state) ==
                               "state " + std::to_string(id);
        std::size_t blocks = 0;
        store.each(Family::received, "", Stored::received, [&](std::string_view key, std::string_view payload) {
            same =
                same && key == blockKey(7, kBatches) && payload.ends_with(char('a' + kBatches) + std::string("block"));
            ++blocks;
        });
        CHECK(same);
        CHECK(blocks == 1);
        return true;
    } catch (const Error&) {
        return false;
    }
}

fs::path logOf(const std::string& directory) {
    fs::path last;
    for (const auto& file : fs::directory_iterator(directory + "/state"))
        if (file.path().extension() == ".log" && file.path() > last) last = file.path();
    return last;
}
std::string contentOfFile(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

struct Outcomes {
    int same = 0, refused = 0;
};

/// Each case changes the content of one file of a copy.
class Damage {
  public:
    Damage(const TemporaryDirectory& directory, const std::string& whole) : copy_(directory / "copy"), whole_(whole) {}

    void change(const fs::path& file, const std::string& content) {
        fs::remove_all(copy_);
        fs::copy(whole_, copy_, fs::copy_options::recursive);
        std::ofstream(copy_ / fs::relative(file, whole_), std::ios::binary) << content;
        ++(isUsed(copy_.string()) ? outcomes.same : outcomes.refused);
    }
    Outcomes outcomes;

  private:
    const fs::path copy_;
    const std::string whole_;
};

/// All damages of the log, at every `step`-th byte.
void damageLog(std::size_t step) {
    const TemporaryDirectory directory;
    make(directory / "whole");
    const fs::path log = logOf(directory / "whole");
    const std::string content = contentOfFile(log);
    REQUIRE(content.size() > 2000);

    Damage cut(directory, directory / "whole");
    for (std::size_t at = 0; at < content.size(); at += step) {
        INFO("cut at byte " << at << " of " << content.size());
        cut.change(log, content.substr(0, at));
    }
    CHECK(cut.outcomes.same == 0); // each byte of it was acknowledged

    Damage flipped(directory, directory / "whole");
    for (std::size_t at = 0; at < content.size(); at += step)
        for (const int bit : {0, 3, 7}) {
            INFO("bit " << bit << " of byte " << at << " is flipped");
            std::string damaged = content;
            damaged[at] = char(damaged[at] ^ (1 << bit));
            flipped.change(log, damaged);
        }

    Damage zeroed(directory, directory / "whole");
    for (std::size_t at = 0; at < content.size(); at += 64 * step) {
        INFO("zeros from byte " << at << " on");
        std::string damaged = content;
        damaged.replace(at, std::min<std::size_t>(512, damaged.size() - at),
                        std::min<std::size_t>(512, damaged.size() - at), '\0');
        zeroed.change(log, damaged);
    }
    CHECK(zeroed.outcomes.same == 0);

    Damage appended(directory, directory / "whole");
    std::mt19937_64 random(20261121);
    for (std::size_t i = 0; i < 200 / step; ++i) {
        std::string garbage(1 + random() % 300, '\0');
        for (char& byte : garbage) byte = char(random());
        if (i % 7 == 0) garbage.assign(garbage.size(), '\0');
        INFO("garbage " << i);
        appended.change(log, content + garbage);
    }
    CHECK(appended.outcomes.same > 0); // it was never acknowledged

    WARN("damages of the log: " << cut.outcomes.refused << " cuts, " << flipped.outcomes.same + flipped.outcomes.refused
                                << " flips, " << zeroed.outcomes.refused << " zeros, "
                                << appended.outcomes.same + appended.outcomes.refused << " tails ("
                                << appended.outcomes.same << " ignored)");
}

/// Random bits of every file, of a database that has tables too.
void flipEverywhere(int flips) {
    const TemporaryDirectory directory;
    const std::string whole = directory / "whole";
    make(whole);
    CheckpointStore(whole, "test").compact();
    std::vector<fs::path> files;
    for (const auto& file : fs::recursive_directory_iterator(whole))
        if (file.is_regular_file() && file.file_size() > 0 && file.path().filename() != "LOCK")
            files.push_back(file.path());
    std::sort(files.begin(), files.end());
    std::mt19937_64 random(20261121);
    Damage damage(directory, whole);
    for (int i = 0; i < flips; ++i) {
        const fs::path& file = files[std::size_t(i) % files.size()];
        std::string content = contentOfFile(file);
        const std::size_t at = random() % content.size();
        content[at] = char(content[at] ^ (1 << random() % 8));
        INFO(fs::relative(file, whole) << " at " << at);
        damage.change(file, content);
    }
    WARN("flipped bits of " << files.size() << " files: " << damage.outcomes.same << " gave the same, "
                            << damage.outcomes.refused << " were refused");
    CHECK(damage.outcomes.refused > 0);
}

} // namespace

TEST_CASE("A log that is damaged is refused, or its damage is of no account", "[T5]") { damageLog(151); }

TEST_CASE("A log that is damaged anywhere is refused, or its damage is of no account", "[.long][T5]") { damageLog(4); }

TEST_CASE("A bit that is flipped in any file gives the same state, or a refusal", "[T6]") { flipEverywhere(30); }

TEST_CASE("600 bits that are flipped in all files give the same state, or a refusal", "[.long][T6]") {
    flipEverywhere(600);
}

} // namespace rivulet::test::damage_test
