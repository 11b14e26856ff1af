#include "count_words.h"

#include <iostream>

int main() {
    rivulet::Context sc("local[2]", "consumer");
    auto lines = sc.parallelize(std::vector<std::string>{"to be", "or not to be"}, 2);
    for (const auto& [word, count] : countWords(lines)) std::cout << word << ' ' << count << '\n';
}
