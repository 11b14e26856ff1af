// A mutable function of reduceByKey.
// expect: this function is mutable: a user function may be called again
#include <rivulet/core.h>

int main() {
    const rivulet::Context sc("local", "compile_fail");
    long calls = 0;
    sc.range(10).map(rivulet::withOne).reduceByKey([calls](long a, long b) mutable { return a + b + ++calls; }).count();
}
