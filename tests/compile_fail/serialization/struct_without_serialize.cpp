// A struct that does not say what it consists of cannot be written to disk.
// expect: this type cannot be written to disk: give it a default constructor and a member
#include <rivulet/serialization/object_file.h>

struct Point {
    int x, y;
};

int main() {
    const rivulet::Context sc("local", "test");
    saveAsObjectFile(sc.parallelize<Point>({{1, 2}}, 1), "points");
}
