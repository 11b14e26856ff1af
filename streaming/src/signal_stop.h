#pragma once

#include "rivulet/stream/core.h"

namespace rivulet::detail {

/// Stops the core when the process gets SIGINT or SIGTERM. A second signal has its ordinary effect.
void stopOnSignal(const std::shared_ptr<StreamCore>& core, bool gracefully);

/// Has the core make a savepoint when the process gets this signal: USR1 or USR2.
void savepointOnSignal(const std::shared_ptr<StreamCore>& core, const std::string& signal);

} // namespace rivulet::detail
