#include "rivulet/serialization/object_blocks.h"

#include "rivulet/containers/hash.h"
#include "rivulet/error.h"
#include "rivulet/file_system.h"

#include <array>
#include <bit>
#include <limits>
#include <span>
#include <sstream>

namespace rivulet::detail {
namespace {

constexpr std::string_view kMagic("RVOBJ\0\0\1", 8);
constexpr std::size_t kBlockBytes = 64 << 10;

using Header = std::array<std::uint32_t, 3>; // size, checksum, count

std::uint32_t littleEndian(std::uint32_t x) {
    return std::endian::native == std::endian::little ? x : __builtin_bswap32(x);
}

} // namespace

// ---- writing

struct ObjectWriter::Block {
    std::ostringstream bytes;
    std::uint32_t count = 0;
};

ObjectWriter::ObjectWriter(TextOutput::Part& part) : part_(part), block_(std::make_unique<Block>()) {
    part_.write(kMagic);
}
ObjectWriter::~ObjectWriter() = default;

std::ostream& ObjectWriter::elements() { return block_->bytes; }

bool ObjectWriter::added() {
    ++block_->count;
    return std::size_t(block_->bytes.tellp()) >= kBlockBytes;
}

void ObjectWriter::flush() {
    if (block_->count == 0) return;
    const std::string payload = std::move(block_->bytes).str();
    if (payload.size() > std::numeric_limits<std::uint32_t>::max())
        throw UsageError("saveAsObjectFile: an element takes " + std::to_string(payload.size()) +
                         " bytes; elements may have up to 4294967295 bytes");
    Header header{std::uint32_t(payload.size()), hashOf(std::string_view(payload)), block_->count};
    for (auto& word : header) word = littleEndian(word);
    part_.write(std::string_view(reinterpret_cast<const char*>(header.data()), sizeof header));
    part_.write(payload);
    block_ = std::make_unique<Block>();
}

// ---- reading

struct ObjectReader::State {
    std::string path;
    std::unique_ptr<InputFile> file;
    std::uint64_t offset = 0, blockOffset = 0;
    std::uint32_t count = 0;
    std::istringstream elements;

    [[noreturn]] void throwCorrupt(std::uint64_t at, const std::string& what) const {
        throw CorruptionError("object file '" + path + "' is damaged at byte " + std::to_string(at) + ": " + what +
                              "; write it again, or leave it out");
    }
    void read(std::span<char> bytes, const char* what) {
        const std::size_t got = file->readAt(offset, bytes);
        if (got < bytes.size())
            throwCorrupt(offset, "expected " + std::to_string(bytes.size()) + " bytes of " + what + ", found " +
                                     std::to_string(got));
        offset += bytes.size();
    }
};

ObjectReader::ObjectReader(const std::string& path) : state_(std::make_unique<State>()) {
    state_->path = path;
    state_->file = FileSystem::forUri(path)->openRead(FileSystem::pathOf(path));
    std::string magic(kMagic.size(), '\0');
    state_->read(magic, "the header");
    if (magic != kMagic) state_->throwCorrupt(0, "expected the header of an object file of version 1");
}
ObjectReader::~ObjectReader() = default;
ObjectReader::ObjectReader(ObjectReader&&) noexcept = default;

bool ObjectReader::next() {
    State& state = *state_;
    if (state.offset >= state.file->sizeBytes()) return false;
    state.blockOffset = state.offset;
    Header header;
    state.read(std::span(reinterpret_cast<char*>(header.data()), sizeof header), "a block's header");
    for (auto& word : header) word = littleEndian(word);
    const auto [size, checksum, count] = header;
    if (size > state.file->sizeBytes() - state.offset) // before so much memory is asked for
        state.throwCorrupt(state.blockOffset, "expected a block of " + std::to_string(size) + " bytes, found " +
                                                  std::to_string(state.file->sizeBytes() - state.offset));
    std::string payload(size, '\0');
    state.read(payload, "a block");
    const std::uint32_t found = hashOf(std::string_view(payload));
    if (found != checksum)
        state.throwCorrupt(state.blockOffset, "expected a block with checksum " + std::to_string(checksum) +
                                                  ", found " + std::to_string(found));
    state.count = count;
    state.elements = std::istringstream(std::move(payload));
    return true;
}

std::istream& ObjectReader::elements() { return state_->elements; }

std::uint32_t ObjectReader::count() const { return state_->count; }

void ObjectReader::throwOtherType(const std::string& why) const {
    state_->throwCorrupt(state_->blockOffset,
                         "the elements are not of the type that they are read as, or its serialize changed (" + why +
                             ")");
}

void ObjectReader::checkAllRead() {
    if (state_->elements.peek() != std::istringstream::traits_type::eof()) throwOtherType("there are bytes left");
}

std::vector<std::string> objectParts(const std::string& uris, std::source_location where) {
    std::vector<std::string> paths;
    for (FileStatus& file : expandInput(uris, where)) paths.push_back(std::move(file.path));
    return paths;
}

} // namespace rivulet::detail
