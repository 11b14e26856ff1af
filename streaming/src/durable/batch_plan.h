#pragma once

#include "rivulet/time.h"

#include <cstdint>
#include <map>
#include <string>

namespace rivulet::detail {

/// The batch that was begun: what belongs to it is fixed, so that a process that has to run it again runs the same.
struct BatchPlan {
    std::uint64_t id = 0;
    Time time{}, zero{};
    Duration batchDuration{};
    std::map<std::string, std::string> positions; // of the sources after it, by uid
    template <class Archive> void serialize(Archive& archive) { archive(id, time, zero, batchDuration, positions); }
    /// A source has another name now.
    void rename(const std::string& old, const std::string& now) {
        if (auto position = positions.extract(old)) {
            position.key() = now;
            positions.insert(std::move(position));
        }
    }
};

} // namespace rivulet::detail
