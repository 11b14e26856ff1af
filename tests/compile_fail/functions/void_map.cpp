// map needs a function that returns something.
// expect: map's function returns nothing; use foreach for its effect
#include <rivulet/core.h>

int main() {
    const rivulet::Context sc("local", "compile_fail");
    sc.range(10).map([](long) {}).count();
}
