// A mutable function of mapPartitions.
// expect: this function is mutable: a user function may be called again
#include <rivulet/core.h>

int main() {
    const rivulet::Context sc("local", "compile_fail");
    long calls = 0;
    sc.range(10)
        .mapPartitions([calls](rivulet::PartitionElements<long>) mutable { return std::vector{++calls}; })
        .count();
}
