#include <rivulet/core.h>

#include <algorithm>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

int main() {
    rivulet::Context sc("local[2]", "consumer");
    auto counts = sc.parallelize(std::vector<std::string>{"to be", "or not to be"}, 2)
                      .flatMap(rivulet::words)
                      .map(rivulet::withOne)
                      .reduceByKey(std::plus<>())
                      .collect();
    std::sort(counts.begin(), counts.end());
    for (const auto& [word, count] : counts) std::cout << word << ' ' << count << '\n';
}
