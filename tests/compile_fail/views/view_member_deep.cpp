// Nor can a struct that holds such a struct.
// expect: this element type holds a view, span or pointer, which would dangle where it is stored
#include <rivulet/core.h>

struct Word {
    std::string_view text;
};
struct Line {
    long number;
    std::optional<Word> first;
};

int main() {
    const rivulet::Context sc("local", "compile_fail");
    sc.parallelize({std::string("a")}, 1).map([](const std::string& text) { return Line{1, Word{text}}; }).collect();
}
