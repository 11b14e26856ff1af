// Operations of pairs do not exist on other elements, and the error is at the call.
// expect: reduceByKey
// expect: AnyPair
#include <rivulet/core.h>

int main() {
    const rivulet::Context sc("local", "compile_fail");
    sc.range(10).reduceByKey(std::plus<>());
}
