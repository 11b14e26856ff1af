#include "rivulet/receiver.h"

namespace rivulet::detail {

void throwNoReceiver(std::source_location where) {
    throw UsageError("receiverStream: the pointer is null; give it a receiver, by value or by a pointer that owns one",
                     where);
}

} // namespace rivulet::detail
