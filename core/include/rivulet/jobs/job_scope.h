#pragma once

#include <map>
#include <string>
#include <vector>

namespace rivulet {

/// What a thread says of the jobs that it starts: `Context::setJobGroup`, `addJobTag`, `setLocalProperty`.
struct JobScope {
    std::string group, description;
    std::vector<std::string> tags;
    std::map<std::string, std::string> properties;
    int future = -1; ///< of an asynchronous action
};

} // namespace rivulet
