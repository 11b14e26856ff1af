// word_count FILES: the ten most frequent words of text files (one file, a directory, or a pattern).
#include <rivulet/rivulet.h>

#include <iostream>

using namespace rivulet;

int main(int argc, char** argv) try {
    auto conf = Conf("local[*]", "word-count").applyArguments(argc, argv); // --conf key=value
    if (argc != 2) {
        std::cerr << "usage: word_count FILES\n";
        return 2;
    }
    Context sc(conf);
    auto counts = sc.textFile(argv[1])                                                // "to be", "or not to be"
                      .flatMap(words)                                                 // to be or not to be
                      .map([](std::string_view word) { return std::pair(word, 1L); }) // (to,1) (be,1) (or,1) ...
                      .reduceByKey(std::plus<>());                                    // (to,2) (be,2) (or,1) (not,1)
    for (auto& [word, n] : counts.top(10, byValue)) std::cout << word << '\t' << n << '\n';
} catch (const std::exception& error) {
    std::cerr << "word_count: " << error.what() << '\n';
    return 1;
}
