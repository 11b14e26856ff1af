#include "kafka/kafka_programs.h"
#include "rivulet/serialization/stored.h"

namespace rivulet::test::record_test {

using namespace std::chrono_literals;

namespace {

std::string shown(const kafka::Record& record) {
    std::string text;
    appendText(text, record);
    return text;
}

} // namespace

TEST_CASE("A record is stored with its bytes, and seen as a record again") {
    std::string key = "k", value = "v", name = "h";
    const kafka::Header header{name, value};
    const kafka::Record record{"t", 3, 41, Time(5ms), key, value, kafka::Headers(&header, 1)};
    const kafka::OwnedRecord kept = owned<kafka::Record>::make(record);
    key = value = name = "x";
    const kafka::Record again = kept;
    CHECK(shown(again) == "t-3@41 k=v");
    CHECK(again.timestamp == Time(5ms));
    REQUIRE(again.headers.size() == 1);
    CHECK(again.headers[0].name == "h");
    CHECK(again.headers.find("h") == "v");
    CHECK(!again.headers.find("other"));
    CHECK(owned<kafka::Record>::make(again) == kept);
}

TEST_CASE("No key, no value and empty ones are told apart") {
    const kafka::Record none{"t", 0, 0, Time(), std::nullopt, std::nullopt, {}};
    const kafka::Record empty{"t", 0, 0, Time(), "", "", {}};
    CHECK(!owned<kafka::Record>::make(none).value);
    CHECK(owned<kafka::Record>::make(empty).value == "");
    CHECK(!(owned<kafka::Record>::make(none) == owned<kafka::Record>::make(empty)));
    CHECK(shown(none) == "t-0@0 null");
    CHECK(shown(empty) == "t-0@0 =");
    CHECK(none.valueOr("else") == "else");
}

TEST_CASE("A record can be stored in a state") {
    const kafka::OwnedRecord record{"t", 3, 41, Time(5ms), "k", std::nullopt, {{"h", "1"}, {"g", std::nullopt}}};
    detail::ByteWriter out;
    out(record);
    kafka::OwnedRecord read;
    const std::string bytes = std::move(out).text();
    detail::ByteReader in(bytes);
    in(read);
    CHECK(read == record);
}

} // namespace rivulet::test::record_test
