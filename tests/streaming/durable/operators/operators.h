#pragma once

#include "rivulet/streaming.h"
#include "support/catch.h"

#include <string>
#include <vector>

/// Every operator that keeps something from batch to batch, on words, as texts.
namespace operators {

using Texts = rivulet::DStream<std::string>;

struct KeepingOperator {
    const char* name;
    Texts (*declare)(const Texts& words, int partitions, const std::string& uid);
};
std::vector<KeepingOperator> statesOperators();
std::vector<KeepingOperator> windowOperators();

template <class T> std::string textOf(const T& element) { return Catch::Detail::stringify(element); }

} // namespace operators
