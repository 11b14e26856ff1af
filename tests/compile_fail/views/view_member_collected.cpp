// A struct with a view among its members cannot be collected.
// expect: this element type holds a view, span or pointer, which would dangle where it is stored
#include <rivulet/core.h>

struct Word {
    std::string_view text;
    long line;
};

int main() {
    const rivulet::Context sc("local", "compile_fail");
    sc.parallelize({std::string("a")}, 1).map([](const std::string& text) { return Word{text, 1}; }).collect();
}
