// What has no text form cannot be saved as text: the concept that is not met is Printable.
// expect: saveAsTextFile
// expect: Printable
#include <rivulet/core.h>

struct Reading {
    double celsius;
};

int main() {
    const rivulet::Context sc("local", "compile_fail");
    sc.range(3).map([](long n) { return Reading{double(n)}; }).saveAsTextFile("out");
}
