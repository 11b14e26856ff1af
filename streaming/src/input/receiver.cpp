#include "rivulet/receiver.h"

#include "rivulet/log.h"

namespace rivulet::detail {

void CallbackSender::written(std::uint64_t) {
    try {
        call_();
    } catch (...) { // must not take the log with it
        logError("what was to be called when a block is stored threw: " + messageOf(std::current_exception()));
    }
}

void throwNoReceiver(std::source_location where) {
    throw UsageError("receiverStream: the pointer is null; give it a receiver, by value or by a pointer that owns one",
                     where);
}

} // namespace rivulet::detail
