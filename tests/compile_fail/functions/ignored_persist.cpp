// A persist() whose result is dropped.
// expect: only the returned handle reads the cached partitions
#include <rivulet/core.h>

int main() {
    const rivulet::Context sc("local", "compile_fail");
    sc.range(10).persist(rivulet::StorageLevel::MEMORY_ONLY);
}
