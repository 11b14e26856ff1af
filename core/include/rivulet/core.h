#pragma once

#include "rivulet/context.h"
#include "rivulet/error.h"
#include "rivulet/file_system.h"
#include "rivulet/log.h"
#include "rivulet/rdd.h"
#include "rivulet/words.h"
