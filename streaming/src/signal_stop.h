#pragma once

#include "rivulet/stream/core.h"

namespace rivulet::detail {

/// Stops the core when the process gets SIGINT or SIGTERM. A second signal has its ordinary effect.
void stopOnSignal(const std::shared_ptr<StreamCore>& core, bool gracefully);

} // namespace rivulet::detail
