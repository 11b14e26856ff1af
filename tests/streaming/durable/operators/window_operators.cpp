#define CATCH_CONFIG_ENABLE_PAIR_STRINGMAKER
#include "operators.h"

namespace operators {

using namespace rivulet;
using namespace std::chrono_literals;
using Count = std::pair<std::string, long>;

namespace {

Texts window(const Texts& words, int, const std::string& uid) { return words.window(3s).uid(uid).erased(); }
Texts sliding(const Texts& words, int, const std::string& uid) { return words.window(4s, 2s).uid(uid).erased(); }
Texts count(const Texts& words, int, const std::string& uid) {
    return words.countByWindow(3s, 1s).uid(uid).map(textOf<long>).erased();
}
Texts byValue(const Texts& words, int, const std::string& uid) {
    return words.countByValueAndWindow(3s, 1s).uid(uid).map(textOf<Count>).erased();
}
Texts reduced(const Texts& words, int, const std::string& uid) {
    return words.map([](const std::string& word) { return long(word[0]); })
        .reduceByWindow(std::plus<>(), 3s, 1s)
        .uid(uid)
        .map(textOf<long>)
        .erased();
}
Texts byKey(const Texts& words, int n, const std::string& uid) {
    return words.map(withOne).reduceByKeyAndWindow(maximum, 3s, 1s, n).uid(uid).map(textOf<Count>).erased();
}
Texts inverted(const Texts& words, int n, const std::string& uid) {
    return words.map(withOne)
        .reduceByKeyAndWindow(std::plus<>(), std::minus<>(), 4s, 1s, n)
        .uid(uid)
        .map(textOf<Count>)
        .erased();
}
Texts grouped(const Texts& words, int n, const std::string& uid) {
    return words.map(withOne)
        .groupByKeyAndWindow(3s, 1s, n)
        .uid(uid)
        .mapValues([](const auto& ones) { return long(ones.size()); })
        .map(textOf<Count>)
        .erased();
}

} // namespace

std::vector<KeepingOperator> windowOperators() {
    return {{"window", window},
            {"window with a slide", sliding},
            {"countByWindow", count},
            {"countByValueAndWindow", byValue},
            {"reduceByWindow", reduced},
            {"reduceByKeyAndWindow", byKey},
            {"reduceByKeyAndWindow with an inverse", inverted},
            {"groupByKeyAndWindow", grouped}};
}

} // namespace operators
