#pragma once

#include "rivulet/kafka.h"
#include "support/precompiled/streaming.h"
