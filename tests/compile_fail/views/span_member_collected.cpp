// A struct with a span among its members.
// expect: this element type holds a view, span or pointer, which would dangle where it is stored
#include <rivulet/core.h>

struct Numbers {
    long first;
    std::span<const int> all;
};

int main() {
    const rivulet::Context sc("local", "compile_fail");
    static const int numbers[] = {1, 2, 3};
    sc.range(3).map([](long n) { return Numbers{n, std::span<const int>(numbers)}; }).collect();
}
