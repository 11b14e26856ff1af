// [R43] in our form: std::array has no hash.
// expect: this type cannot be a key because it has no hash
#include <rivulet/core.h>

int main() {
    const rivulet::Context sc("local", "compile_fail");
    sc.range(3).map([](long n) { return std::array{n, n}; }).distinct().count();
}
