#pragma once

#include "rivulet/postgres.h"
#include "support/precompiled/streaming.h"
