#include "rivulet/state_spec.h"

namespace rivulet::detail {

void throwNoState() { throw UsageError("State::get: the key has no state; ask exists() before, or use getOption()"); }

void throwRemovedState(const char* operation) {
    throw UsageError("State::" + std::string(operation) +
                     ": the state was removed in this call, which cannot be taken back; decide before remove()");
}

void throwTimedOutState(const char* operation) {
    throw UsageError("State::" + std::string(operation) +
                     ": the state is timing out and is removed after this call; ask isTimingOut() before");
}

void throwBadTimeout(Duration timeout, std::source_location where) {
    throw UsageError("StateSpec::timeout: the duration (" + durationText(timeout) +
                         ") must be positive; leave timeout() out where states are to stay",
                     where);
}

} // namespace rivulet::detail
