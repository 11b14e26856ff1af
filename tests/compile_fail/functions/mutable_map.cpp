// A mutable function of map would carry its state from one repetition of a task to the next.
// expect: this function is mutable: a user function may be called again
#include <rivulet/core.h>

int main() {
    const rivulet::Context sc("local", "compile_fail");
    int calls = 0;
    sc.range(10).map([calls](long x) mutable { return x + ++calls; }).count();
}
