// A key must compare with ==.
// expect: this type cannot be a key because it has no operator==
#include <rivulet/core.h>

struct User {
    long id;
};
template <> struct std::hash<User> {
    std::size_t operator()(const User& user) const { return std::hash<long>()(user.id); }
};

int main() {
    const rivulet::Context sc("local", "compile_fail");
    sc.range(3).map([](long n) { return std::pair(User{n}, 1L); }).groupByKey().count();
}
