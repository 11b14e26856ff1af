// A struct with a pointer among its members.
// expect: this element type holds a view, span or pointer, which would dangle where it is stored
#include <rivulet/core.h>

struct Holder {
    const int* number;
};

int main() {
    const rivulet::Context sc("local", "compile_fail");
    static const int number = 1;
    sc.range(3).map([](long) { return Holder{&number}; }).first();
}
