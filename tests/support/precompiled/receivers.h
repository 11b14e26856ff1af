#pragma once

#include "support/precompiled/streaming.h"
#include "support/receiver_harness.h"
