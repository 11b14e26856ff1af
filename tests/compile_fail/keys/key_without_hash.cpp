// [R43] in our form: Spark refuses array keys when the job is made; a key without a hash does not compile.
// expect: this type cannot be a key because it has no hash
#include <rivulet/core.h>

struct User {
    long id;
    bool operator==(const User&) const = default;
};

int main() {
    const rivulet::Context sc("local", "compile_fail");
    sc.range(3).map([](long n) { return std::pair(User{n}, 1L); }).reduceByKey(std::plus<>()).count();
}
