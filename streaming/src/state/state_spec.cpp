#include "rivulet/state_spec.h"

#include "rivulet/stream/core.h"

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

bool isPaged(const StreamCore& core, StateBackend backend) {
    if (backend != StateBackend::asConfigured) return backend == StateBackend::rocksdb;
    return core.context().conf().get("rivulet.streaming.state.backend") == "rocksdb";
}

void throwNotPageable(const char* operation, std::source_location where) {
    throw UsageError(std::string(operation) +
                         ": its states are to lie in RocksDB (StateBackend::rocksdb), and the type of its keys or "
                         "states cannot be written; give it a default constructor and a member `template <class "
                         "Archive> void serialize(Archive& archive) { archive(each, of, its, members); }`, or keep "
                         "the states in memory",
                     where);
}

void throwBadTimeout(Duration timeout, std::source_location where) {
    throw UsageError("StateSpec::timeout: the duration (" + durationText(timeout) +
                         ") must be positive; leave timeout() out where states are to stay",
                     where);
}

} // namespace rivulet::detail
