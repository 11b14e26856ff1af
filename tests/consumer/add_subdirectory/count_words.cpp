#include "count_words.h"

#include <algorithm>
#include <functional>

std::vector<std::pair<std::string, long>> countWords(const rivulet::RDD<std::string>& lines) {
    auto counts = lines.flatMap(rivulet::words).map(rivulet::withOne).reduceByKey(std::plus<>()).collect();
    std::sort(counts.begin(), counts.end());
    return counts;
}
