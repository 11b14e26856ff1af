#pragma once

/// All of Rivulet: `#include <rivulet/rivulet.h>`.

#include "rivulet/core.h"
#include "rivulet/receivers.h"
#include "rivulet/streaming.h"
