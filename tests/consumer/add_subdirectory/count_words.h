#pragma once

#include <rivulet/core.h>

#include <string>
#include <utility>
#include <vector>

std::vector<std::pair<std::string, long>> countWords(const rivulet::RDD<std::string>& lines);
