// [R43] in our form, for join.
// expect: this type cannot be a key because it has no hash
#include <rivulet/core.h>

struct User {
    long id;
    bool operator==(const User&) const = default;
};

int main() {
    const rivulet::Context sc("local", "compile_fail");
    const auto users = sc.range(3).map([](long n) { return std::pair(User{n}, 1L); });
    users.join(users).count();
}
