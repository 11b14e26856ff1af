// A struct with a view among its members cannot be a value that reduceByKey keeps.
// expect: this element type holds a view, span or pointer, which would dangle where it is stored
#include <rivulet/core.h>

struct Word {
    long line;
    std::string_view text;
};

int main() {
    const rivulet::Context sc("local", "compile_fail");
    sc.parallelize({std::string("a")}, 1)
        .map([](const std::string& text) { return std::pair(text, Word{1, text}); })
        .reduceByKey([](const Word& a, const Word&) { return a; })
        .count();
}
