// A fused chain does not look into the cache: a cache() whose result is dropped would do nothing.
// expect: only the returned handle reads the cached partitions
#include <rivulet/core.h>

int main() {
    const rivulet::Context sc("local", "compile_fail");
    const auto squares = sc.range(10).map([](long n) { return n * n; });
    squares.cache();
    squares.count();
}
