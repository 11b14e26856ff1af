#pragma once

#include "rivulet/clock.h"
#include "rivulet/core.h"
#include "rivulet/dstream.h"
#include "rivulet/input/queue_stream.h"
#include "rivulet/input_dstream.h"
#include "rivulet/receiver.h"
#include "rivulet/sinks/files.h"
#include "rivulet/stream/durable/migration.h"
#include "rivulet/streaming_context.h"
#include "rivulet/streaming_listener.h"
