// What countByValue counts must be a key.
// expect: this type cannot be a key because it has no hash
#include <rivulet/core.h>

struct Reading {
    double celsius;
    bool operator==(const Reading&) const = default;
};

int main() {
    const rivulet::Context sc("local", "compile_fail");
    sc.range(3).map([](long n) { return Reading{double(n)}; }).countByValue();
}
