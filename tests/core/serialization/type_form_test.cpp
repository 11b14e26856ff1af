#include "rivulet/serialization/object_file.h"

#include "support/rdd_harness.h"
#include "support/temporary_directory.h"

#include <cereal/types/base_class.hpp>
#include <cereal/types/chrono.hpp>
#include <cereal/types/deque.hpp>

namespace rivulet::test::type_form_test {

// What types look like when they are written.

using rivulet::detail::typeForm;

namespace {

enum class Colour : std::uint8_t { red };

struct Inner {
    int number = 7;
    Colour colour{};
    template <class Archive> void serialize(Archive& archive) { archive(number, colour); }
};
struct Outer : Inner {
    std::vector<Inner> inners;
    std::optional<double> value;
    std::vector<Outer> outers;
    template <class Archive> void serialize(Archive& archive) {
        archive(cereal::base_class<Inner>(this), cereal::make_nvp("inners", inners));
        archive & value & outers;
    }
};
/// Written and read by two functions, with a loop over what it reads itself.
struct Split {
    std::vector<short> numbers;
    template <class Archive> void save(Archive& archive) const {
        archive(cereal::make_size_tag(numbers.size()));
        for (const short n : numbers) archive(n);
    }
    template <class Archive> void load(Archive& archive) {
        std::size_t size = 1'000'000'000;
        archive(cereal::make_size_tag(size));
        numbers.resize(size);
        for (short& n : numbers) archive(n);
    }
};
struct Versioned {
    std::string text;
    template <class Archive> void serialize(Archive& archive, std::uint32_t) { archive(text); }
};
struct Strict {
    int magic = 5;
    template <class Archive> void serialize(Archive& archive) {
        archive(magic);
        if (magic != 5) throw std::runtime_error("no magic");
    }
};
struct Binary {
    char bytes[16] = {};
    template <class Archive> void serialize(Archive& archive) { archive(cereal::binary_data(bytes, sizeof bytes)); }
};
struct Stranger {
    double x = 0;
};
template <class Archive> void serialize(Archive& archive, Stranger& stranger) { archive(stranger.x); }
struct PortableOnly {
    long x = 0;
    void serialize(cereal::PortableBinaryOutputArchive& archive) { archive(x); }
    void serialize(cereal::PortableBinaryInputArchive& archive) { archive(x); }
};

} // namespace
} // namespace rivulet::test::type_form_test

CEREAL_CLASS_VERSION(rivulet::test::type_form_test::Versioned, 3)

namespace rivulet::test::type_form_test {

TEST_CASE("forms of numbers and texts are their sizes") {
    CHECK(typeForm<bool>() == "bool");
    CHECK(typeForm<char>() == "c8");
    CHECK(typeForm<signed char>() == "i8");
    CHECK(typeForm<unsigned short>() == "u16");
    CHECK(typeForm<long>() == "i64");
    CHECK(typeForm<long long>() == "i64");
    CHECK(typeForm<float>() == "f32");
    CHECK(typeForm<Colour>() == "u8");
    CHECK(typeForm<std::string>() == "string");
}

TEST_CASE("forms of containers are those of their elements") {
    CHECK(typeForm<std::pair<int, std::tuple<std::string, double, bool>>>() == "(i32,(string,f64,bool))");
    CHECK(typeForm<std::tuple<>>() == "()");
    CHECK(typeForm<std::optional<std::vector<std::string>>>() == "[string]?");
    CHECK(typeForm<std::variant<int, std::string>>() == "(i32|string)");
    CHECK(typeForm<std::array<std::array<float, 3>, 2>>() == "f32[3][2]");
    CHECK(typeForm<std::deque<bool>>() == "[bool]");
    CHECK(typeForm<std::vector<bool>>() == "[bool]");
    CHECK(typeForm<std::map<std::string, std::set<int>>>() == "{string:{i32}}");
    CHECK(typeForm<std::unordered_map<int, std::shared_ptr<int>>>() == "{i32:*i32}");
}

TEST_CASE("a struct's form is what its serialize names, whatever the struct is called") {
    CHECK(typeForm<Inner>() == "struct(i32,u8)");
    CHECK(typeForm<Outer>() == "struct(i32,u8,[struct(i32,u8)],f64?,[^1])");
    CHECK(typeForm<Split>() == "struct(size)");
    CHECK(typeForm<Versioned>() == "struct(u32,string)");
    CHECK(typeForm<Strict>() == "struct(i32!)");
    CHECK(typeForm<Binary>() == "struct(bytes)");
    CHECK(typeForm<Stranger>() == "struct(f64)");
    CHECK(typeForm<PortableOnly>() == "opaque(8)");
    CHECK(typeForm<std::vector<Stranger>>() == "[struct(f64)]");
    CHECK(typeForm<std::chrono::seconds>() == "struct(i64)");
}

TEST_CASE("whatever has a form is written and read") {
    const test::TemporaryDirectory directory;
    const Context sc("local[1]", "test");
    const auto again = [&]<class T>(const T& x, const char* name) {
        saveAsObjectFile(sc.parallelize<T>({x}, 1), directory / name);
        return objectFile<T>(sc, directory / name).first();
    };
    CHECK(again(Inner{9, Colour::red}, "inner").number == 9);
    CHECK(again(Split{{1, 2, 3}}, "split").numbers == std::vector<short>{1, 2, 3});
    CHECK(again(Versioned{"text"}, "versioned").text == "text");
    CHECK(again(Strict(), "strict").magic == 5);
    CHECK(again(Stranger{1.5}, "stranger").x == 1.5);
    CHECK(again(PortableOnly{3}, "portable").x == 3);
    CHECK(again(std::chrono::seconds(5), "seconds").count() == 5);
}

} // namespace rivulet::test::type_form_test
