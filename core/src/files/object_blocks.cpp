#include "rivulet/serialization/object_blocks.h"

#include "rivulet/containers/hash.h"
#include "rivulet/error.h"
#include "rivulet/file_system.h"

#include <array>
#include <bit>
#include <span>
#include <sstream>

namespace rivulet::detail {
namespace {

constexpr std::string_view kMagic("RVOBJ\0\0\2", 8);
constexpr std::size_t kBlockBytes = 64 << 10;
constexpr std::size_t kMostFormBytes = 1 << 20;
constexpr std::uint32_t kEnd = 0xffff'ffff; // in place of a block's size

std::uint32_t littleEndian(std::uint32_t x) {
    return std::endian::native == std::endian::little ? x : __builtin_bswap32(x);
}

/// Numbers as they are in a file.
template <std::size_t N> using Words = std::array<std::uint32_t, N>;
template <std::size_t N> Words<N> swapped(Words<N> words) {
    for (auto& word : words) word = littleEndian(word);
    return words;
}
template <std::size_t N> std::string_view bytesOf(const Words<N>& words) {
    return {reinterpret_cast<const char*>(words.data()), sizeof words};
}

/// Of what stands before a block, and where it stands.
std::uint32_t sealOf(std::uint32_t size, std::uint32_t count, std::uint32_t checksum, std::uint32_t index) {
    return hashOf(bytesOf(swapped(Words<4>{size, count, checksum, index})));
}

} // namespace

// ---- writing

struct ObjectWriter::Block {
    std::ostringstream bytes;
    std::uint32_t count = 0;
};

ObjectWriter::ObjectWriter(TextOutput::Part& part, const std::string& form)
    : part_(part),
      block_(std::make_unique<Block>()) {
    part_.write(kMagic);
    part_.write(bytesOf(swapped(Words<2>{std::uint32_t(form.size()), hashOf(std::string_view(form))})));
    part_.write(form);
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
    if (payload.size() >= kEnd)
        throw UsageError("saveAsObjectFile: an element takes " + std::to_string(payload.size()) +
                         " bytes; elements may have up to 4294967294 bytes");
    const auto size = std::uint32_t(payload.size());
    const std::uint32_t checksum = hashOf(std::string_view(payload));
    const std::uint32_t seal = sealOf(size, block_->count, checksum, blocks_++);
    part_.write(bytesOf(swapped(Words<4>{size, block_->count, checksum, seal})));
    part_.write(payload);
    block_ = std::make_unique<Block>();
}

void ObjectWriter::finish() {
    flush();
    part_.write(bytesOf(swapped(Words<4>{kEnd, blocks_, 0, sealOf(kEnd, blocks_, 0, blocks_)})));
}

// ---- reading

struct ObjectReader::State {
    std::string path;
    std::unique_ptr<InputFile> file;
    std::uint64_t offset = 0, blockOffset = 0;
    std::uint32_t count = 0, blocks = 0;
    bool ended = false;
    std::istringstream elements;

    [[noreturn]] void throwCorrupt(std::uint64_t at, const std::string& what) const {
        throw CorruptionError("object file '" + path + "' is damaged at byte " + std::to_string(at) + ": " + what +
                              "; write it again, or leave it out");
    }
    std::uint64_t left() const { return file->sizeBytes() - std::min(offset, file->sizeBytes()); }
    void read(std::span<char> bytes, const char* what) {
        const std::size_t got = file->readAt(offset, bytes);
        if (got < bytes.size())
            throwCorrupt(offset, "expected " + std::to_string(bytes.size()) + " bytes of " + what + ", found " +
                                     std::to_string(got));
        offset += bytes.size();
    }
    template <std::size_t N> Words<N> readWords(const char* what) {
        Words<N> words;
        read(std::span(reinterpret_cast<char*>(words.data()), sizeof words), what);
        return swapped(words);
    }
    /// So many bytes, which are not asked for before it is known that they are there.
    std::string readText(std::uint32_t size, std::uint32_t checksum, const char* what) {
        const std::uint64_t at = offset;
        if (size > left())
            throwCorrupt(at, "expected " + std::to_string(size) + " bytes of " + what + ", found " +
                                 std::to_string(left()));
        std::string text(size, '\0');
        read(text, what);
        const std::uint32_t found = hashOf(std::string_view(text));
        if (found != checksum)
            throwCorrupt(at, std::string("expected ") + what + " with checksum " + std::to_string(checksum) +
                                 ", found " + std::to_string(found));
        return text;
    }
    void readForm(const std::string& expected) {
        const auto [size, checksum] = readWords<2>("the header");
        if (size > kMostFormBytes) throwCorrupt(offset, "a header of " + std::to_string(size) + " bytes cannot be");
        const std::string found = readText(size, checksum, "the header");
        if (found != expected)
            throw CorruptionError("object file '" + path + "' holds elements of another type: expected " + expected +
                                  ", found " + found + "; read it as the type that was written");
    }
};

ObjectReader::ObjectReader(const std::string& path, const std::string& form) : state_(std::make_unique<State>()) {
    state_->path = path;
    state_->file = FileSystem::forUri(path)->openRead(FileSystem::pathOf(path));
    std::string magic(kMagic.size(), '\0');
    state_->read(magic, "the header");
    if (magic != kMagic) state_->throwCorrupt(0, "expected the header of an object file of version 2");
    state_->readForm(form);
}
ObjectReader::~ObjectReader() = default;
ObjectReader::ObjectReader(ObjectReader&&) noexcept = default;

bool ObjectReader::next() {
    State& state = *state_;
    if (state.ended) return false;
    state.blockOffset = state.offset;
    const auto [size, count, checksum, seal] = state.readWords<4>("a block's header");
    if (seal != sealOf(size, count, checksum, state.blocks))
        state.throwCorrupt(state.blockOffset, "expected a block's header with checksum " + std::to_string(seal) +
                                                  ", found " +
                                                  std::to_string(sealOf(size, count, checksum, state.blocks)));
    if (size == kEnd) {
        if (state.left() > 0) state.throwCorrupt(state.offset, "expected the end, found more");
        state.ended = true;
        return false;
    }
    ++state.blocks;
    state.count = count;
    state.elements = std::istringstream(state.readText(size, checksum, "a block"));
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
