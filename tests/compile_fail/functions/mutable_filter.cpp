// A mutable function of filter.
// expect: this function is mutable: a user function may be called again
#include <rivulet/core.h>

int main() {
    const rivulet::Context sc("local", "compile_fail");
    long seen = 0;
    sc.range(10).filter([seen](long x) mutable { return x > seen++; }).count();
}
